// When each secret was last released, and how often: a line per release, folded at every start into one line per secret.
// Like used.log it needs no MAC: it decides nothing, and audit.log says the same.
import { join } from 'node:path'
import type { SecretId } from '../../base/ids.ts'
import { id, integer, list, object, optional, type Shaped } from '../../base/shape.ts'
import { writeFileDurably } from '../../sys/index.ts'
import { usesLinesMax } from '../limits.ts'
import { openAppendLog } from './append-log.ts'
import { readLines } from './read-lines.ts'

const count = integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const useLine = object({
  at: integer({ min: 0, max: 253_402_300_799 }),
  run: id('run'),
  job: id('job'),
  attempt: id('attempt'),
  secrets: list(id('secret'), { max: 10_000 }),
  count,
  /** Of a folded line: how many of them on which days since 1970. A line of one release is on the day it says. */
  days: optional(list(object({ day: integer({ min: 0, max: 3_000_000 }), count }), { max: 40 })),
})
type Line = Shaped<typeof useLine>
export type Use = Omit<Line, 'secrets' | 'count' | 'days'>

export interface Uses {
  last(secret: SecretId): { readonly last: Use; readonly count: number } | null
  /** How often in the last 30 days. */
  recent(secret: SecretId, nowSeconds: number): number
  /** Durable when it resolves. */
  add(use: Use, secrets: readonly SecretId[]): Promise<void>
  forget(secret: SecretId): void
  close(): Promise<void>
}

export const openUses = async (dataDir: string): Promise<Uses> => {
  const path = join(dataDir, 'uses.log')
  const known = new Map<SecretId, Known>()
  const take = (line: Line) => {
    for (const secret of line.secrets) known.set(secret, withLine(known.get(secret), line))
  }
  for (const line of await readLines(path, useLine)) take(line)
  const folded = () =>
    [...known].map(([secret, { last, count, days }]) =>
      JSON.stringify({
        ...last,
        ...{ secrets: [secret], count },
        days: [...days].map(([day, count]) => ({ day, count })),
      }),
    )
  await writeFileDurably(
    path,
    folded()
      .map((line) => `${line}\n`)
      .join(''),
  )
  const log = await openAppendLog(path)
  let lines = known.size
  return {
    last: (secret) => known.get(secret) ?? null,
    recent: (secret, nowSeconds) => {
      const since = dayOf(nowSeconds) - recentDays
      const days = [...(known.get(secret)?.days ?? [])].filter(([day]) => day > since)
      return days.reduce((sum, [, count]) => sum + count, 0)
    },
    add: async (use, secrets) => {
      const line: Line = { ...use, secrets, count: 1 }
      take(line)
      await log.append(JSON.stringify(line))
      if (++lines < Math.max(usesLinesMax, 2 * known.size)) return
      lines = known.size
      await log.replace(folded)
    },
    forget: (secret) => void known.delete(secret),
    close: () => log.close(),
  }
}

type Known = { readonly last: Use; readonly count: number; readonly days: ReadonlyMap<number, number> }

const recentDays = 30
const dayOf = (seconds: number): number => Math.floor(seconds / 86_400)

const withLine = (before: Known | undefined, { secrets: _, count, days, ...last }: Line): Known => {
  const today = dayOf(last.at)
  const kept = [...(before?.days ?? [])].filter(([day]) => day > today - recentDays)
  const all = new Map(kept)
  // Folded before days were kept: the last of them was on this day, of the others nobody knows.
  for (const one of days ?? [{ day: today, count: 1 }]) all.set(one.day, (all.get(one.day) ?? 0) + one.count)
  return { last, count: (before?.count ?? 0) + count, days: all }
}
