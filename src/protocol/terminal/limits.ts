// What one line, and one escape sequence, of a terminal may hold for us.

/** Of a line; the rest is counted, not kept. */
export const lineCharsMax = 16_384
/** What opens an escape sequence and has not ended after so many characters is text. */
export const escapeCharsMax = 4_096
