// What two runs differ in: a few cases by hand, and what holds for any two.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom, type Random } from '../../../test/support/random.ts'
import type { Comparison } from '../../protocol/api/comparison.ts'
import type { JobSpec, PlanJob, PlanStep, PlanWorkflow } from '../../protocol/plan.ts'
import { compareRuns, type Side, type SideJob } from './compare.ts'

const step = (name: string, command: string): PlanStep => ({
  ...{
    kind: 'run',
    name,
    command,
    when: 'on_success',
    shell: null,
    env: [],
    background: false,
    workdir: null,
  },
  ...{ noOutputTimeoutMs: 600_000, maxAutoReruns: 0, autoRerunDelayMs: 0 },
})
const spec = (changes: Partial<JobSpec> = {}): JobSpec => ({
  ...{ v: 1, dialect: 'circleci', image: { kind: 'container', ref: 'node:24' }, services: [] },
  ...{ resourceClass: null, workdir: '~/project', env: [['CI', 'true']], contexts: [], egress: null },
  ...{ timeoutMs: 3_600_000, steps: [step('test', 'npm test')] },
  ...changes,
})
const planJob = (key: string, of: Partial<PlanJob> = {}): PlanJob => ({
  ...{ key, name: key, kind: 'job', needs: [], shards: 1, spec: spec() },
  ...of,
})
const ran = (job: string, of: Partial<SideJob> = {}): SideJob => ({
  ...{ workflow: 'ci', job, shard: 0, status: 'passed', queuedMs: 5, durationMs: 100 },
  ...{ sandbox: { image: 'node:24', isolation: 'namespace, container' }, steps: [] },
  ...{ cpuMs: 80, memoryKiB: 2_048 },
  ...of,
})
const side = (of: Partial<Side> & { readonly planJobs?: readonly PlanJob[] } = {}): Side => {
  const workflows: readonly PlanWorkflow[] = [{ name: 'ci', jobs: of.planJobs ?? [planJob('test')] }]
  const run: Side['run'] = {
    ...{
      id: 'run_1',
      number: 1,
      status: 'passed',
      commit: 'c'.repeat(40),
      created_at: '2026-01-01T00:00:00.000Z',
    },
    ...{ queued_ms: 1, duration_ms: 2, plan_digest: 'd' },
  }
  return { run, workflows, jobs: [ran('test')], failedTests: [], isComplete: true, ...of }
}

test('jobs that came and went, and the fields of those that stayed', () => {
  const before = side({ planJobs: [planJob('build'), planJob('test')] })
  const changed = spec({
    image: { kind: 'container', ref: 'node:26' },
    env: [['CI', 'yes']],
    steps: [step('install', 'npm ci'), step('test', 'npm run all')],
  })
  const needs = [{ job: 'lint', on: ['passed'] as const }]
  const after = side({ planJobs: [planJob('lint'), planJob('test', { spec: changed, shards: 4, needs })] })
  assert.deepEqual(compareRuns(before, after).plan, {
    added: [{ workflow: 'ci', job: 'lint' }],
    removed: [{ workflow: 'ci', job: 'build' }],
    changed: [
      {
        ...{ workflow: 'ci', job: 'test' },
        fields: [
          { field: 'env.CI', before: 'true', after: 'yes' },
          { field: 'image', before: 'container node:24', after: 'container node:26' },
          { field: 'needs.lint', before: null, after: 'passed' },
          { field: 'shards', before: '1', after: '4' },
          { field: 'step.install', before: null, after: 'npm ci' },
          {
            field: 'step.test',
            before: 'npm test',
            after: 'npm run all',
          },
          { field: 'steps', before: 'test', after: 'install, test' },
        ],
      },
    ],
  })
})

test('long values of a plan are cut', () => {
  const [before, after] = ['a', 'b'].map((letter) =>
    side({ planJobs: [planJob('test', { spec: spec({ env: [['LONG', letter.repeat(9_000)]] }) })] }),
  ) as [Side, Side]
  const [field] = compareRuns(before, after).plan.changed[0]?.fields ?? []
  assert.equal(field?.before, `${'a'.repeat(400)} …`)
})

