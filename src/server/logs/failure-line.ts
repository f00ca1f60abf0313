// The one line of a failed step that its reader wants first: the one that somebody marked, else the first that speaks of a
// failure, else the last that says anything. Only numbers are remembered of a log (first-failure.ts); the text is read again.
import { plain } from '../../protocol/annotations.ts'
import { limits } from '../limits.ts'
import type { FailureLine } from '../log-use-cases.ts'
import type { LogText } from './first-failure.ts'
import { createLineReader } from './lines.ts'

/** Of one step: `lines` line ends, and pieces of its text that hold at least the lines `from` … `to`. */
export type StepLog = {
  readonly lines: number
  readonly read: (from: number, to: number) => AsyncIterable<LogText>
}

/** null: nothing that could be shown. */
export const failureLine = async (
  log: StepLog,
  known: { readonly pinned: number | null; readonly firstFailure: number | null },
): Promise<FailureLine | null> => {
  const { pinned, firstFailure } = known
  if (pinned !== null) return lineAt(log, pinned, 'pinned')
  return firstFailure === null ? lastLine(log) : lineAt(log, firstFailure, 'words')
}

const lineAt = async (log: StepLog, line: number, why: FailureLine['why']): Promise<FailureLine | null> => {
  const found = (await shownLines(log, line, line))[0]
  return found === undefined ? null : { ...found, why }
}

/** Many steps end in empty lines. */
const lastLines = 100

const lastLine = async (log: StepLog): Promise<FailureLine | null> => {
  const last = (await shownLines(log, log.lines - lastLines, log.lines + 1)).at(-1)
  return last === undefined ? null : { ...last, why: 'end' }
}

/** Those that say anything, as they are shown to people. */
const shownLines = async (log: StepLog, from: number, to: number) => {
  const lines: { readonly line: number; readonly text: string }[] = []
  const reader = createLineReader({
    line: (_, line, raw) => {
      if (line < from || line > to) return
      const text = plain(raw).trim().slice(0, limits.condensedLineMax)
      if (text !== '') lines.push({ line, text })
    },
  })
  for await (const piece of log.read(from, to)) reader.read({ step: 0, ...piece })
  reader.end()
  return lines
}
