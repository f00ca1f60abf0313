// Below the table of `runs view`: of the first jobs that failed the line of the log that tells first why, and how to read on. What may
// not be read, or is gone, is left out: that the job failed stands above.
import type { Run } from '../../protocol/api/shapes.ts'
import { isRed } from '../../protocol/plan.ts'
import type { ApiClient } from '../api/client.ts'
import { jobName } from '../api/job-name.ts'
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'

/** Each asks the vault to open a log. */
const jobsShown = 3

export const writeFailureLines = async (around: Surroundings, api: ApiClient, run: Run): Promise<void> => {
  const red = run.jobs.filter(
    ({ status, kind, attempts }) => isRed(status) && kind !== 'plan' && attempts.length > 0,
  )
  for (const job of red.slice(0, jobsShown)) {
    const attempt = job.attempts.at(-1)?.id ?? ''
    const { untrusted: said } = await api
      .call('attemptLogFailure', { params: { attempt } })
      .catch(() => ({ untrusted: null }))
    if (said !== null)
      around.stdout.write(inertText`${jobName(job)}: ${said.step.name}, line ${said.line}: ${said.text}\n`)
  }
  if (red.length > 0) around.stdout.write(`more: mayfly logs --failed ${run.number}\n`)
}
