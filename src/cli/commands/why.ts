// Why jobs of a run do not run yet: the reason in words, with what they wait for and when they will likely begin.
import type { Job } from '../../protocol/api/shapes.ts'
import { jobNamed } from '../api/find-job.ts'
import { jobName } from '../api/job-name.ts'
import { findNamedRun } from '../api/named-run.ts'
import { inertText } from '../inert.ts'
import { paintFor, statusWord, writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly json?: boolean; readonly project?: string; readonly job?: string }

export const why = async (around: Surroundings, flags: Flags, given: string | undefined): Promise<number> => {
  const { run, job } = await findNamedRun(around, flags, given)
  const jobs = (job === undefined ? run.jobs : [jobNamed(run, job)]).filter(isWaiting)
  if (flags.json) {
    around.stdout.write(`${JSON.stringify(jobs)}\n`)
    return 0
  }
  if (jobs.length === 0)
    around.stderr.write(inertText`nothing of #${run.number} waits: it is ${run.status}\n`)
  const paint = paintFor(around, around.stdout)
  writeTable(
    around.stdout,
    ['JOB', 'STATUS', 'CODE', 'WHY'],
    jobs.map((job) => [
      jobName(job),
      statusWord(paint, job.status),
      job.reason?.code ?? '',
      job.reason?.text ?? '',
    ]),
  )
  return 0
}

const isWaiting = ({ status }: Job): boolean =>
  status === 'waiting' || status === 'queued' || status === 'on_hold'
