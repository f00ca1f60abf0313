// Logs whose time is over: their objects, or the frames of those that were never packed, and the keys that opened them. A row says that
// they were there. Called from time to time; rows go first, an object without a row is nothing.
import { sql } from 'kysely'
import type { Db } from '../db/database.ts'
import type { ObjectStore } from '../objects/store.ts'

/** Returns how many went; `days` after the end of their attempts. Looks at source hosts go with their jobs (intake/polls.ts). */
export const expireLogs = async (deps: {
  readonly db: Db
  readonly objects: ObjectStore
  readonly days: number
}): Promise<number> => {
  const { days } = deps
  const { rows } = await sql<{ object: string | null; batches: readonly string[] | null }>`
    with old as (
      select a.id, a.organisation_id, a.project_id from attempts a
      where a.log_complete and a.run_id is not null and a.finished_at < now() - make_interval(days => ${days}::integer)
        and (a.id in (
            select o.attempt_id from log_objects o join attempts r on r.id = o.attempt_id and r.run_id is not null
            where o.stored_at < now() - make_interval(days => ${days}::integer) order by o.stored_at limit 500)
          or a.id in (select attempt_id from log_frames))
      limit 500 for update of a skip locked
    ), told as (
      insert into expired_objects (id, organisation_id, project_id, attempt_id, kind, days)
      select id, organisation_id, project_id, id, 'log', ${days}::smallint from old on conflict (id) do nothing
    ), keyless as (
      update attempts a set log_key = null, log_key_wrapped = null from old where a.id = old.id
    ), packed as (
      delete from log_objects o using old where o.attempt_id = old.id returning o.attempt_id, o.object_key
    ), frames as (
      delete from log_frames f using old where f.attempt_id = old.id returning f.attempt_id, f.batch_id
    )
    select p.object_key as object, array(select f.batch_id::text from frames f where f.attempt_id = old.id) as batches
    from old left join packed p on p.attempt_id = old.id`.execute(deps.db)
  const batches = rows.flatMap((row) => row.batches ?? [])
  await sql`
    delete from log_batches b where b.id = any(${batches}::bigint[])
      and not exists (select 1 from log_frames f where f.batch_id = b.id)`.execute(deps.db)
  for (const { object } of rows) if (object !== null) await deps.objects.delete(object)
  return rows.length
}
