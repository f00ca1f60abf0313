// What stored objects end by: their time, the room of their scope, or never having been completed. Rows go first; an
// object without a row is nothing, and its file is removed right after. Of what people look for a row says that it was there.
import { sql } from 'kysely'
import type { ObjectId } from '../../base/ids.ts'
import type { Manifest } from '../../protocol/stored-object.ts'
import type { Db } from '../db/database.ts'
import type { Tx } from '../db/transaction.ts'
import { limits, type Retention } from '../limits.ts'
import type { ObjectStore } from '../objects/store.ts'
import { storedObjectKey } from './object-key.ts'

/** Caches of one scope that went unused the longest, until the others fit. One scope never evicts another's. */
export const evictCaches = async (
  tx: Tx,
  { project, scope, object }: Pick<Manifest, 'project' | 'scope' | 'object'>,
): Promise<readonly ObjectId[]> => {
  const { rows } = await sql<{ id: ObjectId }>`
    delete from stored_objects where id in (
      select id from (
        select id, sum(size_bytes) over (order by (id = ${object}) desc, used_at desc, id) as total from stored_objects
        where project_id = ${project} and scope = ${scope} and kind = 'cache' and state = 'kept') as kept
      where total > ${limits.cacheScopeBytesMax} and id <> ${object})
    returning id`.execute(tx)
  return rows.map(({ id }) => id)
}

/** Returns how many went. `days`: of what the settings say. */
export const expireObjects = async (deps: {
  readonly db: Db
  readonly objects: ObjectStore
  readonly days: Pick<Retention, 'artifacts' | 'tests'>
}): Promise<number> => {
  const { days } = deps
  const { rows } = await sql<{ id: ObjectId }>`
    with gone as (delete from stored_objects where id in (
      select id from stored_objects
      where case when state = 'kept' and keep_days is not null then created_at else used_at end < now() - make_interval(days => case
        when state = 'coming' then ${limits.unfinishedObjectDays}::integer
        when keep_days is not null then keep_days
        when kind = 'cache' then ${limits.cacheDays}::integer
        when kind = 'artifacts' then ${days.artifacts}::integer
        when kind = 'tests' then ${days.tests}::integer
        else ${limits.workspaceDays}::integer end)
      limit 500)
    returning id, organisation_id, project_id, attempt_id, kind, state),
    told as (
      insert into expired_objects (id, organisation_id, project_id, attempt_id, kind, days)
      select id, organisation_id, project_id, attempt_id, kind,
        (case kind when 'artifacts' then ${days.artifacts}::integer else ${days.tests}::integer end)::smallint
      from gone where kind in ('artifacts', 'tests') and state = 'kept')
    select id from gone`.execute(deps.db)
  for (const { id } of rows) await deps.objects.delete(storedObjectKey(id))
  return rows.length
}
