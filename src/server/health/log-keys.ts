// Finished logs whose key is still the one their runner sealed, long after it should be their project's: the vault was away
// for all that time, or refuses it, and what it refuses nobody can read.
import { sql } from 'kysely'
import type { Executor } from '../access/queries.ts'
import { limits } from '../limits.ts'
import { isUnwrapped } from '../logs/key-wrapping.ts'
import type { Finding } from './checks.ts'
import { span } from './words.ts'

type LogKeysLeft = { readonly count: number; readonly oldestMs: number }

export const readLogKeys = async (db: Executor): Promise<LogKeysLeft> => {
  const { rows } = await sql<{ count: number; oldest: number | null }>`
    select count(*) as count, (extract(epoch from now() - min(finished_at)) * 1000)::float8 as oldest
    from attempts
    where ${isUnwrapped} and finished_at < now() - make_interval(mins => ${limits.logKeysLateMinutes})`.execute(
    db,
  )
  return { count: rows[0]?.count ?? 0, oldestMs: rows[0]?.oldest ?? 0 }
}

export const judgeLogKeys = ({ count, oldestMs }: LogKeysLeft): Finding =>
  count === 0
    ? { status: 'ok', detail: 'all of finished logs are with their projects' }
    : {
        status: 'weak',
        detail: `${count} of finished logs did not move to their projects, the oldest for ${span(oldestMs)}`,
        mend: 'mayfly restart; when they stay, this vault is not the one they were sealed to: restore the backup that has it',
      }
