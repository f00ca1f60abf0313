// Job groups: what an invocation becomes, who waits for whom, and what filters leave of it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile } from '../../index.ts'

const compileText = (text: string, branch = 'main') =>
  compile({
    files: new Map([['.circleci/config.yml', text]]),
    event: { kind: 'push', ref: `refs/heads/${branch}`, commit: 'a'.repeat(40), branch, tag: null },
    parameters: {},
  })

/** Name → names it needs, in the plan's order. */
const graphOf = (text: string, branch?: string): Record<string, readonly string[]> => {
  const result = compileText(text, branch)
  assert.ok(result.ok, JSON.stringify(result.problems))
  const jobs = result.plan.workflows.flatMap((workflow) => workflow.jobs)
  return Object.fromEntries(jobs.map(({ name, needs }) => [name, needs.map(({ job }) => job)]))
}

const config = (invocations: string, group = '[unit, {slow: {requires: [unit]}}, lint]') => `
version: 2.1
jobs:
  unit: &job {machine: true, steps: [{run: ls}]}
  slow: *job
  lint: *job
  first: *job
  last: *job
job-groups:
  checks: {jobs: ${group}}
workflows:
  w: {jobs: ${invocations}}
`

test('a group runs between its entry and its exit, and is required as a whole', () => {
  assert.deepEqual(graphOf(config('[first, {checks: {requires: [first]}}, {last: {requires: [checks]}}]')), {
    first: [],
    'checks/group-start': ['first'],
    'checks/unit': ['checks/group-start'],
    'checks/slow': ['checks/unit'],
    'checks/lint': ['checks/group-start'],
    'checks/group-end': ['checks/slow', 'checks/lint'],
    last: ['checks/group-end'],
  })
})

test('a group is invoked several times under names of its own', () => {
  const graph = graphOf(config('[{checks: {name: a}}, {checks: {name: b, requires: [a]}}]', '[unit]'))
  assert.deepEqual(graph, {
    'a/group-start': [],
    'a/unit': ['a/group-start'],
    'a/group-end': ['a/unit'],
    'b/group-start': ['a/group-end'],
    'b/unit': ['b/group-start'],
    'b/group-end': ['b/unit'],
  })
})

test('a group holds matrices, and its filters count for all of it beside those of its jobs', () => {
  const group = '[{unit: {matrix: {parameters: {v: [1, 2]}}}}, {lint: {filters: {branches: {only: main}}}}]'
  const text = config('[{checks: {filters: {branches: {ignore: old}}}}]', group).replace(
    'unit: &job {',
    'unit: &job {parameters: {v: {type: integer, default: 0}}, ',
  )
  assert.deepEqual(Object.keys(graphOf(text)), [
    'checks/group-start',
    'checks/unit-1',
    'checks/unit-2',
    'checks/lint',
    'checks/group-end',
  ])
  assert.deepEqual(graphOf(text, 'feature')['checks/group-end'], ['checks/unit-1', 'checks/unit-2'])
  assert.deepEqual(graphOf(text, 'old'), {})
})

test('what filters leave of a group is waited for, also when the job that waited for it is left out', () => {
  const group = '[unit, {slow: {requires: [unit], filters: {branches: {only: main}}}}, lint]'
  const text = config('[{checks: {serial-group: s}}, {last: {requires: [checks]}}]', group)
  assert.deepEqual(graphOf(text)['checks/group-end'], ['checks/slow', 'checks/lint'])
  assert.deepEqual(graphOf(text, 'feature'), {
    'checks/group-start': [],
    'checks/unit': ['checks/group-start'],
    'checks/lint': ['checks/group-start'],
    'checks/group-end': ['checks/unit', 'checks/lint'],
    'checks/group-unlock': ['checks/unit', 'checks/lint'],
    last: ['checks/group-end'],
  })
})

test('a group none of whose jobs runs asks for no lock, and one without jobs keeps its place', () => {
  const main = '[{unit: {filters: {branches: {only: main}}}}]'
  const left = graphOf(
    config('[{checks: {serial-group: s}}, first, {last: {requires: [checks]}}]', main),
    'x',
  )
  assert.deepEqual(left, { first: [] })
  assert.deepEqual(
    graphOf(config('[first, {checks: {requires: [first]}}, {last: {requires: [checks]}}]', '[]')),
    {
      first: [],
      'checks/group-start': ['first'],
      'checks/group-end': ['checks/group-start'],
      last: ['checks/group-end'],
    },
  )
})

test('what a group cannot have is said', () => {
  const codes = (invocations: string, group?: string) =>
    compileText(config(invocations, group)).problems.map(({ code }) => code)
  assert.deepEqual(codes('[{checks: {matrix: {parameters: {v: [1]}}}}]'), ['MF2138'])
  assert.deepEqual(codes('[{checks: {context: c}}]'), ['MF2134'])
  // Jobs of a group know each other only.
  assert.deepEqual(codes('[first, checks]', '[{unit: {requires: [first]}}]'), ['MF2107'])
  assert.deepEqual(codes('[checks]', '[nobody]'), ['MF2100'])
  // The plan would have one of them as a copy of the other.
  assert.deepEqual(codes('[checks, {lint: {name: checks/unit}}]'), ['MF2041'])
  assert.deepEqual(codes('[checks, {lint: {name: checks/group-end}}]'), ['MF2041'])
})

test('a workflow has so many jobs with those of its groups, and no more are made', () => {
  const list = (count: number, entry: (n: number) => string) =>
    `[${Array.from({ length: count }, (_, n) => entry(n)).join(', ')}]`
  const group = list(500, (n) => `{unit: {name: u${n}}}`)
  const of = (count: number) =>
    compileText(
      config(
        list(count, (n) => `{checks: {name: g${n}}}`),
        group,
      ),
    )
  assert.equal(of(2).ok, true)
  const begun = performance.now()
  const { ok, problems } = of(900)
  assert.deepEqual([ok, problems.map(({ code }) => code)], [false, ['MF2031']])
  const workflows = Array.from({ length: 1_000 }, (_, n) => `  w${n}: {jobs: [checks]}`).join('\n')
  const many = compileText(config('[checks]', group).replace(/ {2}w: .*/, workflows))
  assert.deepEqual([many.ok, many.problems.map(({ code }) => code)], [false, ['MF2030']])
  // Half a million jobs took a minute and gigabytes; the margin is for a machine that is busy.
  assert.ok(performance.now() - begun < 15_000)
})

test('a group that no workflow invokes is read too, and what is wrong there only warns', () => {
  const { ok, problems } = compileText(config('[first]', '[nobody, unit]'))
  assert.equal(ok, true)
  assert.deepEqual(
    problems.map(({ code, severity }) => `${severity} ${code}`),
    ['warning MF2100'],
  )
})
