import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { findLayout } from './layout.ts'

test('root keeps things where a system service does', () => {
  const layout = findLayout({ data: undefined, environment: {}, isRoot: true, uid: 0 })
  assert.equal(layout.data, '/var/lib/mayfly')
  assert.equal(layout.rootKey, '/etc/mayfly/root.key')
  assert.equal(layout.operatorSocket, '/run/mayfly/operator/operator.sock')
})

test('a person keeps things in their own directories', () => {
  const environment = { HOME: '/home/ada', XDG_RUNTIME_DIR: '/run/user/7' }
  const layout = findLayout({ data: undefined, environment, isRoot: false, uid: 7 })
  assert.equal(layout.data, '/home/ada/.local/share/mayfly')
  assert.equal(layout.settings, '/home/ada/.config/mayfly/mayfly.yml')
  assert.equal(layout.run, '/run/user/7/mayfly')
  const bare = findLayout({ data: undefined, environment: { HOME: '/home/ada' }, isRoot: false, uid: 7 })
  assert.equal(bare.run, '/home/ada/.local/state/mayfly', 'nowhere that somebody else may write')
})

test('installations side by side share nothing, and the root key is never inside the data', () => {
  const of = (data: string) => findLayout({ data, environment: {}, isRoot: true, uid: 0 })
  assert.notEqual(of('/srv/a').run, of('/srv/b').run)
  assert.equal(of('/srv/a').rootKey, '/srv/a-etc/root.key')
})

test('what a command has to say to mean an installation is said for a shell', () => {
  const of = (data?: string) => findLayout({ data, environment: {}, isRoot: true, uid: 0 }).flag
  assert.equal(of(), '')
  assert.equal(of('/srv/a-1'), ' --data /srv/a-1')
  assert.equal(of("/srv/ada's ci"), " --data '/srv/ada'\\''s ci'")
})

test('two names of one directory are one installation', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mayfly-layout-'))
  t.after(() => rmSync(directory, { recursive: true }))
  symlinkSync(directory, `${directory}/link`)
  const of = (data: string) => findLayout({ data, environment: {}, isRoot: true, uid: 0 }).run
  assert.equal(of(join(directory, 'data')), of(join(directory, 'link/data')))
})

test('sockets stay below what a socket address can hold', () => {
  const layout = findLayout({ data: `/srv/${'x'.repeat(300)}`, environment: {}, isRoot: true, uid: 0 })
  assert.ok(layout.vaultAdminSocket.length <= 107)
})
