// What the development double answers: one organisation with every state a page must draw. Typed by the API's own
// shapes, so that it cannot drift from them. Only tests use it.
import type { Secret, Signer } from '../../../src/protocol/api/secrets.ts'
import type {
  Attempt,
  Delivery,
  Invitation,
  Job,
  Member,
  Project,
  Run,
  Runner,
  RunSummary,
  Session,
  Status,
  Step,
  SystemStatus,
  Token,
} from '../../../src/protocol/api/shapes.ts'

const body = (n: number): string => n.toString(32).padStart(26, '0')
export const idOf = (prefix: string, n: number): string => `${prefix}_${body(n)}`
const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString()

export const projects: readonly Project[] = ['web', 'api', 'mobile-app'].map((name, i) => ({
  id: idOf('prj', i + 1),
  name,
  source:
    name === 'mobile-app'
      ? { kind: 'local', url: '/srv/git/mobile-app.git' }
      : { kind: 'ssh', url: `git@git.example.com:acme/${name}.git` },
  default_branch: 'main',
  settings: { auto_cancel: name === 'web', untrusted_in_scripts: false, jobs_max: null, priority: 'normal' },
  deploy_key:
    name === 'mobile-app'
      ? null
      : {
          public_key:
            'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8Zk1o0lPq3yQm2cHq9v0Yb6xk0qKZQv5d1e2f3g4h5 mayfly acme/web',
          fingerprint: 'SHA256:3b0YxqkP8n2yq0m9f7eJm1t5y6uVb2aZc4d8e9f0g1h',
        },
  hook: { id: idOf('hok', i + 1), url: `http://localhost:8420/hooks/generic/${idOf('hok', i + 1)}` },
  host_keys: [
    {
      fingerprint: 'SHA256:uNiVztksCsDhcc0u9e8BrrBxTQxvZ2mXLkz0a1b2c3d',
      line: 'git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0',
      confirmed: name !== 'api',
    },
  ],
  created_at: ago(86_400 * 30),
  last_run: null,
}))

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
})

export const summaries = (): RunSummary[] => sketches.map(summaryOf)

type JobSketch = {
  readonly key: string
  readonly name?: string
  readonly status: Status
  readonly needs?: readonly string[]
  readonly ms?: number
  readonly failure?: string
  readonly reason?: Job['reason']
  readonly shard?: readonly [number, number]
  readonly attempts?: number
  readonly kind?: string
  readonly approvals?: Job['approvals']
}

const jobsOf = (number: number, list: readonly JobSketch[]): Job[] => {
  const jobId = (i: number): string => idOf('job', number * 100 + i)
  return list.map((sketch, i) => {
    const hasRun =
      sketch.kind !== 'approval' && !['waiting', 'queued', 'on_hold', 'skipped'].includes(sketch.status)
    const tries = hasRun ? (sketch.attempts ?? 1) : 0
    return {
      id: jobId(i),
      rev: 3,
      workflow_id: sketch.kind === 'plan' ? null : idOf('wfl', number * 10),
      key: sketch.key,
      name: sketch.name ?? sketch.key,
      kind: sketch.kind ?? 'job',
      status: sketch.status,
      reason: sketch.reason ?? null,
      needs: list.flatMap((other, at) =>
        (sketch.needs ?? []).includes(other.key) ? [{ job_id: jobId(at), on: ['passed'] }] : [],
      ),
      shard: sketch.shard?.[0] ?? 0,
      shards: sketch.shard?.[1] ?? 1,
      image: sketch.kind === 'plan' || sketch.kind === 'approval' ? null : 'cimg/node:24.1',
      approvals: [...(sketch.approvals ?? [])],
      attempts: Array.from({ length: tries }, (_, n) => ({
        id: idOf('att', number * 10_000 + i * 100 + n + 1),
        number: n + 1,
        cause: n === 0 ? 'start' : 'retry',
        status: n + 1 === tries ? sketch.status : 'errored',
        runner: { id: idOf('rnr', 1), name: 'brook' },
        phase: sketch.status === 'running' ? 'running' : null,
        queued_at: ago(1_500),
        started_at: ago(sketch.status === 'running' ? 80 : 1_450),
        finished_at: sketch.status === 'running' ? null : ago(1_300),
        duration_ms: sketch.status === 'running' ? null : (sketch.ms ?? 42_000),
        failure:
          n + 1 < tries
            ? { code: 'MF3005', message: 'The sandbox could not start a step' }
            : sketch.failure === undefined
              ? null
              : { code: null, message: sketch.failure },
      })),
    }
  })
}

