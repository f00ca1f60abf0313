// Everything that follows by itself: jobs whose needs are met start, those whose needs cannot be met any more are
// skipped, jobs without steps end at once, a cancelled run lets nothing new begin.
import type { Outcome } from '../protocol/plan.ts'
import { refusedContext } from './contexts.ts'
import { asking, isInLine, released, sharing } from './locks.ts'
import {
  isFinal,
  type JobState,
  needOfOthers,
  outcomeOf,
  type RunState,
  type SkipReason,
  type Status,
  standings,
  withAttempt,
  worstOf,
} from './state.ts'

export const settle = (state: RunState): RunState => released(followed(state))

/** Repeats until nothing follows. Looked at again is only what waits behind what has just ended: a run may be a chain of two thousand. */
const followed = (state: RunState): RunState => {
  if (state.cancelRequested) return { ...state, jobs: state.jobs.map(cancelJob) }
  if (!state.jobs.some(({ status }) => status === 'waiting')) return state
  const jobs = [...state.jobs]
  const groups = groupsIn(jobs)
  for (let due = [...jobs.keys()]; due.length > 0; ) {
    const next = new Set<number>()
    for (const at of due) {
      const job = jobs[at]
      if (job?.status !== 'waiting') continue
      const moved = advance(job, groups)
      if (moved === job) continue
      jobs[at] = moved
      for (const behind of groups.put(at, moved)) next.add(behind)
    }
    due = [...next]
  }
  const isOver = jobs.every(({ status }) => status !== 'waiting')
  return { ...state, jobs: isOver ? jobs : jobs.map(withoutDeadlock({ ...state, jobs })) }
}

/** The shards of each job, what they came to together, and who waits for that. */
type Groups = {
  /** null while one is under way; undefined when there is no such job. */
  outcome(of: JobState, key: string): Outcome | null | undefined
  /** Of the same job. */
  shards(of: JobState): readonly JobState[]
  /** Which are to be looked at again for what has become of this one. */
  put(at: number, job: JobState): Iterable<number>
}

const groupOf = (job: JobState, key: string): string => `${job.workflow ?? ''} ${key}`

type Group = {
  readonly shards: Map<number, JobState>
  readonly behind: number[]
  /** undefined: not looked at since one of them changed. */
  outcome: Outcome | null | undefined
}

const groupsIn = (jobs: readonly JobState[]): Groups => {
  const groups = new Map<string, Group>()
  for (const [at, job] of jobs.entries()) {
    const name = groupOf(job, job.key)
    const group = groups.get(name) ?? { shards: new Map(), behind: [], outcome: undefined }
    group.shards.set(at, job)
    groups.set(name, group)
  }
  for (const [at, job] of jobs.entries())
    for (const { key } of job.status === 'waiting' ? job.needs : [])
      groups.get(groupOf(job, key))?.behind.push(at)
  return {
    outcome: (of, key) => {
      const group = groups.get(groupOf(of, key))
      if (group?.outcome === undefined && group !== undefined)
        group.outcome = outcomeOfShards([...group.shards.values()])
      return group?.outcome
    },
    shards: (of) => [...(groups.get(groupOf(of, of.key))?.shards.values() ?? [])],
    put: (at, job) => {
      const group = groups.get(groupOf(job, job.key))
      group?.shards.set(at, job)
      if (group !== undefined) group.outcome = undefined
      return isFinal(job.status) ? (group?.behind ?? []) : []
    },
  }
}

const outcomeOfShards = (shards: readonly JobState[]): Outcome | null => {
  const worst = worstOf(shards)
  return worst === undefined ? null : outcomeOf(worst)
}

const advance = (job: JobState, groups: Groups): JobState => {
  const needs = job.needs.map((need) =>
    need.key === job.key ? 'met' : standingOf(need, groups.outcome(job, need.key)),
  )
  if (needs.includes('unmeetable')) return ended(job, 'skipped', 'needs')
  if (needs.includes('open')) return job
  // The shards of a job ask for their lock together; only then one may wait for the others.
  const own = job.lock === undefined ? job : sharing(job, groups.shards(job))
  return unauthorized(own) ?? asking(own) ?? afterOthers(own, groups)
}

const standingOf = (
  { on }: JobState['needs'][number],
  outcome: Outcome | null | undefined,
): 'met' | 'open' | 'unmeetable' => {
  // A need that names no job cannot be met; the parser of plans refuses such plans.
  if (outcome === undefined) return 'unmeetable'
  if (outcome === null) return 'open'
  return on.includes(outcome) ? 'met' : 'unmeetable'
}

const afterOthers = (job: JobState, groups: Groups): JobState => {
  const own = needOfOthers(job)
  if (own === null) return start(job)
  const others = groups.shards(job).filter((other) => other.id !== job.id)
  switch (standingOf(own, outcomeOfShards(others))) {
    case 'met':
      return start(job)
    case 'open':
      return job
    case 'unmeetable':
      return ended(job, 'skipped', 'needs')
  }
}

/** What it needs is met, and its lock is its own. */
export const start = (job: JobState): JobState => {
  switch (job.kind) {
    case 'plan':
    case 'job':
      return unauthorized(job) ?? withAttempt(job, job.attempts.length === 0 ? 'start' : 'rerun')
    case 'noop':
      return ended(job, 'passed', null)
    case 'lock':
    case 'unlock':
      // Of plans that do not say which: running what asks for a lock without it would be the one wrong answer.
      return job.lock === undefined ? ended(job, 'skipped', 'policy') : ended(job, 'passed', null)
    case 'approval':
      return { ...job, status: 'on_hold' }
  }
}

/** null: its contexts admit it. */
const unauthorized = (job: JobState): JobState | null => {
  const refused = refusedContext(job)
  return refused === null ? null : { ...ended(job, 'skipped', 'policy'), refused }
}

/** Nothing is under way and something waits: it waits for itself. */
const withoutDeadlock = (state: RunState) => {
  const moving = new Set([
    ...standings(state)
      .filter(({ status }) => !isFinal(status) && status !== 'waiting')
      .map(({ workflow }) => workflow),
    ...state.jobs.filter((job) => isInLine(state, job)).map(({ workflow }) => workflow),
  ])
  return (job: JobState): JobState =>
    job.status === 'waiting' && !moving.has(job.workflow) ? ended(job, 'skipped', 'needs') : job
}

/** What waits does not begin; what runs is told to stop, and still ends by itself. */
export const cancelJob = (job: JobState): JobState => {
  if (isFinal(job.status)) return job
  const attempts = job.attempts.map((attempt) => {
    if (attempt.status === 'queued') return { ...attempt, status: 'cancelled' as const }
    return attempt.status === 'running' ? { ...attempt, cancelRequested: true } : attempt
  })
  return { ...job, attempts, status: job.status === 'running' ? 'running' : 'cancelled' }
}

const ended = (job: JobState, status: Status, skip: SkipReason | null): JobState => ({ ...job, status, skip })
