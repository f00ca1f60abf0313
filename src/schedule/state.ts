// What the rules look at: a run as its workflows, jobs and attempts, without times, runners or text of the job.
// The server reads it from its tables, `mayfly run` keeps it in memory.
import type { JobId, WorkflowId } from '../base/ids.ts'
import type { ContextRule } from '../protocol/contexts.ts'
import type { Outcome, PlanJob } from '../protocol/plan.ts'

export type FinalStatus = 'passed' | 'unstable' | 'failed' | 'timed_out' | 'errored' | 'cancelled' | 'skipped'
export type Status = 'waiting' | 'queued' | 'on_hold' | 'running' | FinalStatus
export type SkipReason = 'needs' | 'policy' | 'rule'
export type AttemptStatus = 'queued' | 'running' | FinalStatus

/** What made an attempt: the first one of its job, our own failure of the one before, or a person. */
export type AttemptCause = 'start' | 'retry' | 'rerun'

export type AttemptState = {
  /** From 1 per job. */
  readonly number: number
  readonly cause: AttemptCause
  readonly status: AttemptStatus
  /** Its runner was told to stop; it still answers with an outcome of its own. */
  readonly cancelRequested: boolean
}

/** A lock of the organisation by its name: nobody asked, in line, or held. An `unlock` job only names it. */
export type LockState = { readonly name: string; readonly state: 'free' | 'asked' | 'held' }

/** Somebody who wants a job, by id, with the role they have now; null: nobody known, or none. */
export type Wanting = { readonly id: string; readonly role: string | null }

/** The contexts that a job names, in its order. */
export type ContextsOfJob = {
  readonly wanting: Wanting
  readonly named: readonly {
    readonly name: string
    /** Of all rules but that about roles: the one that refuses. */
    readonly rule: ContextRule | null
    /** null: any. */
    readonly roles: readonly string[] | null
  }[]
}

export type RefusedContext = { readonly context: string; readonly rule: ContextRule }

/** One shard of a job. Shards of one job share `key` and `needs`; one that needs its own key comes after the others. */
export type JobState = {
  readonly id: JobId
  /** null for the built-in plan job. */
  readonly workflow: WorkflowId | null
  readonly key: string
  readonly name: string
  readonly kind: 'plan' | PlanJob['kind']
  readonly needs: readonly { readonly key: string; readonly on: readonly Outcome[] }[]
  readonly status: Status
  /** Why, when `status` is `skipped`. */
  readonly skip: SkipReason | null
  readonly attempts: readonly AttemptState[]
  /** Its serial group, or what a `lock` or `unlock` job is about. */
  readonly lock?: LockState
  /** Of a job that names some; absent where nobody asks (`mayfly run`). */
  readonly contexts?: ContextsOfJob
  /** Why, when `skip` is `policy`. */
  readonly refused?: RefusedContext
}

/** What a shard needs of the others of its job; null for most. */
export const needOfOthers = ({ key, needs }: JobState): JobState['needs'][number] | null =>
  needs.find((need) => need.key === key) ?? null

export type WorkflowState = {
  readonly id: WorkflowId
  readonly status: Status
  /** How often it is still rerun from failed by itself. */
  readonly rerunsLeft?: number
  /** It came with what the run goes on with. */
  readonly isContinued?: boolean
}

export type RunState = {
  readonly status: Status
  readonly cancelRequested: boolean
  readonly workflows: readonly WorkflowState[]
  readonly jobs: readonly JobState[]
  /** Jobs that what happens cannot change, when a store leaves them out of `jobs`: one for each status and reason in a workflow. */
  readonly others?: readonly Standing[]
}

export type Standing = Pick<JobState, 'workflow' | 'status' | 'skip'>

/** Every job, of the others what they are. */
export const standings = ({ jobs, others = [] }: RunState): readonly Standing[] =>
  others.length === 0 ? jobs : [...jobs, ...others]

/** A run before its plan: one built-in job with one attempt in the queue. */
export const newRun = (planJob: JobId): RunState => ({
  status: 'queued',
  cancelRequested: false,
  workflows: [],
  jobs: [withAttempt({ ...builtIn(planJob), status: 'queued', attempts: [] }, 'start')],
})

/** A run whose plan is known: its built-in job has nothing to do. */
export const newPlannedRun = (planJob: JobId): RunState => ({
  status: 'queued',
  cancelRequested: false,
  workflows: [],
  jobs: [{ ...builtIn(planJob), status: 'passed', attempts: [] }],
})

const builtIn = (id: JobId): Omit<JobState, 'status' | 'attempts'> => ({
  ...{ id, workflow: null, key: 'plan', name: 'plan', kind: 'plan', needs: [], skip: null },
})

/** Queued once more: attempts are added and never replace one another. */
export const withAttempt = (job: JobState, cause: AttemptCause): JobState => {
  const attempt = {
    number: job.attempts.length + 1,
    cause,
    status: 'queued',
    cancelRequested: false,
  } as const
  return { ...job, status: 'queued', skip: null, attempts: [...job.attempts, attempt] }
}

const live: ReadonlySet<Status> = new Set(['waiting', 'queued', 'on_hold', 'running'])

export const isFinal = (status: Status): status is FinalStatus => !live.has(status)

export const outcomeOf = (job: JobState): Outcome | null => {
  if (!isFinal(job.status)) return null
  return job.status === 'skipped' ? `skipped:${job.skip ?? 'rule'}` : job.status
}

export const statusOf = (
  outcome: Outcome,
): { readonly status: FinalStatus; readonly skip: SkipReason | null } => {
  if (outcome === 'skipped:needs') return { status: 'skipped', skip: 'needs' }
  if (outcome === 'skipped:policy') return { status: 'skipped', skip: 'policy' }
  if (outcome === 'skipped:rule') return { status: 'skipped', skip: 'rule' }
  return { status: outcome, skip: null }
}

/**
 * foundation.md §5: what is going on, else the worst of what has ended. What was refused is worse than what passed: it has not
 * happened, and nobody may take its workflow for one that did all it says (config-dialects.md §2.11, `unauthorized`).
 */
const order: readonly (Status | 'refused')[] = [
  'running',
  'queued',
  'on_hold',
  'waiting',
  'failed',
  'timed_out',
  'errored',
  'cancelled',
  'unstable',
  'refused',
  'passed',
  'skipped',
]
const rank = new Map(order.map((word, at) => [word, at]))
const rankOf = ({ status, skip }: Ranked): number =>
  rank.get(status === 'skipped' && skip === 'policy' ? 'refused' : status) ?? order.length

type Ranked = Pick<JobState, 'status' | 'skip'>

/** undefined of nothing at all. */
export const worstOf = <T extends Ranked>(all: readonly T[]): T | undefined =>
  all.reduce<T | undefined>(
    (worst, one) => (worst === undefined || rankOf(one) < rankOf(worst) ? one : worst),
    undefined,
  )

/** `skipped` for nothing at all. */
export const rollUp = (all: readonly Ranked[]): Status => worstOf(all)?.status ?? 'skipped'
