// Looks for something in the text of a log that comes in pieces, which begin and end anywhere: the same lines are found as in one
// piece. Called in a worker, which is ended with whatever does not come to an end; never where others wait.
import { lineCharsMax } from './limits.ts'
import { compileQuery, isShown, matchingLines, plainText, type Query } from './search.ts'
import { createSgrReducer } from './sgr.ts'

export type FoundLine = {
  readonly step: number
  readonly line: number
  /** As a terminal shows it, without colours, near what was found. */
  readonly text: string
  /** Where in `text` that is. */
  readonly from: number
  readonly to: number
}
export type Found = { readonly count: number; readonly lines: readonly FoundLine[] }

/** Of a line that is shown for what was found in it. */
const excerptBefore = 80
export const excerptChars = 400

type Open = { readonly decoder: InstanceType<typeof TextDecoder>; rest: string; line: number }

/** null: the query is no regular expression. `linesMax`: so many are kept, the others are counted. */
export const createTextSearch = (query: Query, linesMax: number) => {
  const pattern = compileQuery(query)
  if (pattern === null) return null
  const steps = new Map<number, Open>()
  let kept = { count: 0, lines: [] as FoundLine[] }
  let room = linesMax
  const look = (step: number, firstLine: number, text: string): void => {
    const numbers = matchingLines(text, firstLine, pattern)
    kept.count += numbers.length
    if (room === 0 || numbers.length === 0) return
    const lines = text.split('\n')
    const shown = numbers.slice(0, room)
    room -= shown.length
    for (const line of shown) kept.lines.push(excerpt({ step, line }, lines[line - firstLine] ?? '', pattern))
  }
  const openOf = (step: number, firstLine: number): Open => {
    const before = steps.get(step)
    if (before?.line === firstLine) return before
    // Lines in between were left out.
    if (before !== undefined) look(step, before.line, before.rest)
    const open = { decoder: new TextDecoder('utf-8', { ignoreBOM: true }), rest: '', line: firstLine }
    steps.set(step, open)
    return open
  }
  /** What was found since the last call. */
  const take = (): Found => {
    const found = kept
    kept = { count: 0, lines: [] }
    return found
  }
  return {
    piece: (step: number, firstLine: number, bytes: Uint8Array): Found => {
      const open = openOf(step, firstLine)
      const text = open.rest + open.decoder.decode(bytes, { stream: true })
      const end = text.lastIndexOf('\n')
      if (end !== -1) {
        const whole = text.slice(0, end)
        look(step, open.line, whole)
        open.line += whole.split('\n').length
      }
      open.rest = text.slice(end + 1).slice(0, openCharsMax)
      return take()
    },
    /** Of a log: lines without an end count as they are, and the next log begins anew. */
    end: (): Found => {
      for (const [step, { line, rest, decoder }] of steps) {
        const last = rest + decoder.decode()
        if (last !== '') look(step, line, last)
      }
      steps.clear()
      room = linesMax
      return take()
    },
  }
}

/** Of a line without an end; what comes after that is not looked at. */
const openCharsMax = 256 * 1024

const excerpt = (at: Pick<FoundLine, 'step' | 'line'>, line: string, pattern: RegExp): FoundLine => {
  const shown = shownText(line)
  const hit = isShown(shown, pattern) ? shown : plainText(line)
  pattern.lastIndex = 0
  const match = pattern.exec(hit)
  const start = Math.max(0, (match?.index ?? 0) - excerptBefore)
  const text = hit.slice(start, start + excerptChars).replaceAll('\r', '')
  const from = Math.min(text.length, (match?.index ?? 0) - start)
  return { ...at, text, from, to: Math.min(text.length, from + (match?.[0].length ?? 0)) }
}

/** The last that a terminal shows of a line. */
export const shownText = (line: string): string => {
  const reducer = createSgrReducer()
  reducer.push(line.slice(0, 4 * lineCharsMax))
  return plainText(reducer.tail()?.text ?? '')
}
