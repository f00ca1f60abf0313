import assert from 'node:assert/strict'
import { test } from 'node:test'
import { someProject } from '../../../test/support/some-project.ts'
import { openHostKeys, trustCommand } from './host-keys.ts'

const key = (fingerprint: string, type: string, confirmed = false) => ({
  ...{ fingerprint, confirmed, line: `[git.example]:2222 ${type} AAAA` },
})
const openOf = (...host_keys: ReturnType<typeof key>[]) =>
  openHostKeys({ ...someProject, host_keys }).map(({ fingerprint }) => fingerprint)

test('all keys of a host that is not trusted yet are open, then only one that replaces a trusted one', () => {
  assert.deepEqual(openOf(), [])
  assert.deepEqual(openOf(key('a', 'ssh-ed25519'), key('b', 'ssh-rsa')), ['a', 'b'])
  assert.deepEqual(openOf(key('a', 'ssh-ed25519', true), key('b', 'ssh-rsa')), [])
  assert.deepEqual(openOf(key('a', 'ssh-ed25519', true), key('c', 'ssh-ed25519')), ['c'])
  assert.equal(trustCommand(someProject, key('SHA256:c', 'ssh-rsa')), 'mayfly project trust web SHA256:c')
})
