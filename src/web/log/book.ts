// The log of one attempt as the browser holds it: per step the reduced lines, their times and widths. Frames go in,
// in order of `seq`; what was there already is ignored, so resuming may repeat itself.
import { logLinesMax } from '../limits.ts'
import { createSgrReducer, type SgrLine, type SgrReducer } from './sgr.ts'

/** A frame after inflating. */
export type RawFrame = {
  readonly seq: number
  readonly step: number
  readonly firstLine: number
  readonly tMs: number
  readonly bytes: Uint8Array
}

export type BookLine = SgrLine & { readonly tMs: number | null }

type StepLog = {
  readonly reducer: SgrReducer
  readonly decoder: TextDecoder
  readonly lines: (BookLine | undefined)[]
  /** When the line that is being written began. */
  tailMs: number
}

export const createLogBook = () => {
  const steps = new Map<number, StepLog>()
  let lastSeq = 0
  let total = 0

  const stepLog = (step: number): StepLog => {
    const known = steps.get(step)
    if (known !== undefined) return known
    const made: StepLog = {
      reducer: createSgrReducer(),
      decoder: new TextDecoder(),
      lines: [],
      tailMs: 0,
    }
    steps.set(step, made)
    return made
  }

  return {
    /** The cursor to resume from. */
    get lastSeq() {
      return lastSeq
    },
    append: (frame: RawFrame): void => {
      if (frame.seq <= lastSeq) return
      lastSeq = frame.seq
      const log = stepLog(frame.step)
      // A hole: lines that were never stored. They keep their numbers, so that links stay right.
      const room = logLinesMax - total
      const start = Math.min(frame.firstLine - 1, log.lines.length + room)
      if (start > log.lines.length) {
        total += start - log.lines.length
        log.lines.length = start
      }
      if (log.reducer.tail() === null) log.tailMs = frame.tMs
      for (const line of log.reducer.push(log.decoder.decode(frame.bytes, { stream: true }))) {
        if (total >= logLinesMax) return
        log.lines.push({ ...line, tMs: log.tailMs })
        log.tailMs = frame.tMs
        total++
      }
    },
    /** Lines of a step, the unfinished one included. */
    lineCount: (step: number): number => {
      const log = steps.get(step)
      return log === undefined ? 0 : log.lines.length + (log.reducer.tail() === null ? 0 : 1)
    },
    /** Line `number` of a step, from 1; null when it is not there. */
    line: (step: number, number: number): BookLine | null => {
      const log = steps.get(step)
      if (log === undefined) return null
      const stored = log.lines[number - 1]
      if (stored !== undefined) return stored
      const tail = number === log.lines.length + 1 ? log.reducer.tail() : null
      return tail === null ? null : { ...tail, tMs: log.tailMs }
    },
    steps: (): readonly number[] => [...steps.keys()].sort((a, b) => a - b),
  }
}
export type LogBook = ReturnType<typeof createLogBook>

// biome-ignore lint/suspicious/noControlCharactersInRegex: SGR is all that is left of control characters here.
const sgr = /\u001b\[[0-9;]*m/g
const looksWrong =
  /\b(error|errors|fatal|panic|exception|traceback|assert\w*|not ok|fail|failed|failure|✕|✗)\b|^E\s/i

/** The text of a line without its colours: to copy, to search, to look at. */
export const plainText = (line: string): string => line.replace(sgr, '')

/** Where a reader of a failed step wants to be: its first line that speaks of an error, else its last. */
export const firstErrorLine = (book: LogBook, step: number): number => {
  const count = book.lineCount(step)
  for (let number = 1; number <= count; number++)
    if (looksWrong.test(plainText(book.line(step, number)?.text ?? ''))) return number
  return count
}
