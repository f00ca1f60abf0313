// Findings are written to follow `file:1:2: error[…]:`; where one stands alone it begins as a sentence does.

/** Only a letter is raised: a text that begins with a quoted name shows the name as it is written. */
export const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1)
