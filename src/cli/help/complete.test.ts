// What TAB offers, asked of the real program, and that a real bash takes it as it is.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
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
  jobs: async (ref: string | undefined) => (ref === '412' ? ['unit.1', 'e2e (firefox)', 'lint'] : ['newest']),
}
const at = (...words: readonly string[]) => complete(program, words, names)

test('verbs, options, their words and names stand where they may stand', async () => {
  assert.deepEqual(await at('run'), ['run', 'runner', 'runs'])
  assert.deepEqual(await at('runs', 'wai'), ['wait'])
  assert.deepEqual(await at('runs', 'view', '--pr'), ['--project'])
  assert.deepEqual(await at('lint', '--format', 's'), ['sarif'])
  assert.deepEqual(await at('runs', 'view', '4'), ['411', '412'])
  assert.deepEqual(await at('runs', 'view', '-j', 'x', '41'), ['411', '412'])
  assert.deepEqual(await at('secrets', 'list', '--context', ''), ['deploy'])
  assert.deepEqual(await at('project', 'view', ''), ['web', 'web-api'])
  assert.deepEqual(await at('link', ''), ['web', 'web-api'])
  assert.deepEqual(await at('completion', ''), ['bash', 'fish', 'zsh'])
  assert.deepEqual(await at('help', 'ex'), ['exit-codes', 'explain'])
  assert.deepEqual(await at('help', 'runs', ''), [])
  assert.deepEqual(await at('project', 'view', 'web', ''), [])
  assert.deepEqual(await at('nothing', ''), [])
})

test('jobs are those of the run that stands before, else of the newest one; of a file here the server knows none', async () => {
  assert.deepEqual(await at('logs', '412', '-j', ''), ['lint', 'unit.1'])
  assert.deepEqual(await at('runs', 'view', '--project', 'web', '412', '--job', 'u'), ['unit.1'])
  assert.deepEqual(await at('rerun', '-j', ''), ['newest'])
  assert.deepEqual(await at('run', '-j', ''), [])
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

const isThere = (shell: string): boolean => spawnSync(shell, ['-c', 'exit']).status === 0
const missing = (shell: string) => (isThere(shell) ? {} : { skip: `there is no ${shell} on this machine` })
/** Stands for the program: what it says would do harm, were it expanded. */
const answering = `mayfly() { printf '%s\\n' '$(echo bad)' "\${@:3}"; }`

test('zsh takes what is found as it is, and expands nothing of it', missing('zsh'), async () => {
  const { stdout: script } = await runCommand(['completion', 'zsh'])
  const asked = `compdef() { :; }; compadd() { shift; printf '%s\\n' "$@"; }; _default() { echo files; }
    ${answering}
    ${script}
    words=(mayfly runs vi); CURRENT=3; _mayfly
    mayfly() { :; }; _mayfly`
  assert.equal(
    execFileSync('zsh', ['-f', '-c', asked], { encoding: 'utf8' }),
    '$(echo bad)\nruns\nvi\nfiles\n',
  )
})

test('fish takes what is found as it is, and expands nothing of it', missing('fish'), async () => {
  const { stdout: script } = await runCommand(['completion', 'fish'])
  const asked = `function mayfly; printf '%s\\n' 'vi$(echo bad)' vi-(count $argv) vi-$argv[3]; end
    ${script}
    complete --do-complete 'mayfly runs vi'`
  assert.equal(
    // Files are offered, too: there are none that begin so.
    execFileSync('fish', ['--no-config', '-c', asked], { encoding: 'utf8', cwd: '/usr' }),
    'vi$(echo bad)\nvi-4\nvi-runs\n',
  )
})

test('without a server names are missing, and nothing else is', async () => {
  const { code, stdout, stderr } = await runCommand(['complete', '--', 'runs', 'view', '-R', ''])
  assert.deepEqual([code, stdout, stderr], [0, '', ''])
  const verbs = await runCommand(['complete', '--', 'runs', 'vie'])
  assert.deepEqual([verbs.code, verbs.stdout], [0, 'view\n'])
})
