// Objects that no row names: their lease was lost after they were stored, a crash came between file and row (before the one is
// written, or after the other was removed), or the database is that of a backup which is older than they are. Nothing opens
// them, as what does stands in the row.
import { sql } from 'kysely'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'
import type { ObjectStore } from './store.ts'

/**
 * Some of them each time. What is of another kind than these belongs to another version, and what is older than this database to
 * another database: an operator who lost the tables and starts with new ones may bring the old ones back tomorrow.
 */
export const removeForgotten = async (db: Db, objects: ObjectStore): Promise<void> => {
  const keys = await objects.someKeys()
  const begin = await sql<{ at: Date | null }>`select min(created_at) as at from organisations`.execute(db)
  const after = begin.rows[0]?.at?.getTime() ?? Number.POSITIVE_INFINITY
  const { rows } = await sql<{ key: string }>`
    select k.key from (select key, split_part(key, '/', 1) as kind, split_part(key, '/', 2) as id
      from unnest(${keys}::text[]) as keys (key)) as k
    where k.kind = 'log' and not exists (
        select 1 from log_objects o where o.attempt_id = k.id and o.object_key = k.key)
      or k.kind = 'object' and not exists (select 1 from stored_objects o where o.id = k.id)`.execute(db)
  for (const { key } of rows) await objects.deleteOlder(key, { ageMs: limits.objectWithoutRowMs, after })
}
