// When a job will likely begin: by how long jobs of its class took lately, the places there are, and what stands before it in
// the queue, in its run or in line for a lock. A range, never a promise; nothing where somebody has to decide first.
import type { JobId } from '../base/ids.ts'
import { type JobState, outcomeOf } from './state.ts'

/** How long most jobs of a class took lately. */
export type Durations = { readonly fromMs: number; readonly toMs: number }

/** From now. */
export type Expected = { readonly from: number; readonly to: number }

/** Every place takes the next one when a job of the usual length ends: how many such lengths until it is its turn. */
export const afterOthers = (
  durations: Durations | null,
  { ahead, places }: { readonly ahead: number; readonly places: number },
): Expected | null => {
  if (durations === null || places < 1) return null
  const from = Math.floor(ahead / places) * durations.fromMs
  const to = Math.ceil((ahead + 1) / places) * durations.toMs
  return { from: Math.round(from), to: Math.round(to) }
}

export type KnownOfJobs = {
  /** When a queued job has its turn. */
  readonly turn: (job: JobState) => Expected | null
  readonly lasts: (job: JobState) => Durations | null
}

/** For the jobs of one run: when those begin that wait for others of them. */
export const createForecast = (jobs: readonly JobState[], { turn, lasts }: KnownOfJobs) => {
  const byKey = Map.groupBy(jobs, placeOf)
  const known = new Map<JobId, Expected | null>()
  const begins = (job: JobState): Expected | null => {
    if (isToAsk(job)) return null
    const ends = job.needs.flatMap(({ key }) =>
      (byKey.get(placeOf({ workflow: job.workflow, key })) ?? []).map((other) => end(other)),
    )
    if (ends.includes(null)) return null
    return {
      from: Math.max(0, ...ends.map((each) => each?.from ?? 0)),
      to: Math.max(0, ...ends.map((each) => each?.to ?? 0)),
    }
  }
  const end = (job: JobState): Expected | null => {
    const found = known.get(job.id)
    if (found !== undefined) return found
    // Whatever needs itself is never known, and asked about once.
    known.set(job.id, null)
    const expected = endOf(job)
    known.set(job.id, expected)
    return expected
  }
  const endOf = (job: JobState): Expected | null => {
    if (outcomeOf(job) !== null) return { from: 0, to: 0 }
    if (job.kind === 'approval' || isToAsk(job)) return null
    const length = job.kind === 'job' ? lasts(job) : nothing
    if (length === null) return null
    // It runs for some time already.
    if (job.status === 'running') return { from: 0, to: length.toMs }
    const begin = job.status === 'queued' ? turn(job) : begins(job)
    return begin && { from: begin.from + length.fromMs, to: begin.to + length.toMs }
  }
  return begins
}

/** A lock that it does not have yet: who has it then, nobody knows. */
const isToAsk = ({ kind, lock }: JobState): boolean =>
  kind !== 'unlock' && lock !== undefined && lock.state !== 'held'

const nothing: Durations = { fromMs: 0, toMs: 0 }

const placeOf = ({ workflow, key }: Pick<JobState, 'workflow' | 'key'>): string => `${workflow ?? ''} ${key}`
