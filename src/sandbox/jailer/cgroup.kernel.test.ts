// The groups of an installation exist for as long as its jailer: an idle machine shows no trace of us.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { needsRoot, startJailer } from '../../../test/support/jailer.ts'
import { readHost } from './host.ts'

test('an ended jailer leaves no control group', { skip: needsRoot, timeout: 30_000 }, async () => {
  const host = readHost()
  assert.ok(host.ok)
  const jailer = await startJailer()
  const own = [...host.cgroups.directories.values()].map((directory) =>
    join(directory, `mayfly-${jailer.installation}`),
  )
  assert.ok(own.length > 0 && own.every(existsSync))
  await jailer.stop()
  assert.deepEqual(own.filter(existsSync), [])
})
