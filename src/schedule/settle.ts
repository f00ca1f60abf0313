// Everything that follows by itself: jobs whose needs are met start, those whose needs cannot be met any more are
// skipped, jobs without steps end at once, a cancelled run lets nothing new begin.
import type { Outcome } from '../protocol/plan.ts'
import { refusedContext } from './contexts.ts'
import { asking, isInLine, released } from './locks.ts'
import {
  isFinal,
  type JobState,
  needOfOthers,
  outcomeOf,
  type RunState,
  rollUp,
  type SkipReason,
  type Status,
  standings,
  withAttempt,
} from './state.ts'

/** Repeats until nothing follows: one pass for most events, one more per level that ends without running. */
export const settle = (state: RunState): RunState => released(followed(state))

const followed = (state: RunState): RunState => {
  if (state.cancelRequested) return { ...state, jobs: state.jobs.map(cancelJob) }
  let { jobs } = state
  while (jobs.some(({ status }) => status === 'waiting')) {
    const outcomes = groupOutcomes(jobs)
    const before = jobs
    jobs = before.map((job) => (job.status === 'waiting' ? advance(job, outcomes, before) : job))
    const isSame = jobs.every((job, i) => job === before[i])
    if (isSame) return { ...state, jobs: jobs.map(withoutDeadlock({ ...state, jobs })) }
  }
  return { ...state, jobs }
}

/** The outcome of a job is that of all its shards together; null while one is under way. */
type Outcomes = ReadonlyMap<string, Outcome | null>

const groupOf = (job: JobState, key: string): string => `${job.workflow ?? ''} ${key}`

const groupOutcomes = (jobs: readonly JobState[]): Outcomes => {
  const groups = Map.groupBy(jobs, (job) => groupOf(job, job.key))
  return new Map([...groups].map(([group, shards]) => [group, outcomeOfShards(shards)]))
}

const outcomeOfShards = (shards: readonly JobState[]): Outcome | null => {
  const worst = rollUp(shards.map((shard) => shard.status))
  const shard = shards.find((candidate) => candidate.status === worst)
  return shard === undefined ? null : outcomeOf(shard)
}

const advance = (job: JobState, outcomes: Outcomes, jobs: readonly JobState[]): JobState => {
  const needs = job.needs.map((need) =>
    need.key === job.key ? 'met' : standingOf(need, outcomes.get(groupOf(job, need.key))),
  )
  if (needs.includes('unmeetable')) return ended(job, 'skipped', 'needs')
  if (needs.includes('open')) return job
  // The shards of a job ask for their lock together; only then one may wait for the others.
  return unauthorized(job) ?? asking(job) ?? afterOthers(job, jobs)
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

const afterOthers = (job: JobState, jobs: readonly JobState[]): JobState => {
  const own = needOfOthers(job)
  if (own === null) return start(job)
  const others = jobs.filter((other) => other !== job && groupOf(other, other.key) === groupOf(job, job.key))
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
