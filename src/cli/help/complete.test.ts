// What TAB offers, asked of the real program, and that a real bash takes it as it is.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { runCommand } from '../../../test/support/surroundings.ts'
import { createProgram } from '../index.ts'
import type { Surroundings } from '../surroundings.ts'
import { complete } from './complete.ts'

const output = { write: () => undefined, isTerminal: false, columns: 80 }
// SAFE: no verb is carried out here.
const program = createProgram({ stdout: output, stderr: output, version: '0' } as unknown as Surroundings)
const names = {
  projects: async () => ['web', 'web-api', '$(touch /tmp/x)', 'a b', 'x;y', '-rf`'],
  contexts: async () => ['deploy'],
  runs: async () => ['412', '411'],
}
const at = (...words: readonly string[]) => complete(program, words, names)

test('verbs, options, their words and names stand where they may stand', async () => {
  assert.deepEqual(await at('run'), ['run', 'runner', 'runs'])
  assert.deepEqual(await at('runs', 'wa'), ['wait'])
  assert.deepEqual(await at('runs', 'view', '--pr'), ['--project'])
  assert.deepEqual(await at('lint', '--format', 's'), ['sarif'])
  assert.deepEqual(await at('runs', 'view', '4'), ['411', '412'])
  assert.deepEqual(await at('runs', 'view', '-j', 'x', '41'), ['411', '412'])
  assert.deepEqual(await at('secrets', 'list', '--context', ''), ['deploy'])
  assert.deepEqual(await at('project', 'view', ''), ['web', 'web-api'])
  assert.deepEqual(await at('completion', ''), ['bash'])
  assert.deepEqual(await at('project', 'view', 'web', ''), [])
  assert.deepEqual(await at('nothing', ''), [])
})

test('what begins with an option that takes nothing is no value of it', async () => {
  assert.deepEqual(await at('runs', 'view', '--json', '41'), ['411', '412'])
  assert.ok(!(await at('runs', 'list', '--')).includes('--json-fields'))
})

test('a name of others that a shell would read as more than a word is not offered', async () => {
  assert.deepEqual(await at('runs', 'view', '-R', ''), ['web', 'web-api'])
})

test('bash takes what is found as it is, and expands nothing of it', async () => {
  const { stdout: script } = await runCommand(['completion', 'bash'])
  const asked = `mayfly() { printf '%s\\n' '$(echo bad)' "\${@:3}"; }
    ${script}
    COMP_WORDS=(mayfly runs vi); COMP_CWORD=2; _mayfly; printf '%s\\n' "\${COMPREPLY[@]}"`
  assert.equal(execFileSync('bash', ['-c', asked], { encoding: 'utf8' }), '$(echo bad)\nruns\nvi\n')
})

test('without a server names are missing, and nothing else is', async () => {
  const { code, stdout, stderr } = await runCommand(['complete', '--', 'runs', 'view', '-R', ''])
  assert.deepEqual([code, stdout, stderr], [0, '', ''])
  const verbs = await runCommand(['complete', '--', 'runs', 'vie'])
  assert.deepEqual([verbs.code, verbs.stdout], [0, 'view\n'])
})
