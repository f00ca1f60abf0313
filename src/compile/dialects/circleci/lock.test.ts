// Serial groups, jobs that lock, and reruns of workflows: what the plan says of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeCompile } from '../../../../test/support/damaged-configurations.ts'
import type { RunFacts } from '../../../protocol/plan.ts'

const config = (workflow: string, more = '') => `version: 2.1
jobs: {a: {machine: true, steps: [checkout]}, b: {machine: true, steps: [checkout]}, l: {type: lock, key: k}}
${more}
workflows: {w: ${workflow}}`

const run: RunFacts = {
  ...{ id: 'run_1', number: 1, organisation: 'acme', project: 'web', defaultBranch: 'main' },
  url: 'https://example.test/acme/web',
}

const planned = (text: string, facts: { readonly run?: RunFacts } = {}) => {
  const result = judgeCompile(text, facts)
  assert.ok(result.ok, JSON.stringify(result.problems))
  return { problems: result.problems.map(({ code }) => code), workflow: result.plan.workflows[0]! }
}
const locksOf = (text: string, facts: { readonly run?: RunFacts } = {}) =>
  planned(text, facts).workflow.jobs.map(({ name, kind, lock }) => [name, kind, lock])

test('a serial group is a lock of its job, with values in its name', () => {
  const text = config('{jobs: [{a: {serial-group: << pipeline.project.slug >>/deploy}}, b]}')
  assert.deepEqual(locksOf(text, { run }), [
    ['a', 'job', 'mayfly/acme/web/deploy'],
    ['b', 'job', undefined],
  ])
})

test('a name that is not known here is no name: the job is in no group, and that is said', () => {
  const { workflow, problems } = planned(config('{jobs: [{a: {serial-group: << pipeline.project.slug >>}}]}'))
  assert.deepEqual([workflow.jobs[0]?.lock, problems], [undefined, ['MF2049']])
})

test('jobs lock and unlock, with a definition or as an entry of the workflow', () => {
  const jobs = '[l, {a: {requires: [l]}}, {u: {type: unlock, key: k, requires: [a]}}]'
  assert.deepEqual(locksOf(config(`{jobs: ${jobs}}`)), [
    ['l', 'lock', 'k'],
    ['a', 'job', undefined],
    ['u', 'unlock', 'k'],
  ])
})

test('a group in a serial group begins with a lock and lets go of it however its jobs end', () => {
  const text = config(
    '{jobs: [{g: {serial-group: x}}]}',
    'job-groups: {g: {jobs: [a, {b: {requires: [a]}}]}}',
  )
  assert.deepEqual(locksOf(text), [
    ['g/group-start', 'lock', 'x'],
    ['g/a', 'job', undefined],
    ['g/b', 'job', undefined],
    ['g/group-end', 'noop', undefined],
    ['g/group-unlock', 'unlock', 'x'],
  ])
  const unlock = planned(text).workflow.jobs.at(-1)
  assert.deepEqual(
    unlock?.needs.map(({ job, on }) => [job, on.includes('failed'), on.includes('skipped:needs')]),
    [
      // `b` is over as soon as one of its needs is not met, whoever else of the group still runs.
      ['g/a', true, true],
      ['g/b', true, true],
    ],
  )
})

test('a workflow that is rerun by itself says how often', () => {
  assert.equal(planned(config('{max_auto_reruns: 3, jobs: [a]}')).workflow.maxAutoReruns, 3)
  assert.deepEqual(planned(config('{max_auto_reruns: 3, jobs: [a]}')).problems, [])
})

test('names that are none', () => {
  for (const entry of [
    '{a: {serial-group: "a b"}}',
    '{a: {serial-group: ""}}',
    `{a: {serial-group: ${'x'.repeat(513)}}}`,
    '{x: {type: lock, key: "<"}}',
  ])
    assert.deepEqual(
      judgeCompile(config(`{jobs: [${entry}]}`)).problems.map(({ code }) => code),
      ['MF2041'],
      entry,
    )
  assert.deepEqual(
    judgeCompile(config('{jobs: [{x: {type: lock}}]}')).problems.map(({ code }) => code),
    ['MF2042'],
  )
})
