import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findNoUserNamespaces, inUserNamespace } from './user-namespace.ts'

const machine = (settings: Readonly<Record<string, string>>) => (path: string) =>
  settings[path.slice('/proc/sys/'.length).replaceAll('/', '.')] ?? null

test('a switch that forbids user namespaces is named, with the command that changes it', () => {
  const found = findNoUserNamespaces(false, machine({ 'user.max_user_namespaces': '0' }))
  assert.match(found?.why ?? '', /user\.max_user_namespaces = 0/)
  assert.equal(found?.fix, 'as root: sysctl -w user.max_user_namespaces=10000')
  for (const [name, value] of [
    ['kernel.unprivileged_userns_clone', '0'],
    ['kernel.apparmor_restrict_unprivileged_userns', '1'],
  ] as const) {
    assert.ok(findNoUserNamespaces(false, machine({ [name]: value }))?.fix.includes(name))
    assert.equal(findNoUserNamespaces(true, machine({ [name]: value })), null, 'root is not kept from them')
  }
})

test('a machine that knows none of the switches, or has them open, forbids nothing', () => {
  assert.equal(findNoUserNamespaces(false, machine({})), null)
  const open = { 'user.max_user_namespaces': '9', 'kernel.unprivileged_userns_clone': '1' }
  assert.equal(findNoUserNamespaces(false, machine(open)), null)
})

test('the caller keeps his own number', () => {
  assert.deepEqual(inUserNamespace(['true']).slice(-2), ['--', 'true'])
})
