// A number with its word, for people: `1 file`, `3 files`.

export const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`
