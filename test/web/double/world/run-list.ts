// Runs of the double as a list shows them: one in each state a row must draw.
import type { RunSummary, Status } from '../../../../src/protocol/api/shapes.ts'
import { ago, idOf } from './ids.ts'
import { projects } from './projects.ts'

type Sketch = {
  readonly number: number
  readonly project?: number
  readonly status: Status
  readonly subject: string
  readonly branch?: string
  readonly author?: string
  readonly kind?: string
  readonly age: number
  readonly ms?: number
  readonly workflows?: readonly (readonly [string, Status])[]
  readonly headline?: string
}

const sketches: readonly Sketch[] = [
  {
    number: 413,
    status: 'running',
    subject: 'Stream the export instead of holding it in memory',
    branch: 'stream-export',
    author: 'Ada Lovelace',
    age: 95,
    workflows: [['build-test-deploy', 'running']],
  },
  {
    number: 412,
    status: 'failed',
    subject: 'Round prices half to even, as the invoices do',
    author: 'Grace Hopper',
    age: 1_500,
    ms: 251_000,
    workflows: [
      ['build-test-deploy', 'failed'],
      ['nightly', 'passed'],
    ],
    headline: 'AssertionError: expected 10.02 to equal 10.01 (test/invoice.test.ts:88)',
  },
  {
    number: 411,
    status: 'failed',
    subject: 'Run the browser tests on two more versions',
    branch: 'more-browsers',
    author: 'Alan Turing',
    age: 4_100,
    ms: 1_900,
    workflows: [],
    headline: 'E_CONFIG_UNKNOWN_KEY .circleci/config.yml:14 unknown key “parralelism”',
  },
  {
    number: 410,
    status: 'queued',
    subject: 'Bump the base image',
    branch: 'base-image',
    author: 'Barbara Liskov',
    age: 4_300,
    workflows: [['build-test-deploy', 'queued']],
  },
  {
    number: 88,
    project: 1,
    status: 'passed',
    subject: 'Reject tokens from before the last password change',
    author: 'Margaret Hamilton',
    age: 7_500,
    ms: 187_000,
    workflows: [['main', 'passed']],
  },
  {
    number: 409,
    status: 'passed',
    subject:
      'Show the total before tax on the receipt page when the customer is a business in another country',
    author: 'Ada Lovelace',
    age: 9_000,
    ms: 172_000,
    workflows: [['build-test-deploy', 'passed']],
  },
  {
    number: 87,
    project: 1,
    status: 'unstable',
    subject: 'Index the audit table by actor',
    branch: 'audit-index',
    author: 'Margaret Hamilton',
    age: 17_000,
    ms: 202_000,
    workflows: [['main', 'unstable']],
  },
  {
    number: 408,
    status: 'timed_out',
    subject: 'Try the new resolver',
    branch: 'resolver',
    author: 'Alan Turing',
    age: 22_000,
    ms: 3_600_000,
    workflows: [['build-test-deploy', 'timed_out']],
    headline: 'No output for 10 minutes in step “npm install”',
  },
  {
    number: 407,
    status: 'errored',
    subject: 'Translate the checkout to Frisian',
    branch: 'fy',
    author: 'Grace Hopper',
    age: 26_000,
    ms: 61_000,
    workflows: [['build-test-deploy', 'errored']],
    headline: 'The runner was lost: no heartbeat for 70 s',
  },
  {
    number: 31,
    project: 2,
    status: 'cancelled',
    subject: 'Use the new signing identity',
    author: 'Katherine Johnson',
    age: 40_000,
    ms: 45_000,
    workflows: [['ios', 'cancelled']],
  },
  {
    number: 30,
    project: 2,
    status: 'skipped',
    subject: 'Fix a typo in the manual [skip ci]',
    author: 'Katherine Johnson',
    age: 90_000,
    kind: 'push',
    workflows: [['ios', 'skipped']],
  },
  {
    number: 406,
    status: 'on_hold',
    subject: 'Release 4.2',
    author: 'Barbara Liskov',
    age: 100_000,
    workflows: [['release', 'on_hold']],
  },
  {
    number: 405,
    status: 'passed',
    subject: 'Name a branch with a trick in it',
    branch: 'fix/\u202egnp.exe',
    author: 'Mallory',
    age: 120_000,
    ms: 181_000,
    workflows: [['build-test-deploy', 'passed']],
  },
]

const runId = (sketch: Pick<Sketch, 'number' | 'project'>): string =>
  idOf('run', (sketch.project ?? 0) * 1000 + sketch.number)

const summaryOf = (sketch: Sketch): RunSummary => ({
  id: runId(sketch),
  number: sketch.number,
  rev: 5,
  project: { id: idOf('prj', (sketch.project ?? 0) + 1), name: projects[sketch.project ?? 0]!.name },
  status: sketch.status,
  event: {
    kind: sketch.kind ?? 'push',
    ref: `refs/heads/${sketch.branch ?? 'main'}`,
    branch: sketch.branch ?? 'main',
    tag: null,
    commit: `9f3c2e1b${String(sketch.number).padStart(32, 'a')}`,
    subject: sketch.subject,
    author: sketch.author ?? null,
  },
  workflows: (sketch.workflows ?? []).map(([name, status], i) => ({
    id: idOf('wfl', sketch.number * 10 + i),
    name,
    status,
    continued: false,
  })),
  created_at: ago(sketch.age),
  started_at: sketch.status === 'queued' || sketch.status === 'on_hold' ? null : ago(sketch.age - 3),
  finished_at: sketch.ms === undefined ? null : ago(sketch.age - sketch.ms / 1000),
  queued_ms: sketch.status === 'queued' ? null : 2_900,
  duration_ms: sketch.ms ?? null,
  usual_ms: 182_000,
  headline: sketch.headline ?? null,
  cancelled:
    sketch.status === 'cancelled'
      ? {
          by: { id: 'auto-cancel', name: 'auto-cancel' },
          superseded_by: { id: idOf('run', 2032), number: 32 },
        }
      : null,
  rerun: null,
  attempts: sketch.number === 412 ? 2 : 1,
})

export const summaries = (): RunSummary[] => sketches.map(summaryOf)
