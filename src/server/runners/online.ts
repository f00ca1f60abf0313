// Which runners there are: for people, and for saying why a job waits.
import { sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'

type OnlineRunner = { readonly name: string; readonly classes: readonly string[]; readonly slots: number }

/** Heard of within the time in which a held poll must have come back. */
export const onlineRunners = async (db: Db): Promise<readonly OnlineRunner[]> => {
  const { rows } = await sql<{ name: string; classes: readonly string[] | null; slots: number | null }>`
    select name, facts -> 'classes' as classes, (facts ->> 'slots')::integer as slots from runners
    where status = 'enrolled' and last_seen_at > now() - make_interval(secs => ${limits.runnerOfflineSeconds})
    order by name`.execute(db)
  return rows.map(({ name, classes, slots }) => ({ name, classes: classes ?? [], slots: slots ?? 1 }))
}
