// How a read of a local repository ends that nobody wants any more (with real sandboxes: test/e2e).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../../base/log.ts'
import { openCommit } from '../../protocol/runner-wire.ts'
import { classes, type Driver } from '../../sandbox/index.ts'
import { createSourceReaders } from './source-readers.ts'

test('a read that is cancelled while its reader opens waits for no answer', { timeout: 10_000 }, async () => {
  const stop = new AbortController()
  let closed = 0
  const silent = { exec: () => new Promise(() => undefined), close: async () => void closed++ }
  const open = async () => {
    stop.abort(new Error('cancelled'))
    return silent
  }
  // SAFE: of a driver readers use `open`, of a sandbox these two.
  const driver = { open } as unknown as Driver
  const readers = createSourceReaders({ driver, limits: classes.tiny.limits, log: silentLog })
  const want = { ref: 'refs/heads/main', commit: openCommit }
  await assert.rejects(readers.read({ kind: 'local', root: 0, path: 'x' }, want, stop.signal), /cancelled/)
  await readers.close()
  assert.ok(closed > 0)
})
