// What starts the user's shell, under the shells that may be an image's /bin/sh. In a real sandbox: circleci-job.kernel.test.ts.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { launchScript } from './shell.ts'

/** In an image without bash. */
const launched = (text: string, shell: readonly string[] | null = null) => {
  const root = mkdtempSync(join(tmpdir(), 'mayfly-shell-'))
  try {
    const script = launchScript({ root: `${root as '/'}/made/here`, workdir: '/tmp' }, shell, text)
    assert.ok('launch' in script)
    writeFileSync(join(root, 'step'), script.text)
    const launch = script.launch.replaceAll('/bin/bash', '/nonexistent/bash').replaceAll('/tmp/', `${root}/`)
    const words = ['-c', launch, 'sh', ...script.args, join(root, 'step')]
    const { status, stdout } = spawnSync('/bin/sh', words, { encoding: 'utf8', input: '' })
    return { status, stdout }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

test('without bash the default is sh -e, with pipefail where sh has it', () => {
  assert.deepEqual(launched('echo one; false; echo two'), { status: 1, stdout: 'one\n' })
  const hasPipefail = spawnSync('/bin/sh', ['-c', 'set -o pipefail']).status === 0
  const ends = hasPipefail ? { status: 1, stdout: '' } : { status: 0, stdout: 'on\n' }
  assert.deepEqual(launched('false | true; echo on'), ends)
})

test('a shell that is given is taken as it is', () => {
  assert.deepEqual(launched('false; echo "goes on $-"', ['/bin/sh', '-u']).stdout, 'goes on u\n')
})