const mainJobs = (status: { readonly unit: Status; readonly deploy: Status }): readonly JobSketch[] => [
  { key: 'plan', name: 'plan', status: 'passed', kind: 'plan', ms: 1_900 },
  { key: 'install', status: 'passed', ms: 31_000 },
  { key: 'lint', status: 'passed', needs: ['install'], ms: 12_000 },
  { key: 'types', status: 'passed', needs: ['install'], ms: 17_000 },
  { key: 'unit', status: 'passed', needs: ['install'], shard: [0, 3], ms: 61_000 },
  {
    key: 'unit',
    status: status.unit,
    needs: ['install'],
    shard: [1, 3],
    ms: 74_000,
    attempts: 2,
    ...(status.unit === 'failed' ? { failure: 'AssertionError: expected 10.02 to equal 10.01' } : {}),
  },
  { key: 'unit', status: 'passed', needs: ['install'], shard: [2, 3], ms: 58_000 },
  ...['chromium', 'firefox', 'webkit'].map((browser) => ({
    key: `e2e-${browser}`,
    name: `e2e (${browser})`,
    status: 'passed' as const,
    needs: ['install'],
    ms: 95_000,
  })),
  {
    key: 'package',
    status: status.deploy === 'waiting' ? 'waiting' : 'skipped',
    needs: ['lint', 'types', 'unit', 'e2e-chromium', 'e2e-firefox', 'e2e-webkit'],
    reason: { code: 'needs', text: 'Needs “unit” to pass; it failed.', job_id: null },
  },
  {
    key: 'approve',
    status: status.deploy,
    needs: ['package'],
    kind: 'approval',
    reason: { code: 'needs', text: 'Needs “package”, which was skipped.', job_id: null },
  },
  {
    key: 'deploy',
    name: 'deploy to production',
    status: status.deploy,
    needs: ['approve'],
    reason: { code: 'needs', text: 'Needs “approve”.', job_id: null },
  },
]

export const runById = (id: string): Run | null => {
  const summary = summaries().find((run) => run.id === id)
  if (summary === undefined) return null
  const { number } = summary
  const jobs =
    number === 412
      ? jobsOf(412, mainJobs({ unit: 'failed', deploy: 'skipped' }))
      : number === 413
        ? jobsOf(413, mainJobs({ unit: 'running', deploy: 'waiting' }))
        : number === 411
          ? jobsOf(411, [
              { key: 'plan', status: 'failed', kind: 'plan', failure: '2 problems in the configuration' },
            ])
          : number === 410
            ? jobsOf(410, [
                { key: 'plan', status: 'passed', kind: 'plan' },
                {
                  key: 'install',
                  status: 'queued',
                  reason: {
                    code: 'no_matching_runner',
                    text: 'No runner offers class “arm.large”. The nearest, “brook”, has tiny, small and medium.',
                    job_id: null,
                  },
                },
                {
                  key: 'test',
                  status: 'waiting',
                  needs: ['install'],
                  reason: { code: 'needs', text: 'Needs “install”.', job_id: null },
                },
              ])
            : number === 406
              ? jobsOf(406, releaseJobs)
              : jobsOf(number, [
                  { key: 'plan', status: 'passed', kind: 'plan' },
                  { key: 'test', status: summary.status },
                ])
  return {
    ...summary,
    jobs,
    problems: number === 411 ? problems : [],
    parameters: number === 413 ? { deploy: true, target: 'staging', copies: 3 } : {},
    plan_digest: number === 411 ? null : 'c0ffee'.padEnd(64, '0'),
    plan_of: null,
    delivery_id: null,
  }
}

