// Carries out again what has ended: a whole run, what failed of it, or one job.
import { fault } from '../../base/faults.ts'
import type { Run } from '../../protocol/api/shapes.ts'
import { type ClassName, classNames } from '../../protocol/resource-class.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { jobNamed, splitRef } from '../api/find-job.ts'
import { findRun } from '../api/find-run.ts'
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly json?: boolean
  readonly project?: string
  readonly job?: string
  readonly failed?: boolean
  readonly failedTests?: boolean
  readonly watch?: boolean
  readonly class?: string
}

export const rerun = async (
  around: Surroundings,
  flags: Flags,
  given: string | undefined,
): Promise<number> => {
  const api = await connect(around)
  const { ref, job } = splitRef({ ref: given, job: flags.job })
  const jobs = flags.failedTests === true ? 'failed-tests' : flags.failed === true ? 'failed' : 'all'
  if (jobs !== 'all' && job !== undefined)
    throw fault('E_INPUT', { public: 'either --failed, --failed-tests or one job, not both' })
  const size = classNames.find((name) => name === flags.class)
  if (flags.class !== undefined && size === undefined)
    throw fault('E_INPUT', { public: `--class is one of ${classNames.join(', ')}` })
  if (size !== undefined && job === undefined)
    throw fault('E_INPUT', { public: '--class is for one job: name it with --job' })
  const before = await findRun(around, api, { ref, project: flags.project })
  const run = await ask(api, before, { job, jobs, size })
  if (flags.json) around.stdout.write(`${JSON.stringify(run)}\n`)
  else around.stderr.write(inertText`#${run.number} goes on: ${run.status}\n`)
  if (flags.watch !== true) return 0
  return (await import('./watch.ts')).watchBegun(around, flags, run.id)
}

const ask = (
  api: ApiClient,
  run: Run,
  {
    job,
    jobs,
    size,
  }: {
    readonly job: string | undefined
    readonly jobs: 'all' | 'failed' | 'failed-tests'
    readonly size: ClassName | undefined
  },
): Promise<Run> =>
  job === undefined
    ? api.call('runRerun', { params: { run: run.id }, body: { jobs } })
    : api.call('jobRerun', {
        params: { job: jobNamed(run, job).id },
        body: size === undefined ? {} : { class: size },
      })