test('durations, outcomes, sandboxes and steps of a job, and jobs of one run only', () => {
  const steps = [
    { name: 'checkout', status: 'passed', durationMs: 10, cache: null },
    { name: 'deps', status: 'passed', durationMs: 5, cache: 'exact' },
    { name: 'test', status: 'passed', durationMs: 90, cache: null },
  ] as const
  const cold = { ...steps[1], cache: 'miss' } as const
  const slower = [steps[0], cold, { ...steps[2], status: 'failed', durationMs: 300 }] as const
  const sandbox = { image: 'host', isolation: 'namespace, rootless' }
  const before = side({ jobs: [ran('test', { steps }), ran('same'), ran('gone')] })
  const after = side({
    jobs: [
      ran('test', { steps: slower, status: 'failed', durationMs: 310, sandbox, cpuMs: 240 }),
      ran('same', { cpuMs: 81 }),
    ],
  })
  const { jobs } = compareRuns(before, after)
  assert.deepEqual(
    jobs.map(({ job }) => job),
    ['gone', 'test'],
  )
  assert.deepEqual(jobs[0]?.status, { before: 'passed', after: null })
  const { steps: changed, duration_ms, sandbox: boxes, cpu_ms, memory_kib } = jobs[1] ?? assert.fail()
  assert.deepEqual(duration_ms, { before: 100, after: 310 })
  assert.deepEqual(boxes, { before: { image: 'node:24', isolation: 'namespace, container' }, after: sandbox })
  assert.deepEqual(
    [cpu_ms, memory_kib],
    [
      { before: 80, after: 240 },
      { before: 2_048, after: 2_048 },
    ],
  )
  const [same, none] = [
    { before: 'passed', after: 'passed' },
    { before: null, after: null },
  ]
  const status = { before: 'passed', after: 'failed' }
  const cache = { before: 'exact', after: 'miss' }
  assert.deepEqual(changed, [
    { name: 'deps', status: same, duration_ms: { before: 5, after: 5 }, cache },
    { name: 'test', status, duration_ms: { before: 90, after: 300 }, cache: none },
  ])
})

test('tests that fail now and did not, and those that do not any more; on which shard is the same', () => {
  const failed = (name: string) => ({ job: 'test', file: 'a.js', class: 'A', name })
  const before = side({ failedTests: [failed('always'), failed('before')] })
  const after = side({ failedTests: [failed('always'), failed('now'), failed('now')], isComplete: false })
  assert.deepEqual(compareRuns(before, after).tests, {
    ...{ newly_failed: [failed('now')], no_longer_failed: [failed('before')], complete: false },
  })
})

const someSide = (random: Random): Side => {
  const some = <T>(make: () => T): T[] => Array.from({ length: random(4) }, make)
  const word = () => `w${random(3)}`
  const status = () => (['passed', 'failed', 'skipped'] as const)[random(3)] ?? 'passed'
  const hit = () => (['exact', 'prefix', 'miss', null] as const)[random(4)] ?? null
  const ms = () => (random(4) === 0 ? null : random(3))
  return side({
    planJobs: some(() =>
      planJob(word(), {
        shards: 1 + random(2),
        needs: some(() => ({ job: word(), on: [status() === 'passed' ? 'passed' : 'failed'] as const })),
        spec:
          random(5) === 0
            ? null
            : spec({ env: some(() => [word(), word()]), steps: some(() => step(word(), word())) }),
      }),
    ),
    jobs: some(() =>
      ran(word(), {
        ...{ workflow: random(4) === 0 ? null : word(), shard: random(2), status: status() },
        ...{
          queuedMs: ms(),
          durationMs: ms(),
          sandbox: random(2) === 0 ? null : { image: word(), isolation: null },
        },
        ...{ cpuMs: ms(), memoryKiB: ms() },
        steps: some(() => ({ name: word(), status: status(), durationMs: ms(), cache: hit() })),
      }),
    ),
    failedTests: some(() => ({ job: word(), file: word(), class: word(), name: word() })),
    isComplete: random(2) === 0,
  })
}

/** What a comparison would be, were its sides changed. */
const turned = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(turned)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, of]) => [otherName[key] ?? key, turned(of)] as const)
  return Object.fromEntries(entries.sort())
}
const otherName: Readonly<Record<string, string>> = {
  ...{ before: 'after', after: 'before', added: 'removed', removed: 'added' },
  ...{ newly_failed: 'no_longer_failed', no_longer_failed: 'newly_failed' },
}
/** The order of changed jobs is that of the first plan. */
const sorted = (comparison: unknown) => {
  const { plan, ...rest } = comparison as Comparison
  const changed = plan.changed.map((each) => JSON.stringify(turned(turned(each)))).sort()
  return { ...rest, plan: { ...plan, changed: changed.map((text) => JSON.parse(text)) } }
}

test('a run compared with itself differs in nothing, and two the other way round are the same turned', () => {
  const random = createRandom(7)
  for (let n = 0; n < 2_000; n++) {
    const [a, b] = [someSide(random), someSide(random)]
    const { plan, jobs, tests } = compareRuns(a, a)
    assert.deepEqual(
      { plan, jobs, tests: [tests.newly_failed, tests.no_longer_failed] },
      { plan: { added: [], removed: [], changed: [] }, jobs: [], tests: [[], []] },
    )
    assert.deepEqual(sorted(turned(compareRuns(a, b))), sorted(compareRuns(b, a)))
  }
})
