// What a configuration may not say, or says in an old way: small files, and exactly what is said of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeCompile, pushOf } from '../../../../test/support/damaged-configurations.ts'
import { parseCron } from '../../../base/cron.ts'

const jobs = 'jobs: {a: {machine: true, steps: [checkout]}}'
const flow = (entries: string) => `version: 2.1\n${jobs}\nworkflows: {w: {jobs: [${entries}]}}`
const scheduled = (schedule: string) =>
  `version: 2.1\n${jobs}\nworkflows: {w: {triggers: [{schedule: {${schedule}}}], jobs: [a]}}`

const said: readonly (readonly [why: string, text: string, ...problems: string[]])[] = [
  [
    'a slip in what a gate requires is no argument of it',
    flow('a, {hold: {type: approval, requries: [a]}}'),
    'MF2134 "hold" is of type approval and takes no "requries"; did you mean "requires"?',
  ],
  [
    'a slip in the type of a gate does not make it a job that runs',
    flow('{a: {type: aproval}}'),
    'MF2041 "type" cannot be "aproval"; did you mean "approval"?',
  ],
  [
    'an argument that is meant as an option',
    flow('{a: {contxt: x}}'),
    'MF2134 job "a" has no parameter "contxt"; did you mean "context"?',
  ],
  [
    'version 2 has no matrix, and a job does not run once instead',
    `version: 2\n${jobs}\nworkflows: {version: 2, w: {jobs: [{a: {matrix: {parameters: {x: [1]}}}}]}}`,
    'MF2134 job "a" has no parameter "matrix"; "matrix" needs version 2.1',
  ],
  [
    'a condition that is empty',
    `version: 2.1\n${jobs}\nworkflows: {w: {when: , jobs: [a]}}`,
    'MF2049 "when" has no condition; the workflow runs as if it was not there',
  ],
  [
    'a parameter of a pipeline without a default',
    `version: 2.1\nparameters: {p: {type: string}}\n${flow('a').slice(13)}`,
    'MF2132 the parameter "p" of a pipeline needs a "default"',
  ],
  [
    'parameters of a pipeline do not see each other',
    `version: 2.1\nparameters: {p: {type: string, default: x}, q: {type: string, default: << pipeline.parameters.p >>}}\n${flow('a').slice(13)}`,
    'MF2131 there is no value "pipeline.parameters.p" here',
  ],
  [
    'a release without its plan',
    'version: 2.1\njobs: {a: {type: release}}\nworkflows: {w: {jobs: [a]}}',
    'MF2042 a job of type "release" needs a "plan_name"',
    'MF2045 releases are not carried out yet; the job is planned and does nothing',
  ],
  [
    'a setup configuration with two workflows',
    `version: 2.1\nsetup: true\n${jobs}\nworkflows: {w: {jobs: [a]}, v: {jobs: [a]}}`,
    'MF2041 a setup configuration runs one workflow, but this event starts 2; give all but one a "when"',
  ],
  [
    'a schedule without branches',
    scheduled('cron: "0 6 * * 1-5"'),
    'MF2042 a schedule needs "branches" in its "filters"',
  ],
  [
    'a schedule at no time',
    scheduled('cron: "0 61 * *", filters: {branches: {only: main}}'),
    'MF2041 "cron" cannot be "0 61 * *"; five fields in UTC: minute, hour, day of the month, month, day of the week; "0 6 * * 1-5"',
  ],
  [
    'a trigger of no kind',
    `version: 2.1\n${jobs}\nworkflows: {w: {triggers: [{}], jobs: [a]}}`,
    'MF2042 a trigger needs a "schedule"',
  ],
]

for (const [why, text, ...problems] of said)
  test(`${why}: it is said`, () => {
    const found = judgeCompile(text)
      .problems.filter(({ severity }) => severity !== 'note')
      .map(({ code, message, help }) => `${code} ${message}${help === null ? '' : `; ${help}`}`)
    assert.deepEqual(found, problems)
  })

test('an entry of type no-op needs no definition', () => {
  const result = judgeCompile(flow('a, {join: {type: no-op, requires: [a]}}'))
  assert.ok(result.ok, JSON.stringify(result.problems))
  const [, join] = result.plan.workflows[0]?.jobs ?? []
  assert.deepEqual([join?.kind, join?.spec, join?.needs[0]?.job], ['noop', null, 'a'])
})

test('the default of a pipeline parameter may show a value of the pipeline', () => {
  const text = `version: 2.1
parameters: {where: {type: string, default: "to-<< pipeline.git.branch >>"}}
jobs: {a: {machine: true, steps: [run: "deploy << pipeline.parameters.where >>"]}}
workflows: {w: {jobs: [a]}}`
  const result = judgeCompile(text, { event: pushOf('next') })
  assert.ok(result.ok, JSON.stringify(result.problems))
  const step = result.plan.workflows[0]?.jobs[0]?.spec?.steps[0]
  assert.equal(step?.kind === 'run' && step.command, 'deploy to-next')
})

