// The one set of rules for what a run does next: (state, event) → (state, changes). Pure: ids are given, times are the
// caller's. A change says from where to where, so that a store can compare before it sets.
import type { JobId } from '../base/ids.ts'
import type { Outcome } from '../protocol/plan.ts'
import { type Change, changesBetween } from './changes.ts'
import { waitingBehind, wantedBy } from './contexts.ts'
import { holding, refused } from './locks.ts'
import { type Rerun, rerun, rerunFailed, withoutAutoReruns } from './rerun.ts'
import { cancelJob, settle, start } from './settle.ts'
import {
  type AttemptState,
  isFinal,
  type JobState,
  needOfOthers,
  type RunState,
  rollUp,
  standings,
  statusOf,
  type Wanting,
  type WorkflowState,
  withAttempt,
} from './state.ts'

type OfAttempt = { readonly job: JobId; readonly number: number }
type Planned = { readonly workflows: readonly WorkflowState[]; readonly jobs: readonly JobState[] }

export type RunEvent =
  | ({ readonly kind: 'claimed' } & OfAttempt)
  | ({ readonly kind: 'finished'; readonly outcome: Outcome } & OfAttempt)
  /** Its runner never got it: it goes back to where it was in the queue. */
  | ({ readonly kind: 'released' } & OfAttempt)
  /** The lease expired. */
  | ({ readonly kind: 'lost' } & OfAttempt)
  /** The plan attempt, which goes on, has brought these. Jobs are `waiting` and have no attempts. */
  | ({ readonly kind: 'plan-made' } & Planned & OfAttempt)
  /** The plan attempt passed, with these unless it has brought them before. */
  | ({ readonly kind: 'planned' } & Planned & OfAttempt)
  /** A job of the first plan, which goes on, has found what the run goes on with: jobs as of a plan. */
  | ({ readonly kind: 'continued' } & Planned & OfAttempt)
  /** The plan is that of an earlier run, so nothing runs for it. */
  | ({ readonly kind: 'plan-known' } & Planned)
  | { readonly kind: 'cancel-requested' }
  /** Of these alone; what needs them follows as after any other end. */
  | { readonly kind: 'cancel-jobs'; readonly jobs: readonly JobId[] }
  /** A person said yes or no to a job that waits for one. */
  | { readonly kind: 'approved'; readonly job: JobId; readonly by?: Wanting }
  | { readonly kind: 'rejected'; readonly job: JobId }
  /** Nobody did, for as long as it may wait. */
  | { readonly kind: 'approval-expired'; readonly job: JobId }
  /** The lock that these asked for is theirs. */
  | { readonly kind: 'lock-granted'; readonly jobs: readonly JobId[] }
  | {
      readonly kind: 'lock-refused'
      readonly jobs: readonly JobId[]
      readonly why: 'replaced' | 'too-long'
    }
  /** A person wants jobs that have ended to be carried out again, as they were planned. */
  | { readonly kind: 'rerun'; readonly jobs: Rerun; readonly by?: Wanting }

export type Decision = { readonly state: RunState; readonly changes: readonly Change[] }

/** Several events happen one after the other. One that does not fit (what is not running finishes) changes nothing. */
export const decide = (state: RunState, ...events: readonly RunEvent[]): Decision => {
  const next = events.reduce((current, event) => onceMore(rolledUp(settle(happen(current, event)))), state)
  return { state: next, changes: changesBetween(state, next) }
}

/** Workflows that failed and are to be tried again by themselves. */
const onceMore = (state: RunState): RunState => {
  const again = rerunFailed(state)
  return again === state ? state : rolledUp(settle(again))
}

const happen = (state: RunState, event: RunEvent): RunState => {
  if (event.kind === 'cancel-requested') return { ...state, cancelRequested: true }
  if (event.kind === 'cancel-jobs') return cancelled(state, event.jobs)
  if (event.kind === 'lock-granted') return withJobs(state, event.jobs, granted)
  if (event.kind === 'lock-refused') return withJobs(state, event.jobs, (job) => refused(job, event.why))
  if (event.kind === 'rerun') return rerun(state, event.jobs, event.by)
  if (event.kind === 'plan-known') return withPlan(state, event)
  if (event.kind === 'approved') return approved(state, event.job, event.by)
  if (event.kind === 'rejected' || event.kind === 'approval-expired')
    return decided(state, event.job, 'cancelled')
  if (event.kind === 'plan-made') return isRunning(state, event) ? withPlan(state, event) : state
  if (event.kind === 'continued') return isRunning(state, event) ? withContinuation(state, event) : state
  if (event.kind === 'claimed') return inJob(state, event, 'queued', inStatus('running'))
  if (event.kind === 'released') return inJob(state, event, 'running', release)
  if (event.kind === 'lost')
    return inJob(state, event, 'running', (job) => finish(state, job, event, lostOutcome(state, job, event)))
  if (event.kind === 'finished')
    return inJob(state, event, 'running', (job) => finish(state, job, event, event.outcome))
  const planned = inJob(state, event, 'running', (job) => finish(state, job, event, 'passed'))
  return planned === state ? state : withPlan(planned, event)
}

