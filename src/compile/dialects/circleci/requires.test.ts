import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeCompile } from '../../../../test/support/damaged-configurations.ts'
import { outcomes } from '../../../protocol/plan.ts'
import { compile } from '../../index.ts'

const helpFor = (jobs: string): string | null | undefined => {
  const text = `
version: 2.1
jobs:
  test1: {docker: [{image: i}], steps: [checkout]}
  lint: {docker: [{image: i}], steps: [checkout]}
workflows: {w: {jobs: ${jobs}}}
`
  const event = {
    kind: 'push',
    ref: 'refs/heads/main',
    commit: 'a'.repeat(40),
    branch: 'main',
    tag: null,
  } as const
  const { problems } = compile({
    files: new Map([['.circleci/config.yml', text]]),
    event,
    parameters: {},
  })
  const found = problems.filter(({ code }) => code === 'MF2107')
  assert.equal(found.length, 1)
  return found[0]?.help
}

test('a job is never advised to require itself', () => {
  assert.equal(helpFor('[test1: {requires: [tset1]}]'), null)
  assert.equal(helpFor('[test1: {requires: [tset1]}, lint]'), null)
})

test('a job is advised the nearest of the others', () => {
  assert.equal(helpFor('[test1, lint: {requires: [tset1]}]'), 'did you mean "test1" (line 6)?')
  assert.equal(
    helpFor('[{test1: {name: unit}}, {test1: {name: units, requires: [unitt]}}]'),
    'did you mean "unit" (line 6)?',
  )
})

const graphOf = (entries: string) => {
  const names = ['a', 'b', 'c', 'd']
  const result = judgeCompile(
    `version: 2.1\njobs: {${names.map((name) => `${name}: {type: no-op}`).join(', ')}}\nworkflows: {w: {jobs: [${entries}]}}\n`,
  )
  if (!result.ok)
    return result.problems.flatMap(({ severity, message }) => (severity === 'error' ? [message] : []))
  const jobs = result.plan.workflows[0]?.jobs ?? []
  return Object.fromEntries(jobs.map(({ name, needs }) => [name, needs.map(({ job, on }) => [job, ...on])]))
}
const after = (requires: string) => {
  const graph = graphOf(`a, {b: {requires: ${requires}}}`)
  return Array.isArray(graph) ? graph : graph.b
}

test('a plain name means that the job passed; other ways to end are named', () => {
  const passed = [['a', 'passed', 'unstable']]
  for (const form of ['[a]', 'a', '[{a: }]', '[{a: success}]', '[a, a]'])
    assert.deepEqual(after(form), passed, form)
  for (const [status, ...on] of [
    ['failed', 'failed', 'timed_out', 'errored'],
    ['canceled', 'cancelled'],
    ['unauthorized', 'skipped:policy'],
    ['not_run', 'skipped:needs', 'skipped:rule'],
    ['terminal', ...outcomes],
    ['[canceled, success]', 'passed', 'unstable', 'cancelled'],
  ])
    assert.deepEqual(after(`[{a: ${status}}]`), [['a', ...on]], status)
  assert.deepEqual(after('[a, {a: canceled}]'), [['a', 'passed', 'unstable', 'cancelled']], 'said twice')
  assert.deepEqual(after('[{a: constructor}]'), ['"constructor" is no status of a job'])
  assert.deepEqual(after('[[a]]'), [
    'an entry of "requires" must be a name, or a map of a name and statuses, but is a list',
  ])
})

test('of several of one name each means the other; of more nobody knows which', () => {
  assert.deepEqual(graphOf('a, {a: {requires: [a]}}'), { 'a-1': [], 'a-2': [['a-1', 'passed', 'unstable']] })
  assert.deepEqual(graphOf('a, a, {b: {requires: [a]}}'), [
    'job "b" requires "a", which is the name of 2 other jobs in workflow "w"',
  ])
})

test('jobs that require each other are said, in a circle of any length', () => {
  const circle = (...names: readonly string[]) => [
    `jobs require each other in a circle: ${names.join(' → ')}`,
  ]
  assert.deepEqual(graphOf('{a: {requires: [a]}}'), circle('a', 'a'))
  assert.deepEqual(graphOf('{a: {requires: [b]}}, {b: {requires: [a]}}'), circle('a', 'b', 'a'))
  const long = '{a: {requires: [b]}}, {b: {requires: [c]}}, {c: {requires: [d]}}, {d: {requires: [b]}}'
  assert.deepEqual(graphOf(long), circle('b', 'c', 'd', 'b'))
  const both = 'a, {b: {requires: [a]}}, {c: {requires: [a]}}, {d: {requires: [b, c]}}'
  assert.ok(!Array.isArray(graphOf(both)), 'two ways to one job are no circle')
})

test('who loses all that it requires goes, too; who keeps some waits for those', () => {
  const never = 'filters: {branches: {ignore: /.*/}}'
  assert.deepEqual(graphOf(`{a: {${never}}}, {b: {requires: [a]}}, {c: {requires: [b]}}, d`), { d: [] })
  assert.deepEqual(graphOf(`{a: {${never}}}, d, {b: {requires: [a, d]}}`), {
    ...{ d: [], b: [['d', 'passed', 'unstable']] },
  })
})
