// What is known of an attempt's log: whose it is, its key as it is kept, how far it goes, and whether it is packed.
import { sql } from 'kysely'
import type { AttemptId, ProjectId, RunId } from '../../base/ids.ts'
import type { Scope } from '../access/actor.ts'
import { inScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'

export type Log = {
  readonly attempt: AttemptId
  readonly project: ProjectId
  readonly run: RunId | null
  readonly sealedKey: Uint8Array | null
  readonly wrappedKey: string | null
  readonly lastSeq: number
  /** No frame after `lastSeq` will come. */
  readonly isComplete: boolean
  readonly objectKey: string | null
  readonly objectBytes: number | null
  /** When retention removed it, and the days of its rule. */
  readonly removedAt: Date | null
  readonly days: number | null
}

export const findLog = async (db: Db, scope: Scope, attempt: AttemptId): Promise<Log | null> => {
  const { rows } = await sql<Log>`
    select a.id as attempt, a.project_id as project, a.run_id as run, a.log_key as "sealedKey",
      a.log_key_wrapped as "wrappedKey", a.last_seq as "lastSeq", a.log_complete as "isComplete",
      o.object_key as "objectKey", o.size_bytes as "objectBytes",
      e.removed_at as "removedAt", e.days
    from attempts a left join log_objects o on o.attempt_id = a.id left join expired_objects e on e.id = a.id
    where a.id = ${attempt} and ${inScope(scope, 'a')}`.execute(db)
  return rows[0] ?? null
}