/** Once: what comes again, from the end of the attempt or from its second try, is the same plan. */
const withPlan = (state: RunState, { workflows, jobs }: Planned): RunState =>
  state.workflows.length > 0 ? state : { ...state, workflows, jobs: [...state.jobs, ...jobs] }

/** Once, whoever asks. */
const withContinuation = (state: RunState, { workflows, jobs }: Planned): RunState => {
  if (state.workflows.some(({ isContinued }) => isContinued === true)) return state
  const added = workflows.map((workflow) => ({ ...workflow, isContinued: true }))
  return { ...state, workflows: [...state.workflows, ...added], jobs: [...state.jobs, ...jobs] }
}

/** Who approves wants what waited for it. */
const approved = (state: RunState, id: JobId, by: Wanting | undefined): RunState => {
  const gate = state.jobs.find((job) => job.id === id && job.status === 'on_hold')
  if (gate === undefined) return state
  const behind = waitingBehind(state.jobs, gate)
  const jobs = state.jobs.map((job) => (behind.has(job) ? wantedBy(job, by) : job))
  return decided({ ...state, jobs }, id, 'passed')
}

const decided = (state: RunState, id: JobId, status: 'passed' | 'cancelled'): RunState => ({
  ...state,
  jobs: state.jobs.map((job) => (job.id === id && job.status === 'on_hold' ? { ...job, status } : job)),
})

/** Whoever does not want the rest of a workflow does not want it tried again. */
const cancelled = (state: RunState, ids: readonly JobId[]): RunState => {
  const live = state.jobs.filter(({ id, status }) => ids.includes(id) && !isFinal(status))
  const touched = new Set(live.map(({ workflow }) => workflow))
  return withJobs(
    withoutAutoReruns(state, ({ id }) => touched.has(id)),
    ids,
    cancelJob,
  )
}

const withJobs = (state: RunState, ids: readonly JobId[], change: (job: JobState) => JobState): RunState => ({
  ...state,
  jobs: state.jobs.map((job) => (ids.includes(job.id) ? change(job) : job)),
})

const granted = (job: JobState): JobState => {
  const held = holding(job)
  // Who comes after its own shards begins when they have ended (settle.ts).
  return held === job || needOfOthers(held) !== null ? held : start(held)
}

/** Applies `change` to the event's job when its attempt is in `status`, else returns the very same state. */
const inJob = (
  state: RunState,
  { job: id, number }: OfAttempt,
  status: AttemptState['status'],
  change: (job: JobState, number: number) => JobState,
): RunState => {
  const job = state.jobs.find((candidate) => candidate.id === id)
  const attempt = job?.attempts.find((candidate) => candidate.number === number)
  if (job === undefined || attempt?.status !== status) return state
  const changed = change(job, number)
  return { ...state, jobs: state.jobs.map((candidate) => (candidate === job ? changed : candidate)) }
}

const isRunning = ({ jobs }: RunState, { job: id, number }: OfAttempt): boolean =>
  jobs
    .find((job) => job.id === id)
    ?.attempts.some((attempt) => attempt.number === number && attempt.status === 'running') ?? false

/** Somebody wanted it to stop, and it has stopped; otherwise it is our failure. */
const lostOutcome = (state: RunState, { attempts }: JobState, { number }: OfAttempt): Outcome =>
  state.cancelRequested || attempts[number - 1]?.cancelRequested ? 'cancelled' : 'errored'

const inStatus =
  (status: 'queued' | 'running') =>
  (job: JobState, number: number): JobState => ({
    ...job,
    status,
    attempts: withStatus(job.attempts, number, status),
  })

/** Whoever wanted its end has it: nobody begins it again. */
const release = (job: JobState, number: number): JobState => {
  const released = inStatus('queued')(job, number)
  return job.attempts[number - 1]?.cancelRequested ? cancelJob(released) : released
}

const finish = (state: RunState, job: JobState, { number }: OfAttempt, outcome: Outcome): JobState => {
  const { status, skip } = statusOf(outcome)
  const attempts = withStatus(job.attempts, number, status)
  if (status === 'errored' && isRetried(state, attempts[number - 1]))
    return withAttempt({ ...job, attempts }, 'retry')
  return { ...job, status, skip, attempts }
}

/** Our own failure is tried once more, unless a person wants the end. A rerun has a try of its own. */
const isRetried = (state: RunState, attempt: AttemptState | undefined): boolean =>
  !state.cancelRequested && attempt !== undefined && !attempt.cancelRequested && attempt.cause !== 'retry'

const withStatus = (
  attempts: readonly AttemptState[],
  number: number,
  status: AttemptState['status'],
): readonly AttemptState[] =>
  attempts.map((attempt) => (attempt.number === number ? { ...attempt, status } : attempt))

/** Until the plan attempt has passed the run is that as well as its workflows; afterwards what these are. */
const rolledUp = (state: RunState): RunState => {
  const all = standings(state)
  const byWorkflow = Map.groupBy(all, (job) => job.workflow)
  const workflows = state.workflows.map((workflow) => ({
    ...workflow,
    status: rollUp(byWorkflow.get(workflow.id) ?? []),
  }))
  const isPlanned = rollUp(byWorkflow.get(null) ?? []) === 'passed'
  const status = rollUp(isPlanned ? all.filter(({ workflow }) => workflow !== null) : all)
  return { ...state, status, workflows }
}
