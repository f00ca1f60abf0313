// Looks at source hosts that cannot call us: queues a `refs` attempt for each project whose time has come. One at a time for
// a project, a few at a time for the installation, further and further apart while nothing can be found out.
// Every look counts as failed until it has answered (take-look.ts), so a lost runner or a killed server needs no care here.
import { type RawBuilder, sql } from 'kysely'
import type { OrganisationId, ProjectId } from '../../base/ids.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import type { ObjectStore } from '../objects/store.ts'
import { queueRefs } from './refs-attempt.ts'

/** The longest from one look to the next, with what `spread` adds. */
const pauseMax = (seconds: RawBuilder<unknown>) =>
  sql`make_interval(secs => 1.1 * greatest(${seconds}, ${sql.lit(limits.pollPauseSecondsMax)}))`

/**
 * Of projects. What is further away was put off by a clock that was ahead and came back. The first comparison of these two is for the
 * index: it leaves the few projects whose looks are rare.
 */
export const isLookDue = sql`(poll_next_at <= now()
  or poll_next_at > now() + ${pauseMax(sql`0`)} and poll_next_at > now() + ${pauseMax(sql`poll_seconds`)})`

const oneServerAtATime = 0x706f6c6c

/** One pass; returns how many were queued. Of several servers one makes it, so that the bound holds. */
export const queueDuePolls = async ({
  db,
  newId,
}: {
  readonly db: Db
  readonly newId: NewId
}): Promise<number> =>
  inTransaction(db, async (tx) => {
    const lock = await sql<{ ours: boolean }>`
      select pg_try_advisory_xact_lock(${sql.lit(oneServerAtATime)}) as ours`.execute(tx)
    if (lock.rows[0]?.ours !== true) return 0
    const { rows } = await sql<{ project: ProjectId; organisation: OrganisationId }>`
      with due as (
        select id from projects p
        where ${isLookDue} and not exists (
          select 1 from attempts a where a.project_id = p.id and a.run_id is null and a.status in ('queued', 'running'))
        order by poll_next_at limit (
          select greatest(0, ${limits.pollsAtOnceMax} - count(*)) from attempts a join jobs j on j.id = a.job_id
          where a.run_id is null and a.status in ('queued', 'running') and j.key = 'poll')
        for update skip locked
      )
      update projects p set poll_failures = least(poll_failures + 1, 1000), poll_next_at = ${nextLook}
      from due where p.id = due.id
      returning p.id as project, p.organisation_id as organisation`.execute(tx)
    for (const row of rows) await queueRefs(tx, newId, { ...row, key: 'poll' })
    return rows.length
  })

const spread = sql`(0.9 + 0.2 * random())`
/** Twice as long after each failure, up to an hour, or the interval if that is longer; never all projects at once. */
const nextLook = sql`now() + ${spread} * make_interval(secs =>
  least(poll_seconds * 2 ^ least(poll_failures, 10), greatest(poll_seconds, ${sql.lit(limits.pollPauseSecondsMax)})))`
export const nextLookAfterAnswer = sql`now() + ${spread} * make_interval(secs => poll_seconds)`

/** Keeps the last looks of each project, for people who want to know why nothing is found; and the last ones that people wanted. */
export const prunePolls = async (db: Db, objects: ObjectStore): Promise<void> => {
  const { rows } = await sql<{ job: string; object: string | null }>`
    select job, object from (
      select j.id as job, o.object_key as object, a.finished_at,
        row_number() over (partition by j.project_id, j.key order by j.id desc) as age
      from jobs j join attempts a on a.job_id = j.id left join log_objects o on o.attempt_id = a.id
      where j.run_id is null and not exists (select 1 from log_frames f where f.attempt_id = a.id)) looks
    where age > ${limits.pollsKept} and finished_at < now() - interval '15 minutes' limit 500`.execute(db)
  for (const { object } of rows) if (object !== null) await objects.delete(object)
  await sql`delete from jobs where id = any(${rows.map(({ job }) => job)}::text[])`.execute(db)
}
