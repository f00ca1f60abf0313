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
  const ends = new Map<JobId, Expected | null>()
  const neededBy = ({ needs, workflow }: JobState): readonly JobState[] =>
    needs.flatMap(({ key }) => byKey.get(placeOf({ workflow, key })) ?? [])
  const afterNeeds = (job: JobState): Expected | null => {
    const all = neededBy(job).map(({ id }) => ends.get(id) ?? null)
    if (isToAsk(job) || all.includes(null)) return null
    const latest = (which: keyof Expected) => Math.max(0, ...all.map((each) => each?.[which] ?? 0))
    return { from: latest('from'), to: latest('to') }
  }
  const endOf = (job: JobState): Expected | null => {
    if (outcomeOf(job) !== null) return { from: 0, to: 0 }
    const length = job.kind === 'job' ? lasts(job) : nothing
    if (job.kind === 'approval' || isToAsk(job) || length === null) return null
    // It runs for some time already.
    if (job.status === 'running') return { from: 0, to: length.toMs }
    const begin = job.status === 'queued' ? turn(job) : afterNeeds(job)
    return begin && { from: begin.from + length.fromMs, to: begin.to + length.toMs }
  }
  /** Each once, after what it needs: a run may be a chain of two thousand, too deep to call oneself. */
  const settle = (first: readonly JobState[]): void => {
    const stack = [...first]
    const seen = new Set<JobId>()
    for (let job = stack.at(-1); job !== undefined; job = stack.at(-1)) {
      const open = seen.has(job.id) || ends.has(job.id) ? [] : neededBy(job).filter(({ id }) => !ends.has(id))
      seen.add(job.id)
      if (open.length > 0) stack.push(...open)
      else {
        stack.pop()
        if (!ends.has(job.id)) ends.set(job.id, endOf(job))
      }
    }
  }
  return (job: JobState): Expected | null => {
    settle(neededBy(job))
    return afterNeeds(job)
  }
}

/** A lock that it does not have yet: who has it then, nobody knows. */
const isToAsk = ({ kind, lock }: JobState): boolean =>
  kind !== 'unlock' && lock !== undefined && lock.state !== 'held'

const nothing: Durations = { fromMs: 0, toMs: 0 }

const placeOf = ({ workflow, key }: Pick<JobState, 'workflow' | 'key'>): string => `${workflow ?? ''} ${key}`
