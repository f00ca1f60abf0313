// Where the time of a run went: the stages of its attempts, what their caches came to, and how long a job with a cold one takes
// with warm ones. Asked for by who looks at the timeline of a run; nothing on the way of a run calls it.
import { sql } from 'kysely'
import type { AttemptId, JobId, RunId } from '../../base/ids.ts'
import type { AttemptTimeline, RunTimeline } from '../../protocol/api/timeline.ts'
import { stagesOf } from '../../protocol/stages.ts'
import type { CacheHit } from '../../protocol/stored-object.ts'
import type { Scope } from '../access/actor.ts'
import type { Db } from '../db/database.ts'
import { isRunInScope } from './run-in-scope.ts'
import { timeOrNull } from './summaries.ts'

/** null: no such run. */
export const findTimeline = async (db: Db, scope: Scope, run: RunId): Promise<RunTimeline | null> => {
  if (!(await isRunInScope(db, scope, run))) return null
  const rows = await selectAttempts(db, run)
  const cold = rows.filter((row) => row.finishedAt !== null && countOf(row, isMiss) > 0)
  const warm =
    cold.length === 0 ? null : await warmDurations(db, run, [...new Set(cold.map(({ job }) => job))])
  return {
    items: rows.map((row) => timelineOf(row, cold.includes(row) ? (warm?.get(row.job) ?? null) : null)),
  }
}

type StepRow = {
  readonly type: string
  readonly at: string
  readonly ms: number | null
  readonly cache: CacheHit | null
}
type Row = {
  readonly id: AttemptId
  readonly job: JobId
  readonly queuedAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly steps: readonly StepRow[]
}

const isMiss = ({ cache }: StepRow): boolean => cache === 'miss'
const isHit = ({ cache }: StepRow): boolean => cache === 'exact' || cache === 'prefix'
const countOf = ({ steps }: Row, isOne: (step: StepRow) => boolean): number => steps.filter(isOne).length

const timelineOf = (row: Row, warmMs: number | null): AttemptTimeline => ({
  attempt_id: row.id,
  job_id: row.job,
  stages: stagesOf({
    queued_at: row.queuedAt.toISOString(),
    started_at: timeOrNull(row.startedAt),
    finished_at: timeOrNull(row.finishedAt),
    steps: row.steps.map(({ type, at, ms }) => ({
      type,
      started_at: at,
      finished_at: ms === null ? null : new Date(Date.parse(at) + ms).toISOString(),
    })),
  }),
  cache: { hits: countOf(row, isHit), misses: countOf(row, isMiss) },
  warm_ms: warmMs,
})

const selectAttempts = async (db: Db, run: RunId): Promise<readonly Row[]> => {
  const { rows } = await sql<Row>`
    select a.id, a.job_id as job, a.queued_at as "queuedAt", a.started_at as "startedAt", a.finished_at as "finishedAt",
      coalesce((
        select json_agg(json_build_object('type', s.type, 'at', s.started_at, 'ms', s.duration_ms, 'cache', s.cache) order by s.index)
        from steps s where s.attempt_id = a.id), '[]') as steps
    from attempts a join jobs j on j.id = a.job_id where a.run_id = ${run} order by j.number, a.number`.execute(
    db,
  )
  return rows
}

/** So many runs are looked at, and with fewer attempts than that nothing is said. */
const [runsMax, samplesMin] = [20, 3]

/** Of jobs of the same workflow and key, in the runs of the project before this one: attempts that passed and missed nothing. */
const warmDurations = async (
  db: Db,
  run: RunId,
  jobs: readonly JobId[],
): Promise<ReadonlyMap<JobId, number>> => {
  const { rows } = await sql<{ readonly job: JobId; readonly ms: number }>`
    with recent as (
      select id from runs where project_id = (select project_id from runs where id = ${run}) and id < ${run}
      order by id desc limit ${runsMax}
    )
    select c.id as job,
      round(percentile_cont(0.5) within group (order by extract(epoch from a.finished_at - a.started_at) * 1000))::float8 as ms
    from jobs c join workflows v on v.id = c.workflow_id
      join workflows w on w.name = v.name and w.run_id in (select id from recent)
      join jobs j on j.workflow_id = w.id and j.key = c.key
      join attempts a on a.job_id = j.id and a.status = 'passed' and a.started_at is not null
      join lateral (
        select count(*) filter (where s.cache = 'miss') as misses, count(s.cache) as asked from steps s where s.attempt_id = a.id
      ) s on s.misses = 0 and s.asked > 0
    where c.id = any(${jobs}::text[])
    group by c.id having count(*) >= ${samplesMin}`.execute(db)
  return new Map(rows.map(({ job, ms }) => [job, ms]))
}
