// Jobs of one run with their attempts, as the API shows them, and why each of them is where it is.
import { sql } from 'kysely'
import type { AttemptId, JobId, RunId, RunnerId, WorkflowId } from '../../base/ids.ts'
import type { AttemptSummary, Job } from '../../protocol/api/shapes.ts'
import {
  type JobState,
  type QueueFacts,
  type SkipReason,
  type Status,
  whyQueued,
} from '../../schedule/index.ts'
import type { Db } from '../db/database.ts'
import type { JobKind, JobNeeds } from '../db/schema.ts'
import { onlineRunners } from '../runners/online.ts'
import { msBetween, timeOrNull } from './summaries.ts'

type JobRow = {
  readonly id: JobId
  readonly rev: number
  readonly workflow: WorkflowId | null
  readonly key: string
  readonly name: string
  readonly kind: Exclude<JobKind, 'refs'>
  readonly status: Status
  readonly skip: SkipReason | null
  readonly needs: JobNeeds
  readonly shard: number
  readonly shards: number
  readonly class: string
  readonly image: string | null
}

export type AttemptRow = {
  readonly id: AttemptId
  readonly job: JobId
  readonly number: number
  readonly status: Status
  readonly runner: RunnerId | null
  readonly runnerName: string | null
  readonly phase: string | null
  readonly queuedAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly failureCode: string | null
  readonly failureMessage: string | null
}

/** Those whose rev is above `rev`; needs and reasons look at all of them. */
export const jobsAbove = async (db: Db, run: RunId, rev: number): Promise<Job[]> => {
  const rows = await selectJobs(db, run)
  const attempts = Map.groupBy(await selectAttempts(db, run), (attempt) => attempt.job)
  const states = rows.map(stateOf)
  const facts = rows.some((row) => row.status === 'queued') ? await queueFacts(db, run) : null
  const idsByKey = Map.groupBy(rows, (row) => `${row.workflow ?? ''} ${row.key}`)
  return rows.flatMap((row, i) => {
    const state = states[i]
    if (row.rev <= rev || state === undefined) return []
    const needs = row.needs.flatMap(({ key, on }) =>
      (idsByKey.get(`${row.workflow ?? ''} ${key}`) ?? []).map((job) => ({ job_id: job.id, on: [...on] })),
    )
    return [
      {
        id: row.id,
        rev: row.rev,
        workflow_id: row.workflow,
        key: row.key,
        name: row.name,
        kind: row.kind,
        status: row.status,
        reason: whyQueued(states, state, () => factsOf(facts, row)),
        needs,
        shard: row.shard,
        shards: row.shards,
        image: row.image,
        attempts: (attempts.get(row.id) ?? []).map(attemptSummary),
      },
    ]
  })
}

export const attemptSummary = (row: AttemptRow): AttemptSummary => ({
  id: row.id,
  number: row.number,
  status: row.status,
  runner: row.runner === null ? null : { id: row.runner, name: row.runnerName ?? row.runner },
  phase: row.phase,
  queued_at: row.queuedAt.toISOString(),
  started_at: timeOrNull(row.startedAt),
  finished_at: timeOrNull(row.finishedAt),
  duration_ms: msBetween(row.startedAt, row.finishedAt),
  failure: row.failureMessage === null ? null : { code: row.failureCode, message: row.failureMessage },
})

export const attemptColumns = sql`
  a.id, a.job_id as job, a.number, a.status, a.runner_id as runner, n.name as "runnerName", a.phase,
  a.queued_at as "queuedAt", a.started_at as "startedAt", a.finished_at as "finishedAt",
  a.failure_code as "failureCode", a.failure_message as "failureMessage"`

const selectJobs = async (db: Db, run: RunId): Promise<readonly JobRow[]> => {
  const { rows } = await sql<JobRow>`
    select id, rev, workflow_id as workflow, key, name, kind, status, skip_reason as skip, needs, shard, shards, class, image
    from jobs where run_id = ${run} order by number`.execute(db)
  return rows
}

const selectAttempts = async (db: Db, run: RunId): Promise<readonly AttemptRow[]> => {
  const { rows } = await sql<AttemptRow>`
    select ${attemptColumns} from attempts a left join runners n on n.id = a.runner_id
    where a.run_id = ${run} order by a.job_id, a.number`.execute(db)
  return rows
}

const stateOf = (row: JobRow): JobState => ({
  id: row.id,
  workflow: row.workflow,
  key: row.key,
  name: row.name,
  kind: row.kind,
  needs: row.needs,
  status: row.status,
  skip: row.skip,
  attempts: [],
})

type Facts = { readonly ahead: ReadonlyMap<string, number>; readonly runners: QueueFacts['runners'] }

const queueFacts = async (db: Db, run: RunId): Promise<Facts> => {
  const { rows } = await sql<{ job: JobId; ahead: number }>`
    select job, ahead from (
      select job_id as job, run_id, row_number() over (partition by class order by queue_order) - 1 as ahead
      from attempts where status = 'queued') q where run_id = ${run}`.execute(db)
  return { ahead: new Map(rows.map(({ job, ahead }) => [job, ahead])), runners: await onlineRunners(db) }
}

const factsOf = (facts: Facts | null, row: JobRow): QueueFacts => ({
  class: row.class,
  ahead: facts?.ahead.get(row.id) ?? 0,
  runners: facts?.runners ?? [],
})
