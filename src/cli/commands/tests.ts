// Results of tests of a run: a line for each, those that failed first, with what they said.
import type { ExpiredOfJob } from '../../protocol/api/expired.ts'
import type { TestResult, TestSummary } from '../../protocol/api/tests.ts'
import type { ApiClient } from '../api/client.ts'
import { expiredWords } from '../api/expired-words.ts'
import { jobName } from '../api/job-name.ts'
import { findNamedRun } from '../api/named-run.ts'
import { inertText } from '../inert.ts'
import { duration, paintFor, statusWord, writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly project?: string
  readonly job?: string
  readonly failed?: boolean
  readonly json?: boolean
}

export const listTests = async (
  around: Surroundings,
  flags: Flags,
  given: string | undefined,
): Promise<number> => {
  const { api, run, job } = await findNamedRun(around, flags, given)
  const found = await summariesOf(api, run.id)
  const fits = (of: Pick<TestSummary, 'job'>) =>
    job === undefined || [of.job.name, jobName(of.job)].includes(job)
  const expired = found.expired.filter(fits)
  const jobs: { summary: TestSummary; items: readonly TestResult[]; next_cursor: null }[] = []
  for (const summary of found.summaries.filter(fits))
    jobs.push({ summary, items: await testsOf(api, summary, flags.failed === true), next_cursor: null })
  if (flags.json === true)
    around.stdout.write(`${JSON.stringify({ items: jobs, next_cursor: null, expired })}\n`)
  else show(around, jobs)
  for (const one of expired) around.stderr.write(inertText`${expiredWords('results of tests', one)}\n`)
  return 0
}

const summariesOf = async (api: ApiClient, run: string) => {
  const summaries: TestSummary[] = []
  const expired: ExpiredOfJob[] = []
  let cursor: string | undefined
  do {
    const page = await api.call('runTests', { params: { run }, query: { limit: 100, cursor } })
    summaries.push(...page.items)
    expired.push(...page.expired)
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return { summaries, expired }
}

const testsOf = async (
  api: ApiClient,
  { job }: TestSummary,
  isFailedOnly: boolean,
): Promise<readonly TestResult[]> => {
  const tests: TestResult[] = []
  let cursor: string | undefined
  do {
    const page = await api.call('jobTests', {
      params: { job: job.id },
      query: { limit: 100, attempt: job.attempt, cursor, ...(isFailedOnly ? { outcome: 'failed' } : {}) },
    })
    tests.push(...page.items)
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return tests
}

const show = (
  around: Surroundings,
  jobs: readonly { readonly summary: TestSummary; readonly items: readonly TestResult[] }[],
): void => {
  const paint = paintFor(around, around.stdout)
  writeTable(
    around.stdout,
    ['JOB', 'OUTCOME', 'TIME', 'TEST', 'CLASS', 'FILE', 'MESSAGE'],
    jobs.flatMap(({ summary, items }) =>
      items.map((test) => [
        jobName(summary.job),
        statusWord(paint, test.outcome),
        duration(test.duration_ms),
        ...[test.name, test.class, test.file],
        (test.message.split('\n', 1)[0] ?? '').slice(0, 200),
      ]),
    ),
  )
  if (!around.stdout.isTerminal) return
  for (const { summary } of jobs) {
    const { failed, skipped, passed, duration_ms: ms } = summary
    around.stdout.write(
      inertText`${jobName(summary.job)}: ${failed} failed, ${skipped} skipped, ${passed} passed, in ${duration(ms)}\n`,
    )
  }
}