const releaseJobs: readonly JobSketch[] = [
  { key: 'plan', status: 'passed', kind: 'plan' },
  { key: 'package', status: 'passed' },
  {
    key: 'staging',
    name: 'to staging',
    kind: 'approval',
    status: 'passed',
    needs: ['package'],
    approvals: [
      {
        decision: 'rejected',
        by: { id: idOf('usr', 2), name: 'Grace Hopper' },
        at: ago(9_000),
        comment: 'The smoke test is red.',
      },
      {
        decision: 'approved',
        by: { id: idOf('usr', 1), name: 'Ada Lovelace' },
        at: ago(4_000),
        comment: null,
      },
    ],
  },
  { key: 'deploy-staging', name: 'deploy to staging', status: 'passed', needs: ['staging'] },
  {
    key: 'production',
    name: 'to production',
    kind: 'approval',
    status: 'on_hold',
    needs: ['deploy-staging'],
    reason: { code: 'approval', text: 'Waits for a person to approve', job_id: null },
  },
  {
    key: 'deploy-production',
    name: 'deploy to production',
    status: 'waiting',
    needs: ['production'],
    reason: { code: 'needs', text: 'Waits for to production', job_id: null },
  },
]

/** The run of a job that was answered. */
export const decidedOf = (
  id: string,
  decision: 'approved' | 'rejected',
  comment: string | null,
): Run | null => {
  const run = runById(idOf('run', 406))!
  const said = { decision, by: { id: idOf('usr', 1), name: 'Ada Lovelace' }, at: ago(0), comment }
  const status = decision === 'approved' ? ('passed' as const) : ('cancelled' as const)
  const jobs = run.jobs.map((job) =>
    job.id === id ? { ...job, status, reason: null, approvals: [said] } : job,
  )
  return { ...run, rev: run.rev + 1, status: decision === 'approved' ? 'queued' : 'cancelled', jobs }
}

/** The run, or the run of the job, as it is right after a rerun of what failed. */
export const rerunOf = (id: string): Run | null => {
  const all = summaries().map((summary) => runById(summary.id))
  const run = all.find((each) => each?.id === id || each?.jobs.some((job) => job.id === id)) ?? null
  if (run === null) return null
  const by = { id: idOf('usr', 1), name: 'Ada Lovelace' }
  const again = (job: Job): Job => {
    if (job.status !== 'failed' && job.id !== id) return job
    const last = job.attempts.at(-1)!
    const next = { ...last, number: last.number + 1, id: idOf('att', 9_999_999), cause: 'rerun' as const }
    const queued = {
      ...next,
      status: 'queued' as const,
      started_at: null,
      finished_at: null,
      duration_ms: null,
    }
    return { ...job, status: 'queued', attempts: [...job.attempts, { ...queued, failure: null }] }
  }
  return { ...run, rev: run.rev + 1, status: 'queued', rerun: { at: ago(0), by }, jobs: run.jobs.map(again) }
}

