// What a person means by a job of a run: `--job test.2`, `412/test.2`, an address pasted from the browser, or an id.
import { fault } from '../../base/faults.ts'
import type { Job, Run } from '../../protocol/api/shapes.ts'
import { jobName } from './job-name.ts'

type Words = { readonly ref: string | undefined; readonly job: string | undefined }

/** Takes the job off a ref that names one; `--job` goes before it. */
export const splitRef = ({ ref, job }: Words): Words => {
  const short = /^(#?\d{1,9})\/(.+)$/.exec(ref ?? '')
  if (short !== null) return { ref: short[1], job: job ?? short[2] }
  const address = /\/runs\/\d{1,9}\/jobs\/([^/?#]+)/.exec(ref ?? '')?.[1]
  return { ref, job: job ?? (address === undefined ? undefined : decodeURIComponent(address)) }
}

export const jobNamed = (run: Run, word: string): Job => {
  const found = run.jobs.filter((job) => namesOf(job).includes(word))
  const [job] = found
  if (job === undefined) throw fault('E_NOT_FOUND', { public: `#${run.number} has no job ${word}` })
  if (found.length === 1) return job
  const ids = found.map((job) => (job.shards > 1 ? jobName({ ...job, name: word }) : job.id))
  throw fault('E_INPUT', { public: `#${run.number} has ${found.length} jobs ${word}: ${ids.join(', ')}` })
}

const namesOf = (job: Job): readonly string[] => [
  ...[job.id, job.name, job.key],
  ...[jobName(job), jobName({ ...job, name: job.key })],
]
