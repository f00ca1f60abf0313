// Runs of the double with their jobs, and what becomes of them when somebody acts.
import type { Job, JobApproval, Run, Status } from '../../../../src/protocol/api/shapes.ts'
import type { RunWorkspaces } from '../../../../src/protocol/api/workspaces.ts'
import { ago, idOf } from './ids.ts'
import { summaries } from './run-list.ts'

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

/** Seconds after the run began, each job after those that it needs; nothing lies ahead of now. */
const timesOf = (number: number, list: readonly JobSketch[]) => {
  const created = summaries().find((run) => run.number === number)?.created_at ?? ago(1_500)
  const age = (Date.now() - Date.parse(created)) / 1_000
  const begins = ({ kind, needs = [] }: JobSketch): number =>
    kind === 'plan' ? 1 : Math.max(3, ...needs.map(ends)) + 3
  const ends = (key: string): number =>
    Math.max(
      0,
      ...list.filter((one) => one.key === key).map((one) => begins(one) + (one.ms ?? 42_000) / 1_000),
    )
  return { begins, at: (seconds: number) => ago(Math.max(1, age - seconds)) }
}

const jobsOf = (number: number, list: readonly JobSketch[]): Job[] => {
  const { begins, at } = timesOf(number, list)
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
      class: sketch.kind === 'plan' ? 'built-in' : 'medium',
      image: sketch.kind === 'plan' || sketch.kind === 'approval' ? null : 'cimg/node:24.1',
      approvals: [...(sketch.approvals ?? [])],
      attempts: Array.from({ length: tries }, (_, n) => ({
        id: idOf('att', number * 10_000 + i * 100 + n + 1),
        number: n + 1,
        cause: n === 0 ? 'start' : 'retry',
        status: n + 1 === tries ? sketch.status : 'errored',
        class: sketch.kind === 'plan' ? 'built-in' : n > 0 ? 'large' : 'medium',
        runner: { id: idOf('rnr', 1), name: 'brook' },
        phase: sketch.status === 'running' ? 'running' : null,
        queued_at: at(begins(sketch) - 2 + 8 * n),
        started_at: at(begins(sketch) + 8 * n),
        finished_at:
          n + 1 < tries
            ? at(begins(sketch) + 5 + 8 * n)
            : sketch.status === 'running'
              ? null
              : at(begins(sketch) + 8 * n + (sketch.ms ?? 42_000) / 1_000),
        duration_ms: sketch.status === 'running' ? null : (sketch.ms ?? 42_000),
        failure:
          n + 1 < tries
            ? { code: 'E_LEASE_LOST', message: 'Runner brook was not heard of any more' }
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
              : number === 405
                ? jobsOf(405, manyJobs)
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
    changed_files:
      number === 412 ? { count: 4, more: true } : number === 413 ? { count: 1, more: false } : null,
    plan_of: null,
    setup: null,
    delivery_id: null,
    schedule: null,
  }
}

/** Who installs hands on to who packages, and by way of the approval to who deploys. */
export const workspacesOf = (id: string): RunWorkspaces => ({
  items: (runById(id)?.jobs ?? []).flatMap((job) => {
    const [persists, attaches] = [
      isOneOf(job, 'install', 'package'),
      isOneOf(job, 'lint', 'package', 'deploy'),
    ]
    const size_bytes = persists && job.status === 'passed' ? 48_400_000 : null
    return persists || attaches ? [{ job_id: job.id, persists, attaches, size_bytes }] : []
  }),
})
const isOneOf = ({ key }: Job, ...keys: readonly string[]): boolean => keys.includes(key)

/** Twelve columns of six, for a graph that has a map. */
const manyJobs: readonly JobSketch[] = Array.from({ length: 72 }, (_, i) => ({
  key: `service-${i}`,
  status: i === 40 ? ('failed' as const) : ('passed' as const),
  needs: i < 6 ? [] : [`service-${i - 6}`, `service-${i - 6 - (i % 6) + ((i + 1) % 6)}`],
}))

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

/** Two people, of whom one has; an owner who looks may be the other. */
export const approvalRule = (role: string): JobApproval => ({
  ...{ people: 2, not_self: true, role: 'developer', given: 1 },
  rest: 'one person who did not begin the run or write its commit',
  refusal: role === 'owner' ? null : 'Its project wants a developer or an owner to approve',
  who: [
    { id: idOf('usr', 2), name: 'Grace Hopper' },
    { id: idOf('usr', 3), name: 'Edsger \u202edirt <b>' },
  ],
})

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
