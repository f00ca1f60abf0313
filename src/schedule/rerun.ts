// A person wants jobs that have ended to be carried out again: they wait anew, with the plan, the needs and the attempts
// they have, and settle.ts lets them begin. What was skipped because of others waits again too. A workflow may ask that
// this happens by itself when it failed, a few times.
import type { JobId } from '../base/ids.ts'
import { isRed } from '../protocol/plan.ts'
import { wantedBy } from './contexts.ts'
import { settle } from './settle.ts'
import { isFinal, type JobState, type RunState, type Wanting, type WorkflowState } from './state.ts'

/** `failed`: those that did not pass. Named jobs and failed ones may be run again while others are under way. */
export type Rerun = 'all' | 'failed' | readonly JobId[]

/** The very same state when nothing of it can be run again now. */
export const rerun = (state: RunState, wanted: Rerun, by?: Wanting): RunState => {
  const isUnderWay = !isFinal(state.status)
  if (isUnderWay && (state.cancelRequested || wanted === 'all')) return state
  const isWanted = picked(wanted)
  if (!state.jobs.some(isWanted)) return state
  const again = {
    ...withoutAutoReruns(state),
    cancelRequested: false,
    jobs: waitingAgain(state, isWanted, by),
  }
  return isAnyLost(again, wanted) ? state : again
}

/** The very same state when no workflow failed that may be tried again. */
export const rerunFailed = (state: RunState): RunState => {
  const due = state.workflows.filter(({ status, rerunsLeft = 0 }) => rerunsLeft > 0 && isRed(status))
  if (due.length === 0 || state.cancelRequested) return state
  const ids = new Set(due.map(({ id }) => id))
  const isDue = (job: JobState) => job.workflow !== null && ids.has(job.workflow) && isRed(job.status)
  const workflows = state.workflows.map((workflow) =>
    ids.has(workflow.id) ? { ...workflow, rerunsLeft: (workflow.rerunsLeft ?? 0) - 1 } : workflow,
  )
  return { ...state, workflows, jobs: waitingAgain(state, isDue) }
}

/** Only the run as it was started is tried again by itself, not what a person makes of it. */
export const withoutAutoReruns = (
  state: RunState,
  isMeant: (workflow: WorkflowState) => boolean = () => true,
): RunState => ({
  ...state,
  workflows: state.workflows.map((workflow) =>
    workflow.rerunsLeft === undefined || !isMeant(workflow) ? workflow : { ...workflow, rerunsLeft: 0 },
  ),
})

/** With them what was skipped because of others, and the locks of their workflows: those were let go. */
const waitingAgain = (
  state: RunState,
  isWanted: (job: JobState) => boolean,
  by?: Wanting,
): readonly JobState[] => {
  const touched = new Set(state.jobs.filter(isWanted).map(({ workflow }) => workflow))
  const isLocking = ({ kind, workflow, status }: JobState) =>
    (kind === 'lock' || kind === 'unlock') && touched.has(workflow) && isFinal(status)
  const isBlocked = ({ skip, workflow }: JobState) => skip === 'needs' && touched.has(workflow)
  return state.jobs.map((job) =>
    isWanted(job) || isBlocked(job) || isLocking(job)
      ? wantedBy({ ...job, status: 'waiting', skip: null }, by)
      : job,
  )
}

const picked = (wanted: Rerun) => {
  const isAsked = (job: JobState): boolean => {
    if (wanted === 'all') return true
    if (wanted === 'failed') return isRed(job.status) || job.status === 'cancelled' || isUnauthorized(job)
    return wanted.includes(job.id) && (job.status !== 'skipped' || isUnauthorized(job))
  }
  // A plan that was made is the plan; it is made again only when there is none.
  const isPlan = (job: JobState): boolean => job.kind === 'plan' && job.status === 'passed'
  return (job: JobState): boolean => isFinal(job.status) && !isPlan(job) && isAsked(job)
}

/** Somebody who may use its contexts, or who has changed their rules, may want it. */
const isUnauthorized = ({ kind, skip }: JobState): boolean => kind === 'job' && skip === 'policy'

/** A job by name whose needs ended otherwise since it ran could only be skipped: that helps nobody. */
const isAnyLost = (again: RunState, wanted: Rerun): boolean =>
  typeof wanted !== 'string' &&
  settle(again).jobs.some((job) => wanted.includes(job.id) && job.status === 'skipped')
