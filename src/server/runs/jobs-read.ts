// Jobs of one run with their attempts, as the API shows them, and why each of them is where it is.
import { type RawBuilder, sql } from 'kysely'
import type { AttemptId, JobId, RunId, RunnerId, WorkflowId } from '../../base/ids.ts'
import type { Approval, AttemptSummary, Job } from '../../protocol/api/shapes.ts'
import {
  type AttemptCause,
  createForecast,
  type JobState,
  type KnownOfWaiting,
  type LockHolder,
  type LockState,
  type RefusedContext,
  type SkipReason,
  type Status,
  turnOf,
  whyQueued,
} from '../../schedule/index.ts'
import type { Db } from '../db/database.ts'
import type { JobKind, JobNeeds } from '../db/schema.ts'
import { actorIn } from './actor-name.ts'
import { type FactsByJob, queueFacts, type Usual, usualDurations } from './queue-facts.ts'
import { msBetween, timeOrNull } from './summaries.ts'

type JobRow = {
  readonly job: JobId
  readonly rev: number
  readonly workflow: WorkflowId | null
  readonly key: string
  readonly name: string
  readonly kind: Exclude<JobKind, 'refs'>
  readonly jobStatus: Status
  readonly skip: SkipReason | null
  readonly needs: JobNeeds
  readonly shard: number
  readonly shards: number
  readonly class: string
  readonly image: string | null
  readonly approvals: readonly Approval[] | null
  readonly lock: LockState | null
  readonly refused: RefusedContext | null
  readonly holdUntil: Date | null
}

export type AttemptRow = {
  readonly id: AttemptId
  readonly job: JobId
  readonly number: number
  readonly cause: AttemptCause
  readonly status: Status
  readonly attemptClass: string
  readonly runner: RunnerId | null
  readonly runnerName: string | null
  readonly phase: string | null
  readonly queuedAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly failureCode: string | null
  readonly failureMessage: string | null
}

/** The other jobs of the run are read only when one of these needs something. */
export const jobsFrom = async (db: Db, run: RunId, rows: readonly ChangedRow[]): Promise<Job[]> => {
  const jobs = [...new Map(rows.map((row) => [row.job, row])).values()]
  const all = jobs.some((row) => row.needs.length > 0) ? await selectStates(db, run) : jobs
  return jobsOf(rows, all, await knownOfWaiting(db, run, { jobs, all }))
}

/** As the API shows them: `rows` of a job are its attempts, one after another. `all`: what they need is among these. */
export const jobsOf = (
  rows: readonly ChangedRow[],
  all: readonly StateRow[],
  waiting: KnownOfWaiting,
): Job[] => {
  const byJob = [...Map.groupBy(rows, (row) => row.job).values()]
  const states = all.map(stateOf)
  const idsByKey = Map.groupBy(states, (state) => `${state.workflow ?? ''} ${state.key}`)
  return byJob.flatMap((attempts) => {
    const [row] = attempts
    if (row === undefined) return []
    const needs = row.needs.flatMap(({ key, on }) =>
      (idsByKey.get(`${row.workflow ?? ''} ${key}`) ?? [])
        // A shard may need the others of its own job.
        .filter((job) => job.id !== row.job)
        .map((job) => ({ job_id: job.id, on: [...on] })),
    )
    return [
      {
        id: row.job,
        rev: row.rev,
        workflow_id: row.workflow,
        key: row.key,
        name: row.name,
        kind: row.kind,
        status: row.jobStatus,
        reason: whyQueued(states, stateOf(row), {
          ...waiting,
          holdUntil: () => (row.holdUntil === null ? null : minuteOf(row.holdUntil)),
        }),
        needs,
        shard: row.shard,
        shards: row.shards,
        image: row.image,
        class: row.class,
        approvals: (row.approvals ?? []).map((each) => ({ ...each, at: new Date(each.at).toISOString() })),
        attempts: attempts.flatMap((attempt) => (attempt.id === null ? [] : [attemptSummary(attempt)])),
      },
    ]
  })
}

