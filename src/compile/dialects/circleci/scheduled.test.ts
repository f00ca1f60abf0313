// What a run that a schedule of the project began knows of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunEvent } from '../../../protocol/plan.ts'
import { parsePlan } from '../../../protocol/plan-parse.ts'
import { compile } from '../../index.ts'

const config = `version: 2.1
jobs:
  say:
    docker: [{image: cimg/base:stable}]
    steps: [{run: 'echo << pipeline.schedule.name >>, << pipeline.trigger_source >>'}]
workflows:
  all: {jobs: [say]}
`
const commandOf = (schedule?: { id: string; name: string }) => {
  const ref = { ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null }
  const event = schedule ? { kind: 'schedule' as const, ...ref, schedule } : { kind: 'push' as const, ...ref }
  const result = compile({ files: new Map([['.circleci/config.yml', config]]), event, parameters: {} })
  assert.ok(result.ok, JSON.stringify(result.problems))
  assert.deepEqual(result.plan.inputs.event, event)
  const step = result.plan.workflows[0]?.jobs[0]?.spec?.steps[0]
  return step?.kind === 'run' ? step.command : null
}

test('its name is text of the project, spaces and all; a push has none', () => {
  assert.equal(commandOf({ id: 'sch_1', name: 'weekly release' }), 'echo weekly release, scheduled_pipeline')
  assert.equal(commandOf(), 'echo , webhook')
})

const triggered = `version: 2.1
jobs:
  say:
    docker: [{image: cimg/base:stable}]
    steps: [{run: 'echo << pipeline.schedule.name >>'}]
workflows:
  nightly:
    triggers:
      - schedule: {cron: ' 0 3 * * * ', filters: {branches: {only: [main, release]}}}
      - schedule: {cron: 0 3 * * *, filters: {branches: {only: main}}}
      - schedule: {cron: 30 12 * * 1-5, filters: {branches: {only: main}}}
    jobs: [say]
  weekly:
    when: {equal: [scheduled_pipeline, << pipeline.trigger_source >>]}
    triggers: [{schedule: {cron: 0 4 * * 1, filters: {branches: {ignore: release}}}}]
    jobs: [say]
  all: {jobs: [say]}
`
const compiled = (text: string, event: Partial<RunEvent>) => {
  const usual = {
    kind: 'push',
    ref: 'refs/heads/main',
    commit: 'a'.repeat(40),
    branch: 'main',
    tag: null,
  } as const
  const files = new Map([['.circleci/config.yml', text]])
  const result = compile({ files, event: { ...usual, ...event }, parameters: {} })
  assert.ok(result.ok, JSON.stringify(result.problems))
  return result.plan
}

test('the plan of a push names the schedules of its branch, also of workflows that a condition leaves out', () => {
  assert.deepEqual(compiled(triggered, {}).schedules, [
    { workflow: 'nightly', cron: '0 3 * * *' },
    { workflow: 'nightly', cron: '30 12 * * 1-5' },
    { workflow: 'weekly', cron: '0 4 * * 1' },
  ])
  assert.deepEqual(compiled(triggered, { branch: 'release' }).schedules, [
    { workflow: 'nightly', cron: '0 3 * * *' },
  ])
  assert.equal(compiled(triggered, { branch: null, tag: 'v1', ref: 'refs/tags/v1' }).schedules, undefined)
  assert.equal(compiled(triggered, { kind: 'manual' }).schedules, undefined)
  assert.equal(compiled(config, {}).schedules, undefined)
  const plan = compiled(triggered, {})
  const parsed = parsePlan(JSON.parse(JSON.stringify(plan)))
  assert.deepEqual(parsed.ok && parsed.value.schedules, plan.schedules)
})

test('a schedule of the configuration begins its workflow alone, one of the project none of these', () => {
  const names = (event: Partial<RunEvent>) => compiled(triggered, event).workflows.map(({ name }) => name)
  const schedule = { id: 'sch_1', name: 'x' }
  assert.deepEqual(names({}), ['all'])
  assert.deepEqual(names({ kind: 'schedule', schedule: { ...schedule, workflow: 'nightly' } }), ['nightly'])
  assert.deepEqual(names({ kind: 'schedule', schedule: { ...schedule, workflow: 'weekly' } }), ['weekly'])
  assert.deepEqual(names({ kind: 'schedule', schedule: { ...schedule, workflow: 'gone' } }), [])
  assert.deepEqual(names({ kind: 'schedule', schedule }), ['all'])
})

test('what names no time is a problem, also where a condition leaves the workflow out', () => {
  const text = triggered.replace('30 12 * * 1-5', 'every day').replace('0 4 * * 1', 'weekly')
  const files = new Map([['.circleci/config.yml', text]])
  const event = {
    kind: 'push',
    ref: 'refs/heads/main',
    commit: 'a'.repeat(40),
    branch: 'main',
    tag: null,
  } as const
  const { problems } = compile({ files, event, parameters: {} })
  assert.deepEqual(
    problems.map(({ code, severity }) => [code, severity]),
    [
      ['MF2041', 'error'],
      ['MF2041', 'warning'],
    ],
  )
})
