// Why a job is where it is, as a sentence with a name in it (experience.md §1.7). null for jobs that run or have
// ended for a reason of their own, which their attempt tells.
import type { JobId } from '../base/ids.ts'
import { refusalText } from '../protocol/contexts.ts'
import { afterOthers, type Durations, type Expected } from './forecast.ts'
import { type JobState, outcomeOf } from './state.ts'

export type QueueFacts = {
  /** The resource class the job waits for. */
  readonly class: string
  /** Attempts of this class that are in front of it; of its project, while a limit holds it. */
  readonly ahead: number
  /** The limit that keeps it out of the queue. */
  readonly held: {
    readonly of: 'project' | 'organisation'
    readonly name: string
    readonly max: number
  } | null
  /** How long most jobs of its class took lately; null when too few ended. */
  readonly durations: Durations | null
  /** Runners that were heard of lately. */
  readonly runners: readonly {
    readonly name: string
    readonly classes: readonly string[]
    readonly slots: number
  }[]
}

export type Why = {
  readonly code: string
  readonly text: string
  readonly job_id: JobId | null
  /** When it will likely begin, from now. */
  readonly expected_ms?: Expected
}

/** Who has the lock that a job asks for. */
export type LockHolder = {
  readonly project: string
  readonly run: number
  readonly job: string
  /** In line before the one that asks. */
  readonly ahead: number
  /** How long such holders take; null: until a job gives it back, or not known. */
  readonly durations: Durations | null
}

/** What is known beside the jobs themselves. Each is asked only for a job that waits for it. */
export type KnownOfWaiting = {
  readonly facts: (job: JobState) => QueueFacts
  /** When one begins that waits for others of its run. */
  readonly begins?: (job: JobState) => Expected | null
  readonly holderOf?: (lock: string) => LockHolder | null
  /** When it stops waiting for a person, in words; null: never. */
  readonly holdUntil?: (job: JobState) => string | null
}

/** `jobs` are those of the run. */
export const whyQueued = (
  jobs: readonly JobState[],
  job: JobState,
  { facts, begins = () => null, holderOf = () => null, holdUntil = () => null }: KnownOfWaiting,
): Why | null => {
  switch (job.status) {
    case 'waiting':
      return job.lock?.state === 'asked'
        ? inLine(job.lock.name, holderOf(job.lock.name))
        : expecting(begins(job), waits(jobs, job))
    case 'skipped':
      return whySkipped(jobs, job)
    case 'on_hold':
      return onHold(holdUntil(job))
    case 'queued':
      return queued(facts(job))
    default:
      return null
  }
}

const onHold = (until: string | null): Why => {
  const end = until === null ? '' : `, until ${until}`
  return { code: 'approval', text: `Waits for a person to approve${end}`, job_id: null }
}

const inLine = (lock: string, holder: LockHolder | null): Why => {
  const why = { code: 'serial_group', job_id: null }
  if (holder === null) return { ...why, text: `Waits for its turn in the serial group ${lock}` }
  const { job, project, run, ahead, durations } = holder
  const others = ahead === 0 ? '' : `; ${ahead} before it`
  return expecting(afterOthers(durations, { ahead, places: 1 }), {
    ...why,
    text: `Waits for the serial group ${lock}, which ${job} of ${project} #${run} holds${others}`,
  })
}

const needed = (jobs: readonly JobState[], job: JobState): readonly JobState[] =>
  job.needs.flatMap(({ key }) =>
    jobs.filter((other) => other.id !== job.id && other.workflow === job.workflow && other.key === key),
  )

const waits = (jobs: readonly JobState[], job: JobState): Why => {
  const open = needed(jobs, job).filter((other) => outcomeOf(other) === null)
  if (open[0]?.key === job.key)
    return { code: 'needs', text: 'Waits for the other copies of this job', job_id: open[0].id }
  const names = [...new Set(open.map((other) => other.name))]
  const more = names.length > 1 ? ` and ${names.length - 1} more` : ''
  return { code: 'needs', text: `Waits for ${names[0] ?? 'another job'}${more}`, job_id: open[0]?.id ?? null }
}

