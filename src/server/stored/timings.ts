// Results of tests for jobs: those of an earlier run, by which all shards of a job split their tests in the same way, and
// those that failed in the attempt before, when they alone are to be run again.
import { sql } from 'kysely'
import { fault, isFault } from '../../base/faults.ts'
import type { ObjectId, WorkflowId } from '../../base/ids.ts'
import { cacheScopes } from '../../protocol/stored-object.ts'
import { layersMax } from '../../protocol/stored-wire.ts'
import type { Db } from '../db/database.ts'
import { scopeFactsOf } from '../runners/tickets.ts'
import { type Kept, keptColumns } from './kept.ts'
import type { LeasedJob } from './leased.ts'

/**
 * What is found is pinned before anybody gets it: a shard that splits by other times than the next one leaves tests to
 * nobody. `release` opens what it is given; what nobody vouches for any more counts as none, unless a shard has had it.
 */
export const openTimings = async <T>(
  db: Db,
  job: LeasedJob,
  release: (found: readonly Kept[]) => Promise<T>,
): Promise<T | null> => {
  const { workflow } = job
  if (workflow === null) return null
  const found = await pinned(db, { ...job, workflow })
  if (found.length === 0) return null
  try {
    const opened = await release(found)
    const { rows } = await sql`
      update test_timings set given = true
      where workflow_id = ${workflow} and job_key = ${job.jobKey} and objects = ${found.map(({ id }) => id)}::text[]
      returning 1`.execute(db)
    if (rows.length === 0) throw fault('E_CONFLICT', { detail: 'other times of tests were pinned meanwhile' })
    return opened
  } catch (error) {
    if (!isFault(error, 'E_OBJECT_TAMPERED')) throw error
    const { rows } = await sql`
      update test_timings set objects = array[]::text[] where workflow_id = ${workflow} and job_key = ${job.jobKey} and not given
      returning 1`.execute(db)
    if (rows.length === 0) throw error
    return null
  }
}

type Pinning = LeasedJob & { readonly workflow: WorkflowId }

const pinned = async (db: Db, job: Pinning): Promise<readonly Kept[]> => {
  for (let tries = 0; tries < pinTriesMax; tries++) {
    const ids = await readPin(db, job)
    if (ids !== null) {
      const kept = await readKept(db, ids)
      if (kept.length === ids.length) return kept
    }
    const newest = await findNewest(db, job)
    await writePin(db, job, { before: ids, ids: newest })
  }
  throw fault('E_CONFLICT', { detail: 'the times of tests change at every look' })
}

const pinTriesMax = 5

const readPin = async (db: Db, { workflow, jobKey }: Pinning): Promise<readonly ObjectId[] | null> => {
  const { rows } = await sql<{ objects: readonly ObjectId[] }>`
    select objects from test_timings where workflow_id = ${workflow} and job_key = ${jobKey}`.execute(db)
  return rows[0]?.objects ?? null
}

/** In place of one whose objects are gone, or where there was none; whoever comes later takes what stands there. */
const writePin = async (
  db: Db,
  { workflow, jobKey }: Pinning,
  { before, ids }: { readonly before: readonly ObjectId[] | null; readonly ids: readonly ObjectId[] },
): Promise<void> => {
  await sql`
    insert into test_timings (workflow_id, job_key, objects) values (${workflow}, ${jobKey}, ${ids}::text[])
    on conflict (workflow_id, job_key) do update set objects = excluded.objects, given = false
    where test_timings.objects = ${before}::text[]`.execute(db)
}

const readKept = async (db: Db, ids: readonly ObjectId[]): Promise<readonly Kept[]> => {
  const { rows } = await sql<Kept>`
    select ${keptColumns} from stored_objects o where o.id = any(${ids}::text[]) and o.state = 'kept'
    order by array_position(${ids}::text[], o.id)`.execute(db)
  return rows
}

/**
 * Of the job of this name, in the newest run before this one that stored any, from where its caches come from: of every
 * shard those of its first attempt that has some, for a later one may have rerun only what failed.
 */
const findNewest = async (db: Db, job: Pinning): Promise<readonly ObjectId[]> => {
  const { read } = cacheScopes(scopeFactsOf(job))
  const { rows } = await sql<{ id: ObjectId }>`
    with newest as (
      select j.workflow_id, o.scope
      from unnest(${read}::text[]) with ordinality as s (scope, at)
      join stored_objects o on o.project_id = ${job.project} and o.scope = s.scope and o.kind = 'tests' and o.state = 'kept'
        and o.run_id < ${job.run}
      join jobs j on j.id = o.job_id and j.name = ${job.jobName}
      order by s.at, o.run_id desc, o.created_at desc limit 1)
    select o.id from newest join jobs j on j.workflow_id = newest.workflow_id and j.name = ${job.jobName}
    join stored_objects o on o.job_id = j.id and o.scope = newest.scope and o.kind = 'tests' and o.state = 'kept'
    join attempts a on a.id = o.attempt_id
    where a.number = (
      select min(b.number) from attempts b join stored_objects p on p.attempt_id = b.id and p.kind = 'tests' and p.state = 'kept'
      where b.job_id = j.id)
    order by j.shard, o.id limit ${layersMax}`.execute(db)
  return rows.map(({ id }) => id)
}

/** What this job stored in its last attempt before this one that stored any, when the rerun is one of failed tests. */
export const findFailed = async (db: Db, job: LeasedJob): Promise<readonly Kept[]> => {
  const { rows } = await sql<Kept>`
    select ${keptColumns} from stored_objects o
    where o.kind = 'tests' and o.state = 'kept' and o.attempt_id = (
      select a.id from attempts a
      where a.job_id = ${job.job} and a.number < ${job.number}
        and exists (select from stored_objects p where p.attempt_id = a.id and p.kind = 'tests' and p.state = 'kept')
        and exists (select from jobs j where j.id = ${job.job} and j.rerun_failed_tests)
      order by a.number desc limit 1)
    order by o.id limit ${layersMax}`.execute(db)
  return rows
}
