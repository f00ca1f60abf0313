import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createHostResolver } from './resolve.ts'

test('the hosts file is asked first, all its addresses count, and comments do not', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'mayfly-hosts-'))
  const path = join(directory, 'hosts')
  writeFileSync(
    path,
    '127.0.0.1 localhost here # there\n::1\tLOCALHOST\n#10.0.0.1 localhost\nnot-an-address localhost\n',
  )
  const resolve = createHostResolver(path)
  const signal = AbortSignal.timeout(1000)
  assert.deepEqual(await resolve('localhost', signal), ['127.0.0.1', '::1'])
  assert.deepEqual(await resolve('here', signal), ['127.0.0.1'])
  rmSync(directory, { recursive: true })
})

test('a lookup that was given up rejects', async () => {
  const resolve = createHostResolver('/nonexistent')
  await assert.rejects(resolve('name.invalid', AbortSignal.abort()), { name: 'AbortError' })
})