const problems: Run['problems'] = [
  {
    code: 'MF2107',
    severity: 'error',
    message: 'job "deploy" needs "browser-test", which is not in this workflow',
    at: { file: '.circleci/config.yml', line: 31, column: 29, length: 12 },
    frame: [
      { line: 29, text: '    jobs:' },
      { line: 30, text: '      - browser-tests' },
      { line: 31, text: '      - deploy: {requires: [browser-test]}' },
    ],
    help: 'did you mean "browser-tests" (line 30)?',
  },
  {
    code: 'MF2043',
    severity: 'warning',
    message: 'a job has no key "parralelism"; it is ignored',
    at: { file: '.circleci/config.yml', line: 14, column: 5, length: 11 },
    frame: [
      { line: 12, text: '  browser-tests:' },
      { line: 13, text: '    docker: [{ image: cimg/node:24.1-browsers }]' },
      { line: 14, text: '    parralelism: 4' },
      { line: 15, text: '    steps:' },
    ],
    help: 'did you mean "parallelism"?',
  },
]

const stepsOf = (status: Status): Step[] => {
  const list: readonly (readonly [string, Status, number | null])[] =
    status === 'running'
      ? [
          ['Spin up environment', 'passed', 800],
          ['Checkout code', 'passed', 1_200],
          ['npm ci', 'passed', 21_000],
          ['npm test', 'running', null],
        ]
      : [
          ['Spin up environment', 'passed', 800],
          ['Checkout code', 'passed', 1_200],
          ['npm ci', 'passed', 21_000],
          ['npm test', status, 49_000],
          ['Store test results', 'passed', 900],
        ]
  return list.map(([name, state, ms], index) => ({
    index,
    name,
    type: 'run',
    status: state,
    started_at: ago(state === 'running' ? 55 : 1_400),
    finished_at: ms === null ? null : ago(1_300),
    duration_ms: ms,
    exit_code: state === 'failed' ? 1 : ms === null ? null : 0,
    message: state === 'failed' ? 'The command ended with exit code 1.' : null,
    leftovers: name === 'npm test' && state === 'failed' ? 2 : 0,
  }))
}

export const attemptById = (id: string): Attempt | null => {
  for (const run of summaries().map((summary) => runById(summary.id)))
    for (const job of run?.jobs ?? []) {
      const summary = job.attempts.find((attempt) => attempt.id === id)
      if (summary === undefined || run === null) continue
      const isRunning = summary.status === 'running'
      return {
        ...summary,
        job_id: job.id,
        run_id: run.id,
        steps: stepsOf(summary.status),
        last_seq: 6,
        log_complete: !isRunning,
        notes: ['The registry of the operator was used for “cimg/node:24.1”.'],
        receipt: isRunning
          ? null
          : { claims: receiptClaims, verified: true, jws: 'eyJhbGciOiJFZERTQSJ9.e30.c2ln' },
      }
    }
  return null
}

const receiptClaims = {
  v: 1,
  driver: 'namespace',
  measuredTier: 'container',
  image: 'host',
  openedAt: ago(1_450),
  closedAt: ago(1_320),
  destroyMs: 41,
  storage: 'ram',
  egressMode: 'open',
  secretNames: [],
  usage: { peakMemory: 412 * 1024 * 1024 },
  gone: [
    { check: 'no process of the sandbox is left', ok: true, detail: '' },
    { check: 'its memory-backed mounts are gone', ok: true, detail: '' },
    { check: 'its network namespace is gone', ok: true, detail: '' },
    { check: 'its control group is empty and removed', ok: true, detail: '' },
  ],
  weak: ['Swap is on: pages of a job could reach the disk.'],
}

export const deliveries: readonly Delivery[] = [
  {
    id: idOf('dlv', 4),
    project_id: idOf('prj', 1),
    received_at: ago(95),
    ref: 'refs/heads/stream-export',
    old: null,
    new: null,
    verdict: 'run',
    reason: 'Started run 413.',
    run_id: idOf('run', 413),
  },
  {
    id: idOf('dlv', 3),
    project_id: idOf('prj', 1),
    received_at: ago(1_200),
    ref: 'refs/heads/docs',
    old: null,
    new: null,
    verdict: 'no_run',
    reason: 'The commit message says [skip ci].',
    run_id: null,
  },
  {
    id: idOf('dlv', 2),
    project_id: idOf('prj', 1),
    received_at: ago(1_900),
    ref: 'refs/heads/main',
    old: null,
    new: null,
    verdict: 'duplicate',
    reason: 'The same delivery came before.',
    run_id: null,
  },
  {
    id: idOf('dlv', 1),
    project_id: idOf('prj', 1),
    received_at: ago(2_600),
    ref: null,
    old: null,
    new: null,
    verdict: 'refused',
    reason: 'The signature is wrong: the hook has another secret.',
    run_id: null,
  },
]

