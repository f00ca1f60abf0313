// A value on a line of its own, no deeper than its key, as `run:` above `|`: YAML 1.2 has no such thing, and parsers of 1.1, the
// platform's among them, take it. Such a line is joined to the one before it where the syntax was found wrong, and nowhere else.

/** As long as the text, so that positions stay what they were; null when there is nothing to join. */
export const joinValues = (text: string, wrongAt: readonly number[]): string | null => {
  const ends = [...new Set(wrongAt.map((at) => keyEndAbove(text, at)).filter((end) => end !== null))]
  if (ends.length === 0) return null
  let joined = ''
  let done = 0
  for (const end of ends.sort((a, b) => a - b)) {
    joined += `${text.slice(done, end).replace(/\r$/, ' ')} `
    done = end + 1
  }
  return joined + text.slice(done)
}

/** Where the line above ends, when that is a key without a value and this one begins as deep as the key or deeper. */
const keyEndAbove = (text: string, at: number): number | null => {
  const end = text.lastIndexOf('\n', at - 1)
  const column = at - end - 1
  if (end < 0 || at < 1 || text.slice(end + 1, at) !== ' '.repeat(column)) return null
  const above = text.slice(text.lastIndexOf('\n', end - 1) + 1, end).trimEnd()
  const indent = /^(?: |- )*/.exec(above)?.[0].length ?? 0
  return above.endsWith(':') && !above.includes(' #') && column >= indent ? end : null
}
