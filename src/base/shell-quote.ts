// Words for a shell that were chosen by somebody else.

/** One word, whatever it holds: between single quotes nothing means anything to a shell. */
export const shellQuote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
