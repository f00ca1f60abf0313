// What is known of an attempt's log: whose it is, its key as it is kept, how far it goes, and where it lies once it is packed.
import { sql } from 'kysely'
import type { AttemptId, ProjectId, RunId } from '../../base/ids.ts'
import type { Scope } from '../access/actor.ts'
import { inScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'

/** The finished log: in the object store, or in its row when it is small. */
export type PackedObject = { readonly bytes: number } & (
  | { readonly objectKey: string; readonly body: null }
  | { readonly objectKey: null; readonly body: Uint8Array }
)

export type Log = {
  readonly attempt: AttemptId
  readonly project: ProjectId
  readonly run: RunId | null
  readonly sealedKey: Uint8Array | null
  readonly wrappedKey: string | null
  readonly lastSeq: number
  /** No frame after `lastSeq` will come. */
  readonly isComplete: boolean
  /** Where the whole of it lies; null: only in frames. */
  readonly packed: PackedObject | null
  /** When retention removed it, and the days of its rule. */
  readonly removedAt: Date | null
  readonly days: number | null
}

export const findLog = async (db: Db, scope: Scope, attempt: AttemptId): Promise<Log | null> => {
  const { rows } = await sql<Omit<Log, 'packed'> & { [K in keyof PackedObject]: PackedObject[K] | null }>`
    select a.id as attempt, a.project_id as project, a.run_id as run, a.log_key as "sealedKey",
      a.log_key_wrapped as "wrappedKey", a.last_seq as "lastSeq", a.log_complete as "isComplete",
      o.object_key as "objectKey", o.body, o.size_bytes as bytes,
      e.removed_at as "removedAt", e.days
    from attempts a left join log_objects o on o.attempt_id = a.id left join expired_objects e on e.id = a.id
    where a.id = ${attempt} and ${inScope(scope, 'a')}`.execute(db)
  const [row] = rows
  if (row === undefined) return null
  const { objectKey, body, bytes, ...log } = row
  return { ...log, packed: packedObject({ objectKey, body, bytes }) }
}

export const unwrittenLog = (
  attempt: AttemptId,
  owner: { readonly project: ProjectId; readonly run: RunId },
): Log => ({
  ...{ attempt, ...owner, sealedKey: null, wrappedKey: null, lastSeq: 0, isComplete: false },
  ...{ packed: null, removedAt: null, days: null },
})

const packedObject = (row: { [K in keyof PackedObject]: PackedObject[K] | null }): PackedObject | null => {
  const { objectKey, body, bytes } = row
  if (bytes === null) return null
  if (objectKey !== null) return { objectKey, body: null, bytes }
  return body === null ? null : { objectKey, body, bytes }
}
