// What a run that a schedule of the project began knows of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
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