/** Of a job that was skipped; `jobs` are those of the run. */
export const whySkipped = (jobs: readonly JobState[], job: JobState): Why => {
  if (job.skip === 'rule' && job.lock !== undefined) {
    const text = `Skipped: a newer run of the project is in the serial group ${job.lock.name}`
    return { code: 'serial_group', text, job_id: null }
  }
  if (job.skip === 'rule')
    return { code: 'rule', text: 'A rule of the configuration skipped it', job_id: null }
  if (job.skip === 'policy' && job.refused !== undefined) {
    const { context, rule } = job.refused
    return { code: 'unauthorized', text: refusalText(context, rule), job_id: null }
  }
  if (job.skip === 'policy') return { code: 'policy', text: 'A policy does not allow it', job_id: null }
  const accepts = new Map(job.needs.map(({ key, on }) => [key, on]))
  const cause = needed(jobs, job).find((other) => {
    const outcome = outcomeOf(other)
    return outcome !== null && accepts.get(other.key)?.includes(outcome) === false
  })
  const text =
    cause === undefined
      ? 'What it needs did not happen'
      : `Skipped because ${cause.key === job.key ? 'another copy of it' : cause.name} ${endingOf(cause)}`
  return { code: 'needs', text, job_id: cause?.id ?? null }
}

const endingOf = ({ kind, status }: JobState): string =>
  kind === 'approval' && status === 'cancelled' ? 'was not approved' : (endings[status] ?? status)

const endings: Readonly<Record<string, string>> = {
  timed_out: 'timed out',
  errored: 'could not be run',
  cancelled: 'was cancelled',
  skipped: 'was skipped',
}

const queued = (facts: QueueFacts): Why => {
  const { class: wanted, ahead, held, runners } = facts
  if (runners.length === 0) return { code: 'no_matching_runner', text: 'No runner is online', job_id: null }
  const offers = [...new Set(runners.flatMap((runner) => runner.classes))].sort()
  if (!offers.includes(wanted))
    return {
      code: 'no_matching_runner',
      text: `No runner offers the class ${wanted}; those online offer ${offers.join(', ') || 'none'}`,
      job_id: null,
    }
  if (held !== null) {
    const before = ahead === 0 ? 'next' : `${ahead} before it`
    const whose = held.of === 'project' ? `the project ${held.name}` : `all projects of ${held.name}`
    return expecting(turnOf(facts), {
      code: 'concurrency_limit',
      text: `At most ${held.max} ${held.max === 1 ? 'job' : 'jobs'} of ${whose} at once; ${before}`,
      job_id: null,
    })
  }
  const text =
    ahead === 0 ? `Next for a place of class ${wanted}` : `${ahead} ahead for a place of class ${wanted}`
  return expecting(turnOf(facts), { code: 'capacity', text, job_id: null })
}

/** When a queued job begins. */
export const turnOf = ({ class: wanted, ahead, held, durations, runners }: QueueFacts): Expected | null => {
  const offering = runners.filter(({ classes }) => classes.includes(wanted))
  if (offering.length === 0) return null
  const slots = offering.reduce((sum, runner) => sum + runner.slots, 0)
  return afterOthers(durations, { ahead, places: held?.max ?? slots })
}

const expecting = (expected: Expected | null, why: Why): Why =>
  expected === null || expected.to === 0
    ? why
    : { ...why, text: `${why.text}; likely ${spread(expected)}`, expected_ms: expected }

const spread = ({ from, to }: Expected): string => {
  const [early, late] = [roughly(from), roughly(to)]
  return from < 1_000 ? `within ${late}` : early === late ? `in about ${late}` : `in ${early} to ${late}`
}

/** Upwards, in a unit that leaves few digits. */
const roughly = (ms: number): string => {
  const seconds = Math.ceil(ms / 1000)
  if (seconds < 90) return `${seconds} s`
  return seconds < 5_400 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3_600)} h`
}