export const runners: readonly Runner[] = [
  {
    id: idOf('rnr', 1),
    name: 'brook',
    status: 'online',
    last_seen_at: ago(2),
    running: 1,
    facts: {
      version: '0.1.0',
      driver: 'namespace',
      tier: 'container',
      stops: [],
      images: 'any',
      egress: ['none', 'list', 'open'],
      slots: 4,
      classes: ['tiny', 'small', 'medium'],
      weak: ['Swap is on: pages of a job could reach the disk.'],
    },
  },
  {
    id: idOf('rnr', 2),
    name: 'creek',
    status: 'offline',
    last_seen_at: ago(90_000),
    running: 0,
    facts: null,
  },
  {
    id: idOf('rnr', 3),
    name: 'delta',
    status: 'suspended',
    last_seen_at: ago(400_000),
    running: 0,
    facts: {
      version: '0.1.0',
      driver: 'gvisor',
      tier: 'sandboxed-kernel',
      images: 'host-only',
      egress: ['list'],
      slots: 2,
      classes: ['small'],
      weak: [],
    },
  },
]

const sessionOf = (n: number, browser: string | null, how: string, seen: number): Session => ({
  ...{
    id: idOf('ses', n),
    current: n === 1,
    browser,
    how,
    user: { id: idOf('usr', 1), name: 'Ada Lovelace' },
  },
  ...{ created_at: ago(86_400), last_seen_at: ago(seen), expires_at: ago(-86_400 * 6) },
})
export const sessions: readonly Session[] = [
  sessionOf(1, 'Firefox on Linux', 'passkey', 5),
  sessionOf(2, 'Safari on iOS', 'passkey', 7_200),
  sessionOf(3, null, 'password', 30_000),
]
const memberOf = (n: number, name: string, role: Member['role'], more: Partial<Member> = {}): Member => ({
  ...{ id: idOf('usr', n), name, email: `${name.split(' ')[0]?.toLowerCase()}@example.org`, role },
  ...{ disabled: false, factors: { passkeys: 2, password: false }, sessions: 3 },
  ...{ created_at: ago(86_400 * 90), last_seen_at: ago(60), ...more },
})
export const members: readonly Member[] = [
  memberOf(1, 'Ada Lovelace', 'owner'),
  memberOf(2, 'Grace Hopper', 'developer', { factors: { passkeys: 0, password: true }, sessions: 1 }),
  memberOf(3, 'Somebody with a very long name that does not fit', 'viewer', {
    ...{ disabled: true, sessions: 0, last_seen_at: null },
  }),
]
export const invitations: readonly Invitation[] = [
  {
    ...{ id: idOf('inv', 1), role: 'developer', created_by: idOf('usr', 1) },
    ...{ created_at: ago(3_600), expires_at: ago(-86_400 * 6) },
  },
]
export const tokens: readonly Token[] = [
  {
    id: idOf('tok', 1),
    name: 'release script',
    prefix: 'mfp_3kq9',
    scopes: ['project.view', 'run.view', 'run.trigger'],
    created_at: ago(86_400 * 20),
    expires_at: ago(-86_400 * 70),
    last_used_at: ago(3_600),
  },
  {
    id: idOf('tok', 2),
    name: 'laptop',
    prefix: 'mfp_9x2m',
    scopes: ['run.view', 'log.read'],
    created_at: ago(86_400 * 100),
    expires_at: ago(86_400),
    last_used_at: null,
  },
]

