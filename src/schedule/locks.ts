// Locks (config-dialects.md §2.11): a job in a serial group, and a `lock` job, begin only while nobody else in the
// organisation holds a lock of that name. When what it needs is met a job asks; who is next is decided over all runs
// (`nextHolder`), here is what asking, holding and letting go mean for one run.
import type { JobId } from '../base/ids.ts'
import { isFinal, type JobState, type LockState, type RunState, standings } from './state.ts'

/** Something in line for one lock, or holding it: the shards of a job are one. */
export type LockRequest = {
  readonly jobs: readonly JobId[]
  readonly project: string
  /** Of its run; the newer is the greater. */
  readonly run: number
  readonly isHeld: boolean
}

/**
 * `requests` in the order in which they asked. Whoever is in line behind a newer run of its own project is refused: what
 * it would do has been replaced. Else the first in line is next, once nobody holds the lock.
 */
export const nextHolder = <R extends LockRequest>(
  requests: readonly R[],
): { readonly grant: R | null; readonly refuse: readonly R[] } => {
  const isReplaced = ({ project, run }: R) =>
    requests.some((other) => other.project === project && other.run > run)
  const asking = requests.filter(({ isHeld }) => !isHeld)
  const grant = requests.some(({ isHeld }) => isHeld) ? undefined : asking.find((one) => !isReplaced(one))
  return { grant: grant ?? null, refuse: asking.filter(isReplaced) }
}

/** The requests of one run alone, by the name of their lock: for a run that shares its locks with nobody. */
export const requestsOf = ({ jobs }: RunState): ReadonlyMap<string, readonly LockRequest[]> => {
  const inLine = jobs.filter(({ lock }) => lock !== undefined && lock.state !== 'free')
  const byLock = Map.groupBy(inLine, ({ lock }) => lock?.name ?? '')
  return new Map(
    [...byLock].map(([name, of]) => {
      const groups = Map.groupBy(of, (job) => `${job.workflow ?? ''} ${job.key}`)
      return [
        name,
        [...groups.values()].map((shards) => ({
          jobs: shards.map(({ id }) => id),
          ...{ project: '', run: 0, isHeld: shards.some(({ lock }) => lock?.state === 'held') },
        })),
      ]
    }),
  )
}

/** All shards of a job have its lock together: one that is wanted again while others go on has it with them. */
export const sharing = (job: JobState, shards: readonly JobState[]): JobState =>
  job.lock !== undefined && job.kind === 'job' && shards.some(({ lock }) => lock?.state === 'held')
    ? withLock(job, job.lock, 'held')
    : job

/** Its turn has not come: it asks, or has asked. null: nothing of the kind keeps it back. */
export const asking = (job: JobState): JobState | null => {
  const { lock, kind } = job
  if (lock === undefined || kind === 'unlock' || lock.state === 'held') return null
  return lock.state === 'asked' ? job : withLock(job, lock, 'asked')
}

const isAsking = ({ lock, status }: JobState): boolean => lock?.state === 'asked' && status === 'waiting'

/** Somebody else has the lock or will have it before; not a section of its own workflow, which would wait for itself. */
export const isInLine = ({ jobs }: RunState, job: JobState): boolean =>
  isAsking(job) &&
  !jobs.some(
    ({ kind, workflow, lock }) =>
      kind === 'lock' && workflow === job.workflow && lock?.state === 'held' && lock.name === job.lock?.name,
  )

/** What asked still waits, unless it was cancelled in between. */
export const holding = (job: JobState): JobState =>
  job.lock !== undefined && isAsking(job) ? withLock(job, job.lock, 'held') : job

/** It will not get its turn: a newer run of its project is in line, or it waited too long. */
export const refused = (job: JobState, why: 'replaced' | 'too-long'): JobState => {
  if (!isAsking(job)) return job
  return why === 'replaced'
    ? { ...job, status: 'skipped', skip: 'rule' }
    : { ...job, status: 'cancelled', skip: null }
}

/**
 * Lets go of what is not needed any more. A job holds its lock until all its shards have ended; a `lock` job until an
 * `unlock` of that name has passed, or nothing of its workflow is left.
 */
export const released = (state: RunState): RunState => {
  if (!state.jobs.some(({ lock }) => lock !== undefined && lock.state !== 'free')) return state
  const live = new Set(
    standings(state).flatMap(({ workflow, status }) => (isFinal(status) ? [] : [workflow])),
  )
  const free = (job: JobState): boolean => {
    if (job.lock?.state === 'asked') return isFinal(job.status)
    if (job.kind !== 'lock')
      return state.jobs.every((other) => !isShardOf(job, other) || isFinal(other.status))
    return !live.has(job.workflow) || state.jobs.some((other) => isUnlocking(job, other))
  }
  const jobs = state.jobs.map((job) =>
    job.lock !== undefined && job.lock.state !== 'free' && free(job) ? withLock(job, job.lock, 'free') : job,
  )
  return { ...state, jobs }
}

const isShardOf = (job: JobState, other: JobState): boolean =>
  job.workflow === other.workflow && job.key === other.key

const isUnlocking = (job: JobState, { kind, lock, workflow, status }: JobState): boolean =>
  kind === 'unlock' && workflow === job.workflow && lock?.name === job.lock?.name && status === 'passed'

const withLock = (job: JobState, { name }: LockState, state: LockState['state']): JobState => ({
  ...job,
  lock: { name, state },
})