type WithClass = StateRow & { readonly class: string }

/** Asked for when one of `jobs` waits. `all` may be more of them: what others wait for. */
const knownOfWaiting = async (
  db: Db,
  run: RunId,
  { jobs, all }: { readonly jobs: readonly WithClass[]; readonly all: readonly WithClass[] },
): Promise<KnownOfWaiting> => {
  const waits = jobs.some(({ jobStatus }) => jobStatus === 'queued' || jobStatus === 'waiting')
  const isQueued = waits && all.some(({ jobStatus }) => jobStatus === 'queued')
  const [usual, queue] = await Promise.all([
    waits ? usualDurations(db, run) : noUsual,
    isQueued ? queueFacts(db, run) : noFacts,
  ])
  const holders = jobs.some(({ lock }) => lock?.state === 'asked') ? await lockHolders(db, run, usual) : null
  return knownFrom(all, { usual, queue, holders })
}

const knownFrom = (
  all: readonly WithClass[],
  {
    usual,
    queue,
    holders,
  }: {
    readonly usual: Usual
    readonly queue: FactsByJob
    readonly holders: ReadonlyMap<string, LockHolder> | null
  },
): KnownOfWaiting => {
  const classes = new Map(all.map((row) => [row.job, row.class]))
  const classOf = ({ id }: JobState): string => classes.get(id) ?? ''
  const lasts = (job: JobState) => usual.get(classOf(job)) ?? null
  const facts = (job: JobState) => ({ ...queue({ job: job.id, class: classOf(job) }), durations: lasts(job) })
  const begins = createForecast(all.map(stateOf), { turn: (job) => turnOf(facts(job)), lasts })
  return { facts, begins, holderOf: (lock) => holders?.get(lock) ?? null }
}

/** `2026-12-21 14:05 UTC` */
const minuteOf = (time: Date): string => `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`

/** Of jobs that were not queued when it was looked. */
const noFacts: FactsByJob = ({ class: className }) => ({
  ...{ class: className, ahead: 0, held: null, runners: [] },
})

const noUsual: Usual = new Map()

/** Where no job waits there is nothing to know. */
export const nothingWaits = (all: readonly WithClass[]): KnownOfWaiting =>
  knownFrom(all, { usual: noUsual, queue: noFacts, holders: null })

export const attemptSummary = (row: AttemptRow): AttemptSummary => ({
  id: row.id,
  number: row.number,
  cause: row.cause,
  status: row.status,
  class: row.attemptClass,
  runner: row.runner === null ? null : { id: row.runner, name: row.runnerName ?? row.runner },
  phase: row.phase,
  queued_at: row.queuedAt.toISOString(),
  started_at: timeOrNull(row.startedAt),
  finished_at: timeOrNull(row.finishedAt),
  duration_ms: msBetween(row.startedAt, row.finishedAt),
  failure: row.failureMessage === null ? null : { code: row.failureCode, message: row.failureMessage },
})

export const attemptColumns = sql`
  a.id, a.number, a.cause, a.status, a.class as "attemptClass", a.runner_id as runner, n.name as "runnerName", a.phase,
  a.queued_at as "queuedAt", a.started_at as "startedAt", a.finished_at as "finishedAt",
  a.failure_code as "failureCode", a.failure_message as "failureMessage"`

const approvalsOfJob = sql`(
  select json_agg(json_build_object('decision', decision, 'by', ${actorIn(sql`decided_by`)}, 'at', decided_at,
    'comment', comment) order by p.id)
  from approvals p where p.job_id = j.id)`

const lockOfJob = sql`case when j.lock_name is not null
  then json_build_object('name', j.lock_name, 'state', j.lock_state) end`

