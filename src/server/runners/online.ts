// Which runners there are: for people, and for saying why a job waits.
import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { isLately } from '../db/lately.ts'
import { limits } from '../limits.ts'

type OnlineRunner = { readonly name: string; readonly classes: readonly string[]; readonly slots: number }

/** Heard of within the time in which a held poll must have come back. */
export const isHeard = (at: RawBuilder<unknown>): RawBuilder<unknown> =>
  isLately(at, limits.runnerOfflineSeconds)
const isOnline = sql`status = 'enrolled' and ${isHeard(sql`last_seen_at`)}`

export const onlineRunners = async (db: Db): Promise<readonly OnlineRunner[]> => {
  const { rows } = await sql<{ name: string; classes: readonly string[] | null; slots: number | null }>`
    select name, facts -> 'classes' as classes, (facts ->> 'slots')::integer as slots from runners
    where ${isOnline} order by name`.execute(db)
  return rows.map(({ name, classes, slots }) => ({ name, classes: classes ?? [], slots: slots ?? 1 }))
}

/** What those take, looked up once for a statement. */
const offered = sql`array(select jsonb_array_elements_text(facts -> 'classes') from runners where ${isOnline})`

/** Whether one of those takes jobs of a class. While there is none at all, nobody waits for a class: all of them count. */
export const isOffered = (className: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(${className} = any(${offered}) or cardinality(${offered}) = 0)`
