// Results of tests in the double: the unit tests of each run; names and messages of theirs are a stranger's words.
import type { ExpiredOfJob } from '../../../../src/protocol/api/expired.ts'
import type { Job } from '../../../../src/protocol/api/shapes.ts'
import type { TestPage, TestResult, TestSummary } from '../../../../src/protocol/api/tests.ts'
import { ago } from './ids.ts'
import { summaries } from './run-list.ts'
import { runById } from './runs.ts'

const failed: readonly TestResult[] = [
  {
    ...{
      outcome: 'failed',
      name: 'refuses an expired link',
      class: 'login',
      file: 'tests/login/links.test.ts',
    },
    duration_ms: 1_284,
    message: `expected 403, got 200\n${'    at check (tests/login/links.test.ts:41:9)\n'.repeat(3)}`,
  },
  {
    ...{ outcome: 'failed', name: `<b>a name\u202e${'-that-goes-on'.repeat(12)}`, class: '', file: '' },
    ...{ duration_ms: 3, message: '' },
  },
]
const skipped: readonly TestResult[] = [
  {
    ...{ outcome: 'skipped', name: 'sends mail', class: 'mail', file: 'tests/mail.test.ts' },
    ...{ duration_ms: 0, message: 'no mail server here' },
  },
]
const passed: readonly TestResult[] = Array.from({ length: 118 }, (_, at) => ({
  ...{ outcome: 'passed', name: `adds up, case ${at + 1}`, class: 'sums', file: 'tests/sums.test.ts' },
  ...{ duration_ms: 900 - at * 7, message: '' },
}))
const all = [...failed, ...skipped, ...passed]

const summaryOf = ({ id, name, shard, shards, attempts }: Job): TestSummary => ({
  job: { id, name, shard, shards, attempt: Math.max(1, attempts.length) },
  ...{ failed: failed.length, skipped: skipped.length, passed: passed.length, duration_ms: 62_400 },
})

export const testsOf = (run: string): TestSummary[] =>
  (runById(run)?.jobs ?? []).filter(({ key }) => key === 'unit').map(summaryOf)

const removed = { removed_at: ago(86_400), days: 30 }
export const expiredTestsOf = (run: string): ExpiredOfJob[] =>
  (runById(run)?.jobs ?? [])
    .filter(({ key }) => key === 'lint')
    .map(({ id, name, shard, shards }) => ({ job: { id, name, shard, shards, attempt: 1 }, ...removed }))

export const testPageOf = (id: string, query: URLSearchParams): TestPage => {
  const job = summaries()
    .flatMap((run) => runById(run.id)?.jobs ?? [])
    .find((each) => each.id === id)
  const gone = job?.key === 'lint' ? removed : null
  if (job?.key !== 'unit') return { summary: null, expired: gone, items: [], next_cursor: null }
  const wanted = all.filter(
    ({ outcome, name, file }) =>
      outcome === (query.get('outcome') ?? outcome) && `${name} ${file}`.includes(query.get('q') ?? ''),
  )
  const from = Number(query.get('cursor') ?? 0)
  const to = from + Number(query.get('limit') ?? 50)
  return {
    summary: summaryOf(job),
    expired: null,
    items: wanted.slice(from, to),
    next_cursor: to < wanted.length ? String(to) : null,
  }
}
