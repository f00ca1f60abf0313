// Which versions of which secrets each attempt was given, for as long as somebody may still say that one of them leaked: a line per
// release, on the disk before the answer goes. It needs no MAC: the worst a changed line brings about is a revocation, and whoever can
// write here can remove the values themselves.
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { AttemptId } from '../../base/ids.ts'
import { id, integer, list, object, type Shaped } from '../../base/shape.ts'
import { secretName, secretsMax } from '../../protocol/statement.ts'
import { writeFileDurably } from '../../sys/index.ts'
import { givenKeepSeconds, givenLinesMax } from '../limits.ts'
import { openAppendLog } from './append-log.ts'
import { readLines } from './read-lines.ts'

const givenLine = object({
  at: integer({ min: 0, max: 253_402_300_799 }),
  attempt: id('attempt'),
  runner: id('runner'),
  /** `as`: what the attempt knows it by. */
  secrets: list(
    object({ as: secretName, secret: id('secret'), version: integer({ min: 1, max: 1_000_000 }) }),
    { min: 1, max: secretsMax },
  ),
})
export type GivenToAttempt = Shaped<typeof givenLine>

export interface Given {
  /** null: nothing, or too long ago. */
  to(attempt: AttemptId): GivenToAttempt | null
  /** Durable when it resolves. */
  add(given: GivenToAttempt): Promise<void>
  close(): Promise<void>
}

export const openGiven = async (options: { dataDir: string; clock: Clock }): Promise<Given> => {
  const path = join(options.dataDir, 'given.log')
  const known = new Map((await readLines(path, givenLine)).map((line) => [line.attempt, line]))
  const forgetOld = () => {
    const before = options.clock.now() / 1000 - givenKeepSeconds
    for (const { attempt, at } of known.values()) if (at < before) known.delete(attempt)
  }
  const remaining = () => [...known.values()].map((line) => JSON.stringify(line))
  forgetOld()
  const text = remaining().map((line) => `${line}\n`)
  await writeFileDurably(path, text.join(''))
  const log = await openAppendLog(path)
  let lines = known.size
  let compactAt = Math.max(givenLinesMax, 2 * known.size)
  return {
    to: (attempt) => known.get(attempt) ?? null,
    add: async (given) => {
      known.set(given.attempt, given)
      await log.append(JSON.stringify(given))
      if (++lines < compactAt) return
      forgetOld()
      lines = known.size
      compactAt = Math.max(givenLinesMax, 2 * known.size)
      await log.replace(remaining)
    },
    close: () => log.close(),
  }
}
