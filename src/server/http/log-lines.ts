// Lines of a log as a terminal shows them, out of pieces that begin and end anywhere: for those who want text that one reads, not
// the bytes. A line is cut where the viewer cuts it, and says how much is missing.
import { plainText } from '../../protocol/terminal/search.ts'
import { createSgrReducer, type SgrLine } from '../../protocol/terminal/sgr.ts'

export type LogPiece = { readonly step: number; readonly firstLine: number; readonly bytes: Uint8Array }
export type ShownLine = SgrLine & {
  readonly step: number
  readonly line: number
  /** false: the log ends within it. */
  readonly isEnded: boolean
}

type Open = {
  readonly decoder: InstanceType<typeof TextDecoder>
  readonly reducer: ReturnType<typeof createSgrReducer>
  line: number
}

/** All that one piece ends, at once: a line at a time would be a promise at a time. */
export const shownLines = async function* (
  pieces: AsyncIterable<LogPiece>,
): AsyncGenerator<readonly ShownLine[]> {
  const steps = new Map<number, Open>()
  for await (const { step, firstLine, bytes } of pieces) {
    const open = steps.get(step) ?? newStep(firstLine)
    steps.set(step, open)
    const lines = open.reducer.push(open.decoder.decode(bytes, { stream: true }))
    if (lines.length > 0) yield lines.map((line) => ({ ...line, step, line: open.line++, isEnded: true }))
  }
  for (const [step, { decoder, reducer, line }] of steps) {
    reducer.push(decoder.decode())
    const tail = reducer.tail()
    if (tail !== null) yield [{ ...tail, step, line, isEnded: false }]
  }
}

const newStep = (firstLine: number): Open => ({
  decoder: new TextDecoder('utf-8', { ignoreBOM: true }),
  reducer: createSgrReducer(),
  line: firstLine,
})

export const asPlainText = async function* (pieces: AsyncIterable<LogPiece>): AsyncGenerator<string> {
  for await (const lines of shownLines(pieces))
    yield lines.map((line) => `${plainText(line.text)}${cutWords(line)}${line.isEnded ? '\n' : ''}`).join('')
}

export const cutWords = ({ cut }: SgrLine): string => (cut === 0 ? '' : ` … ${cut} more characters`)
