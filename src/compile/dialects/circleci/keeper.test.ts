// Nodes that many jobs share by anchors are read once: what comes of them must be as if each had been written out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile, problemCodes } from '../../index.ts'

const compiled = (text: string) =>
  compile({
    files: new Map([['.circleci/config.yml', text]]),
    event: { kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null },
    parameters: {},
  })

const jobsOf = (text: string) => {
  const result = compiled(text)
  assert.ok(result.ok, JSON.stringify(result.problems))
  return result.plan.workflows.flatMap(({ jobs }) => jobs)
}

const workflow = (...jobs: string[]) => `workflows: {all: {jobs: [${jobs.join(', ')}]}}\n`

test('a step that two jobs share takes the shell of each', () => {
  const jobs = jobsOf(`version: 2.1
jobs:
  one: {docker: [{image: a}], shell: /bin/sh, steps: [&step {run: {command: make}}]}
  two: {docker: [{image: a}], shell: /bin/dash, steps: [*step, *step]}
${workflow('one', 'two')}`)
  const shells = jobs.map(({ spec }) =>
    spec?.steps.map((step) => (step.kind === 'run' ? step.shell?.[0] : '')),
  )
  assert.deepEqual(shells, [['/bin/sh'], ['/bin/dash', '/bin/dash']])
})

test('one argument below two names is what each name makes of it', () => {
  const [one] = jobsOf(`version: 2.1
jobs:
  one:
    docker: [{image: a}]
    parallelism: 2
    steps: [{run: &what {command: make}}, {deploy: *what}]
${workflow('one')}`)
  const first = one?.spec?.steps.map((step) => step.kind === 'run' && step.firstShardOnly === true)
  assert.deepEqual(first, [false, true])
})

test('what is wrong with a shared argument is said at each place that has it', () => {
  const { problems } = compiled(`version: 2.1
jobs:
  one: {docker: [{image: a}], steps: [{add_ssh_keys: &none {}}, {save_cache: *none}, {save_cache: *none}]}
${workflow('one')}`)
  const missing = problems.filter(({ code }) => code === problemCodes.E_KEY_MISSING.number)
  assert.equal(new Set(missing.map(({ at }) => at?.column)).size, 2)
})

test('each place of a shared step is marked with the way to it', () => {
  const result = compiled(`version: 2.1
commands:
  build: {steps: [{run: make}]}
jobs:
  one: {docker: [{image: a}], steps: [build]}
  two: {docker: [{image: a}], steps: [build]}
${workflow('one', 'two')}`)
  assert.ok(result.ok)
  const ways = Object.entries(result.origins)
    .filter(([pointer]) => pointer.endsWith('/spec/steps/0'))
    .map(([, { via }]) => via.map(({ line }) => line))
  assert.deepEqual(ways, [[5], [6]])
})

test('what an unused job shares with one that runs is an error of the one that runs', () => {
  const shared = 'docker: [&box {image: a, environment: {A: [1]}}]'
  const { problems } = compiled(`version: 2.1
jobs:
  unused: {${shared}, steps: [checkout]}
  used: {docker: [*box], steps: [checkout]}
${workflow('used')}`)
  assert.deepEqual(
    problems.filter(({ code }) => code === problemCodes.E_TYPE.number).map(({ severity }) => severity),
    ['error'],
  )
})

test('what many jobs share counts for each of them', () => {
  const variables = Array.from({ length: 20 }, (_, i) => `V${i}: ${'x'.repeat(10_000)}`).join(', ')
  const jobs = Array.from({ length: 400 }, (_, i) => `j${i}: {docker: [*box], steps: [checkout]}`)
  const { problems } = compiled(`version: 2.1
box: &box {image: a, environment: {${variables}}}
jobs: {${jobs.join(', ')}}
${workflow(...jobs.map((_, i) => `j${i}`))}`)
  assert.ok(problems.some(({ code }) => code === problemCodes.E_PLAN_TOO_LARGE.number))
})
