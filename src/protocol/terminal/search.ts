// Looks for something in the raw text of a chunk: fast over all of it, and once more at the line as it is shown where a
// terminal would have overwritten part of it. Runs in workers, of a browser and of a server; a regular expression that never ends is ended with its worker.
import { createSgrReducer } from './sgr.ts'

export type Query = { readonly text: string; readonly isRegex: boolean; readonly matchCase: boolean }

/** Finds in one line of plain text at a time, too; null when the text is no regular expression. */
export const compileQuery = ({ text, isRegex, matchCase }: Query): RegExp | null => {
  const source = isRegex ? text : text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  try {
    return text === '' ? null : new RegExp(source, matchCase ? 'gm' : 'gim')
  } catch {
    // Half typed, mostly. The page says that it is none.
    return null
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what is left out.
const sgr = /\u001b\[[0-9;:]*m/g
/** A carriage return that ends no line, a step back, or any other sequence: what is shown is not what was written. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
const redraws = /\r(?!$)|[\b\u001b\u009b]/

/** The text of a line without its colours: to copy, to search, to look at. */
export const plainText = (line: string): string => line.replace(sgr, '')

/** Numbers of the lines that match, from `firstLine` on, each once and in order. */
export const matchingLines = (text: string, firstLine: number, pattern: RegExp): number[] => {
  const plain = plainText(text)
  const found: number[] = []
  let line = firstLine
  let lineStart = 0
  pattern.lastIndex = 0
  for (let match = pattern.exec(plain); match !== null; match = pattern.exec(plain)) {
    for (let end = plain.indexOf('\n', lineStart); end !== -1 && end < match.index; ) {
      line++
      lineStart = end + 1
      end = plain.indexOf('\n', lineStart)
    }
    const next = plain.indexOf('\n', lineStart)
    const end = next === -1 ? plain.length : next
    if (isShown(plain.slice(lineStart, end), pattern)) found.push(line)
    // On to the next line; an empty match must not stand still.
    pattern.lastIndex = end + 1
    if (end >= plain.length) break
  }
  return found
}

export const isShown = (line: string, pattern: RegExp): boolean => {
  if (!redraws.test(line)) return true
  const reducer = createSgrReducer()
  reducer.push(line)
  pattern.lastIndex = 0
  return pattern.test(plainText(reducer.tail()?.text ?? ''))
}
