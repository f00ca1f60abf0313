// Where a reader of a failed step wants to be: its first line that speaks of a failure. Found where the log is, so that
// nobody fetches a million lines to open at one; remembered, since a finished log does not change.
import type { AttemptId } from '../../base/ids.ts'
import { failureWords } from '../../protocol/log-words.ts'
import { limits } from '../limits.ts'

/** Text of a step in order, each piece with the line at which it begins. */
export type LogText = { readonly firstLine: number; readonly text: Buffer }

export const createFirstFailures = () => {
  const known = new Map<string, number | null>()
  return {
    /** null: no line does. `texts` is read only when the answer is not known. */
    find: async (
      of: { readonly attempt: AttemptId; readonly step: number },
      texts: () => AsyncIterable<LogText>,
    ): Promise<number | null> => {
      const name = `${of.attempt} ${of.step}`
      const before = known.get(name)
      if (before !== undefined) return before
      const line = await firstFailure(texts())
      known.set(name, line)
      const oldest = known.keys().next().value
      if (known.size > limits.firstFailuresKept && oldest !== undefined) known.delete(oldest)
      return line
    },
  }
}

/** Words cut by the border of two chunks are missed: a guess may be. */
export const firstFailure = async (texts: AsyncIterable<LogText>): Promise<number | null> => {
  for await (const { firstLine, text } of texts) {
    const found = failureWords.exec(text.toString())
    if (found !== null) return firstLine + lineEnds(found.input, found.index)
  }
  return null
}

const lineEnds = (text: string, before: number): number => {
  let lines = 0
  for (let at = text.indexOf('\n'); at !== -1 && at < before; at = text.indexOf('\n', at + 1)) lines++
  return lines
}
