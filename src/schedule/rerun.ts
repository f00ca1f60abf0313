// A person wants jobs that have ended to be carried out again: they wait anew, with the plan, the needs and the attempts
// they have, and settle.ts lets them begin. What was skipped because of others waits again too.
import type { JobId } from '../base/ids.ts'
import { settle } from './settle.ts'
import { isFinal, type JobState, type RunState } from './state.ts'

/** `failed`: those that did not pass. Named jobs and failed ones may be run again while others are under way. */
export type Rerun = 'all' | 'failed' | readonly JobId[]

/** The very same state when nothing of it can be run again now. */
export const rerun = (state: RunState, wanted: Rerun): RunState => {
  const isUnderWay = !isFinal(state.status)
  if (isUnderWay && (state.cancelRequested || wanted === 'all')) return state
  const isWanted = picked(wanted)
  if (!state.jobs.some(isWanted)) return state
  const jobs = state.jobs.map((job) =>
    isWanted(job) || job.skip === 'needs' ? ({ ...job, status: 'waiting', skip: null } as const) : job,
  )
  const again = { ...state, cancelRequested: false, jobs }
  return isAnyLost(again, wanted) ? state : again
}

const picked = (wanted: Rerun) => {
  const isAsked = (job: JobState): boolean => {
    if (wanted === 'all') return true
    return wanted === 'failed' ? red.has(job.status) : wanted.includes(job.id) && job.status !== 'skipped'
  }
  // A plan that was made is the plan; it is made again only when there is none.
  const isPlan = (job: JobState): boolean => job.kind === 'plan' && job.status === 'passed'
  return (job: JobState): boolean => isFinal(job.status) && !isPlan(job) && isAsked(job)
}

const red: ReadonlySet<JobState['status']> = new Set(['failed', 'timed_out', 'errored', 'cancelled'])

/** A job by name whose needs ended otherwise since it ran could only be skipped: that helps nobody. */
const isAnyLost = (again: RunState, wanted: Rerun): boolean =>
  typeof wanted !== 'string' &&
  settle(again).jobs.some((job) => wanted.includes(job.id) && job.status === 'skipped')