const process = (name: string, pid: number, more: Partial<SystemStatus['processes'][number]> = {}) => ({
  ...({ name, pid, status: 'ok', since: ago(3 * 86_400), restarts: 0, memory_bytes: 61_000_000 } as const),
  ...{ detail: 'runs for 3 days', ...more },
})
/** What somebody is told who is not signed in, while the database is away. */
export const strangersStatus: SystemStatus = {
  ...{ version: '0.1.0', healthy: false, processes: [], disks: [], queue: null, backup: null },
  components: [{ name: 'database', status: 'down', detail: '', mend: null }],
}
export const systemStatus: SystemStatus = {
  version: '0.1.0',
  healthy: true,
  components: [
    { name: 'database', status: 'ok', detail: 'PostgreSQL 15, 4 ms', mend: null },
    { name: 'vault', status: 'ok', detail: 'open, key of this machine', mend: null },
    { name: 'runners', status: 'ok', detail: '1 of 3 online', mend: null },
    { name: 'disk', status: 'ok', detail: '212.4 GiB of 465.1 GiB free at /var/lib/mayfly', mend: null },
    {
      ...{
        name: 'clock',
        status: 'weak',
        mend: 'timedatectl set-ntp true, or the time service of this machine',
      },
      detail: 'jumped 1 h forward, to 2026-11-21T09:00:00.000Z; running jobs were not touched',
    },
    { name: 'backup', status: 'weak', detail: 'there is none', mend: 'mayfly backup create --to DIRECTORY' },
  ],
  processes: [
    process('supervisor', 812),
    process('database', 830, { memory_bytes: 48_000_000 }),
    process('vault', 1407, { status: 'weak', restarts: 2, since: ago(240) }),
    process('server', 846),
    process('jailer', 851),
  ],
  disks: [{ path: '/var/lib/mayfly', free_bytes: 228_000_000_000, total_bytes: 499_000_000_000 }],
  queue: { queued: 2, running: 1, oldest_queued_ms: 41_000 },
  backup: null,
}

const signerIdOfAda = `sgn_${'0'.repeat(26)}`

/** Of `web`; other projects have none. */
export const secrets: readonly Secret[] = [
  secretOf('DEPLOY_TOKEN', 'env', { version: 3, run: 412 }),
  secretOf('KEYSTORE', 'file', { version: 1, run: null, refs: ['refs/heads/main', 'refs/tags/v*'] }),
  { ...secretOf('OLD_PASSWORD', 'env', { version: 2, run: 398 }), state: 'revoked' },
]

export const signers: readonly Signer[] = [
  {
    ...{ id: signerIdOfAda, kind: 'webauthn', name: 'Ada’s laptop', credential: 'AAAA' },
    ...{ added_at: '2026-11-01T09:00:00Z', state: 'active' },
  },
]

function secretOf(
  name: string,
  kind: Secret['kind'],
  of: { readonly version: number; readonly run: number | null; readonly refs?: string[] },
): Secret {
  return {
    ...{ name, kind, state: 'active' },
    detail: {
      version: of.version,
      policy: { refs: of.refs ?? ['refs/heads/main'], events: ['push', 'manual'], min_tier: 'branch' },
      ...{ created_at: '2026-10-01T09:00:00Z', changed_at: '2026-11-01T09:00:00Z' },
      expires_at: kind === 'file' ? '2027-02-01T09:00:00Z' : null,
      signer: { id: signerIdOfAda, name: 'Ada’s laptop' },
      head: 'a'.repeat(64),
      releases: of.run === null ? 0 : 18,
      last_release:
        of.run === null
          ? null
          : {
              ...{ at: '2026-11-20T12:00:00Z', run_id: idOf('run', of.run), run_number: of.run },
              ...{ job_id: idOf('job', of.run), attempt_id: idOf('att', of.run) },
            },
    },
  }
}
