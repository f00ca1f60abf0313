import assert from 'node:assert/strict'
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { needsRoot } from '../../test/support/jailer.ts'
import { randomBytes, systemClock } from '../sys/index.ts'
import { ensureIdentity } from './identity.ts'
import { findLayout } from './layout.ts'

const users = {
  server: { uid: 61_001, gid: 61_001 },
  vault: { uid: 61_002, gid: 61_002 },
  runner: { uid: 61_003, gid: 61_003 },
}

test('keys that a killed start had not handed over yet are handed over by the next', {
  skip: needsRoot,
}, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-identity-'))
  t.after(() => rm(directory, { recursive: true }))
  const layout = findLayout({ data: join(directory, 'data'), environment: {}, isRoot: true, uid: 0 })
  for (const name of ['server', 'runner', 'vault']) await mkdir(join(layout.data, name), { recursive: true })
  const ensure = () => ensureIdentity({ layout, users, clock: systemClock, randomBytes })
  const first = await ensure()
  const owners = [
    [layout.rootKey, users.vault],
    [first.ticketKeyFile, users.server],
    [first.tlsKeyFile, users.server],
    [first.tlsCertificateFile, users.server],
    [first.runner.keyFile, users.runner],
  ] as const
  for (const [path] of owners) await chown(path, 0, 0)
  assert.deepEqual(await ensure(), first)
  for (const [path, { uid, gid }] of owners) {
    const found = await stat(path)
    assert.deepEqual([found.uid, found.gid], [uid, gid], path)
  }
  assert.deepEqual((await readdir(join(layout.data, 'server'))).sort(), ['ticket.key', 'tls.crt', 'tls.key'])
  // A root key that the vault reads by its group is the operator's own arrangement.
  await chown(layout.rootKey, 0, users.vault.gid)
  await chmod(layout.rootKey, 0o440)
  await ensure()
  assert.equal((await stat(layout.rootKey)).uid, 0)
})
