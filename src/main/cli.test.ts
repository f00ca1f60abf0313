// How the program of the command line ends.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const forgetful = 'data:text/javascript,setTimeout(() => undefined, 600_000)'

test('a verb that is over ends its program, with its code, whatever still waits in there', () => {
  const { status, signal, stderr } = spawnSync(
    process.execPath,
    ['--import', forgetful, join(import.meta.dirname, 'cli.ts'), 'explain', 'MF9999'],
    {
      env: { PATH: process.env.PATH, HOME: '/nonexistent' },
      encoding: 'utf8',
      timeout: 60_000,
      killSignal: 'SIGKILL',
    },
  )
  assert.deepEqual([status, signal], [2, null])
  assert.match(stderr, /MF9999/)
})