test('steps as the first files of version 2 have them', () => {
  const text = `version: 2
jobs:
  build:
    machine: true
    steps:
      - {type: checkout}
      - {type: shell, name: hello, command: make}
      - {type: cache-restore, key: x}
      - cache-save: {key: x, paths: [y]}`
  const result = judgeCompile(text)
  assert.ok(result.ok, JSON.stringify(result.problems))
  const steps = result.plan.workflows[0]?.jobs[0]?.spec?.steps ?? []
  assert.deepEqual(
    steps.map(({ name }) => name),
    ['checkout', 'hello', 'restore_cache', 'save_cache'],
  )
  assert.equal(result.problems.filter(({ code }) => code === 'MF2050').length, 3)
})

test('times of a schedule', () => {
  const right = ['0 6 * * 1-5', '*/15 0-6,22 1 jan,JUN mon-fri', '0 0 31 12 7', '5/10 * * * *']
  const wrong = [
    '',
    '* * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    '5-1 * * * *',
    '*/0 * * * *',
    '* * * * * *',
    'a * * * *',
    '1- * * * *',
  ]
  assert.deepEqual(
    right.filter((text) => parseCron(text) === null),
    [],
  )
  assert.deepEqual(
    wrong.filter((text) => parseCron(text) !== null),
    [],
  )
})

const planned = (text: string) => {
  const result = judgeCompile(text)
  assert.ok(result.ok, JSON.stringify(result.problems))
  return { workflows: result.plan.workflows, codes: result.problems.map(({ code }) => code) }
}

test('a word without quotes is a boolean where a workflow asks for a condition', () => {
  const when = (word: string) =>
    planned(`version: 2.1\n${jobs}\nworkflows: {w: {when: ${word}, jobs: [a]}}`).workflows.length
  assert.deepEqual(['no', 'yes', 'off', 'true', '"false"', '"true"'].map(when), [0, 1, 0, 1, 0, 1])
})

test('an enum may have the empty text', () => {
  const text = `version: 2.1
parameters: {e: {type: enum, enum: ["", a], default: ""}}
jobs: {a: {machine: true, steps: [{when: {condition: << pipeline.parameters.e >>, steps: [checkout]}}, run: "x<< pipeline.parameters.e >>"]}}
workflows: {w: {jobs: [a]}}`
  const [step] = planned(text).workflows[0]?.jobs[0]?.spec?.steps ?? []
  assert.equal(step?.kind === 'run' && step.command, 'x')
})

test('a job whose steps are passed may be passed none', () => {
  const text = `version: 2.1
jobs: {a: {parameters: {s: {type: steps, default: []}}, machine: true, steps: << parameters.s >>}}
workflows: {w: {jobs: [a, {a: {name: b, post-steps: [checkout]}}]}}`
  const { workflows, codes } = planned(text)
  assert.deepEqual(
    workflows[0]?.jobs.map(({ spec }) => spec?.steps.length),
    [0, 1],
  )
  assert.deepEqual(codes, ['MF2114'])
})

test('names of workflows and of the jobs they invoke may show values', () => {
  const text = `version: 2.1
jobs: {on-main: {machine: true, steps: [checkout]}}
workflows: {"w-<< pipeline.git.branch >>": {jobs: [{"on-<< pipeline.git.branch >>": {name: x}}, on-<< pipeline.git.branch >>]}}`
  const [workflow] = planned(text).workflows
  assert.deepEqual([workflow?.name, workflow?.jobs.map(({ name }) => name)], ['w-main', ['x', 'on-main']])
})

test('what comes out of a wrong reference is reported once, where the reference stands', () => {
  for (const step of ['run: {command: << parameters.nope >>}', 'run: << parameters.nope >>'])
    assert.deepEqual(
      judgeCompile(`version: 2.1\njobs: {build: {machine: true, steps: [${step}]}}`).problems.map(
        ({ code }) => code,
      ),
      ['MF2131'],
    )
  const empty = 'version: 2.1\njobs: {build: {machine: true, steps: [run: << pipeline.git.tag >>]}}'
  assert.deepEqual(
    judgeCompile(empty).problems.map(({ code }) => code),
    ['MF2042'],
  )
})

test('texts that no plan can hold are refused with the step that has them', () => {
  for (const text of ['\\0', '\\ud83d', '\\ude00x']) {
    const found = judgeCompile(
      `version: 2.1\njobs:\n  build: {machine: true, steps: [checkout,\n    {run: {command: ls, name: "a ${text}"}}]}\n`,
    ).problems
    assert.deepEqual(
      found.map(({ code, at }) => [code, at?.line, at?.column]),
      [['MF2041', 4, 6]],
    )
  }
})

test('the name of a step is never cut between the halves of a character', () => {
  for (const length of [197, 198, 199, 200]) {
    const command = `${'x'.repeat(length)}😀 and more`
    const result = judgeCompile(
      `version: 2.1\njobs: {build: {machine: true, steps: [{run: "${command}"}]}}\n`,
    )
    const step = result.ok ? result.plan.workflows[0]?.jobs[0]?.spec?.steps[0] : undefined
    assert.ok(step?.name.isWellFormed() && step.name.length >= 199, `${length}`)
  }
})
