// How a job stands in an address: its key, its shard when there are several, its workflow when the key alone is
// not enough: by its name, or its id where a run that went on has two of one name.
import type { Job, Run } from '../../protocol/api/shapes.ts'
import { addresses, withQuery } from '../router/place.ts'

type Where = { readonly organisation: string; readonly run: Run }

export const jobSegment = (job: Pick<Job, 'key' | 'shard' | 'shards'>): string =>
  job.shards > 1 ? `${job.key}.${job.shard}` : job.key

export const jobAddress = (
  { organisation, run }: Where,
  job: Job,
  attempt?: number,
  view?: 'tests',
): string => {
  const twin = run.jobs.some((other) => other.id !== job.id && jobSegment(other) === jobSegment(job))
  const path = addresses.job({
    organisation,
    project: run.project.name,
    number: run.number,
    job: jobSegment(job),
  })
  return withQuery(path, {
    workflow: twin ? workflowWord(run, job) : undefined,
    attempt: attempt === undefined ? undefined : String(attempt),
    view,
  })
}

export const findJob = (run: Run, segment: string, workflow: string | null): Job | null =>
  run.jobs.find(
    (job) =>
      jobSegment(job) === segment &&
      (workflow === null || [job.workflow_id, workflowOf(run, job)?.name].includes(workflow)),
  ) ?? null

const workflowOf = (run: Run, job: Job): Run['workflows'][number] | undefined =>
  run.workflows.find(({ id }) => id === job.workflow_id)

const workflowWord = (run: Run, job: Job): string | undefined => {
  const own = workflowOf(run, job)
  const isNamesake = run.workflows.some(({ id, name }) => id !== own?.id && name === own?.name)
  return isNamesake ? own?.id : own?.name
}
