// Why a job is where it is, as a sentence with a name in it (experience.md §1.7). null for jobs that run or have
// ended for a reason of their own, which their attempt tells.
import type { JobId } from '../base/ids.ts'
import { type JobState, outcomeOf } from './state.ts'

export type QueueFacts = {
  /** The resource class the job waits for. */
  readonly class: string
  /** Attempts of this class that are in front of it. */
  readonly ahead: number
  /** Runners that were heard of lately. */
  readonly runners: readonly { readonly name: string; readonly classes: readonly string[] }[]
}

export type Why = { readonly code: string; readonly text: string; readonly job_id: JobId | null }

/** `jobs` are those of the run; `facts` is asked for queued jobs only. */
export const whyQueued = (
  jobs: readonly JobState[],
  job: JobState,
  facts: (job: JobState) => QueueFacts,
): Why | null => {
  switch (job.status) {
    case 'waiting':
      return waits(jobs, job)
    case 'skipped':
      return skipped(jobs, job)
    case 'on_hold':
      return { code: 'approval', text: 'Waits for a person to approve', job_id: null }
    case 'queued':
      return queued(facts(job))
    default:
      return null
  }
}

const needed = (jobs: readonly JobState[], job: JobState): readonly JobState[] =>
  job.needs.flatMap(({ key }) => jobs.filter((other) => other.workflow === job.workflow && other.key === key))

const waits = (jobs: readonly JobState[], job: JobState): Why => {
  const open = needed(jobs, job).filter((other) => outcomeOf(other) === null)
  const names = [...new Set(open.map((other) => other.name))]
  const more = names.length > 1 ? ` and ${names.length - 1} more` : ''
  return { code: 'needs', text: `Waits for ${names[0] ?? 'another job'}${more}`, job_id: open[0]?.id ?? null }
}

const skipped = (jobs: readonly JobState[], job: JobState): Why => {
  if (job.skip === 'rule')
    return { code: 'rule', text: 'A rule of the configuration skipped it', job_id: null }
  if (job.skip === 'policy')
    return job.kind === 'lock' || job.kind === 'unlock'
      ? { code: 'serial_group', text: 'Serial groups are not available in this version', job_id: null }
      : { code: 'policy', text: 'A policy does not allow it', job_id: null }
  const accepts = new Map(job.needs.map(({ key, on }) => [key, on]))
  const cause = needed(jobs, job).find((other) => {
    const outcome = outcomeOf(other)
    return outcome !== null && accepts.get(other.key)?.includes(outcome) === false
  })
  const text =
    cause === undefined ? 'What it needs did not happen' : `Skipped because ${cause.name} ${endingOf(cause)}`
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

const queued = ({ class: wanted, ahead, runners }: QueueFacts): Why => {
  if (runners.length === 0) return { code: 'no_matching_runner', text: 'No runner is online', job_id: null }
  const offers = [...new Set(runners.flatMap((runner) => runner.classes))].sort()
  if (!offers.includes(wanted))
    return {
      code: 'no_matching_runner',
      text: `No runner offers the class ${wanted}; those online offer ${offers.join(', ') || 'none'}`,
      job_id: null,
    }
  const text =
    ahead === 0 ? `Next for a place of class ${wanted}` : `${ahead} ahead for a place of class ${wanted}`
  return { code: 'capacity', text, job_id: null }
}