/** Of the locks that jobs of this run ask for. */
const lockHolders = async (db: Db, run: RunId, usual: Usual): Promise<ReadonlyMap<string, LockHolder>> => {
  const { rows } = await sql<Omit<LockHolder, 'durations'> & { lock: string; class: string; kind: JobKind }>`
    select distinct on (h.lock_name) h.lock_name as lock, p.name as project, r.number as run, h.name as job, h.class, h.kind, (
        select count(distinct (o.run_id, o.workflow_id, o.key)) from jobs o
        where o.organisation_id = h.organisation_id and o.lock_name = h.lock_name and o.lock_state = 'asked'
          and o.lock_asked_at < (
            select min(lock_asked_at) from jobs where run_id = ${run} and lock_name = h.lock_name and lock_state = 'asked')
      ) as ahead
    from jobs h join runs r on r.id = h.run_id join projects p on p.id = h.project_id
    where h.lock_state = 'held' and (h.organisation_id, h.lock_name) in (
      select organisation_id, lock_name from jobs where run_id = ${run} and lock_state = 'asked')
    order by h.lock_name, h.id`.execute(db)
  return new Map(
    rows.map(({ lock, class: className, kind, ...holder }) => [
      lock,
      // What a `lock` job took, an `unlock` job gives back, whenever that is.
      { ...holder, durations: kind === 'job' ? (usual.get(className) ?? null) : null },
    ]),
  )
}

export type ChangedRow = JobRow & (AttemptRow | { readonly id: null })

/** A row for each attempt of the jobs whose rev is above `rev`, one for a job without any. `run` is an SQL expression. */
const changedSql = (run: RawBuilder<unknown>, rev: number) => sql<ChangedRow>`
    select ${attemptColumns}, j.id as job, j.rev, j.workflow_id as workflow, j.key, j.name, j.kind,
      j.status as "jobStatus", j.skip_reason as skip, j.needs, j.shard, j.shards, j.class, j.image, ${lockOfJob} as lock,
      j.hold_until as "holdUntil", j.refused,
      case when j.kind = 'approval' then ${approvalsOfJob} end as approvals
    from jobs j left join attempts a on a.job_id = j.id and a.run_id = ${run} left join runners n on n.id = a.runner_id
    where j.run_id = ${run} and j.rev > ${rev} order by j.number, a.number`

/** The same rows as one value of a statement about the run. */
export const changedJson = (run: RawBuilder<unknown>, rev: number) =>
  sql`(select coalesce(json_agg(row_to_json(c)), '[]') from (${changedSql(run, rev)}) c)`

/** JSON has texts for times. */
export const changedFromJson = (rows: readonly ChangedRow[]): readonly ChangedRow[] =>
  rows.map((row) => ({
    ...row,
    holdUntil: timeFromJson(row.holdUntil),
    ...(row.id === null
      ? {}
      : {
          queuedAt: new Date(row.queuedAt),
          startedAt: timeFromJson(row.startedAt),
          finishedAt: timeFromJson(row.finishedAt),
        }),
  }))

const timeFromJson = (value: Date | null): Date | null => (value === null ? null : new Date(value))

const selectStates = async (db: Db, run: RunId): Promise<readonly WithClass[]> => {
  const { rows } = await sql<WithClass>`
    select id as job, workflow_id as workflow, key, name, kind, status as "jobStatus", skip_reason as skip, needs,
      class, ${lockOfJob} as lock, j.refused
    from jobs j where run_id = ${run} order by number`.execute(db)
  return rows
}

type StateRow = Pick<
  JobRow,
  'job' | 'workflow' | 'key' | 'name' | 'kind' | 'jobStatus' | 'skip' | 'needs' | 'lock' | 'refused'
>

const stateOf = (row: StateRow): JobState => ({
  id: row.job,
  workflow: row.workflow,
  key: row.key,
  name: row.name,
  kind: row.kind,
  needs: row.needs,
  status: row.jobStatus,
  skip: row.skip,
  attempts: [],
  ...(row.lock === null ? {} : { lock: row.lock }),
  ...(row.refused === null ? {} : { refused: row.refused }),
})
