// Logs of a run: of one job as they are, of several with one prefix per job. Output of jobs is hostile text: on a
// terminal everything but colours is made harmless.
import { fault } from '../../base/faults.ts'
import type { Run } from '../../protocol/api/shapes.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { findRun } from '../api/find-run.ts'
import { createPrefixer, type Prefixer } from '../prefixed-output.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly project?: string
  readonly job?: string
  readonly follow?: boolean
  readonly failed?: boolean
}

const failures = new Set(['failed', 'timed_out', 'errored'])

export const logs = async (around: Surroundings, flags: Flags, ref: string | undefined): Promise<number> => {
  const api = await connect(around)
  const run = await findRun(around, api, { ref, project: flags.project })
  const jobs = run.jobs.filter((job) => isWanted(flags, job) && job.attempts.length > 0)
  if (jobs.length === 0) throw fault('E_NOT_FOUND', { public: `#${run.number} has no log that fits` })
  const prefixer = createPrefixer(around, around.stdout)
  for (const job of jobs) {
    const attempt = job.attempts.at(-1)
    if (attempt === undefined) continue
    const follow = flags.follow === true ? '1' : '0'
    await copyLog(
      around,
      api,
      { attempt: attempt.id, follow, name: jobs.length > 1 ? job.name : null },
      prefixer,
    )
  }
  return 0
}

/** Follows the logs of attempts that are not followed yet. */
export const followNew = (
  around: Surroundings,
  api: ApiClient,
  run: Run,
  followed: Map<string, Promise<void>>,
): void => {
  const prefixer = createPrefixer(around, around.stdout)
  for (const job of run.jobs)
    for (const attempt of job.attempts)
      if (!followed.has(attempt.id) && attempt.started_at !== null)
        followed.set(
          attempt.id,
          copyLog(around, api, { attempt: attempt.id, follow: '1', name: job.name }, prefixer),
        )
}

const copyLog = async (
  around: Surroundings,
  api: ApiClient,
  of: { readonly attempt: string; readonly follow: '0' | '1'; readonly name: string | null },
  prefixer: Prefixer,
): Promise<void> => {
  const call = { params: { attempt: of.attempt }, query: { format: 'text', follow: of.follow } }
  const writer = prefixer.writer(of.name)
  for await (const bytes of await api.stream('attemptLog', call, around.interrupted)) writer.write(bytes)
  writer.end()
}

const isWanted = (flags: Flags, job: Run['jobs'][number]): boolean =>
  (flags.job === undefined || job.name === flags.job || job.key === flags.job) &&
  (flags.failed !== true || failures.has(job.status))
