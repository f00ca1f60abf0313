// What a person pastes into a shell is what is meant, whatever a job or branch is called.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import type { Job, Run } from './api/shapes.ts'
import { reproduceCommands } from './reproduce.ts'

// SAFE: all that is read of them.
const run = {
  event: { ref: 'refs/heads/main', commit: '9f2c'.repeat(10) },
  workflows: [{ id: 'wfl_1', name: 'build-test-deploy' }],
} as Run
const job = { name: 'e2e (firefox)', workflow_id: 'wfl_1' } as Job

test('the commit, then the job of its workflow', () => {
  const lines = reproduceCommands(run, job).split('\n')
  assert.deepEqual(lines, [
    `git fetch origin ${run.event.ref}`,
    `git checkout ${run.event.commit}`,
    `mayfly run build-test-deploy --job 'e2e (firefox)'`,
  ])
})

test('names reach a shell as they are', () => {
  const name = `it's $(touch /tmp/no) \`x\` "y" \\ ; -z`
  const [, , line = ''] = reproduceCommands(run, { ...job, name }).split('\n')
  const said = execFileSync('/bin/sh', ['-c', line.replace('mayfly run', "printf '%s\\n'")], {
    encoding: 'utf8',
  })
  assert.equal(said, `build-test-deploy\n--job\n${name}\n`)
})
