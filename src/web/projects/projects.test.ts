import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import { parseId } from '../../base/ids.ts'
import type { Delivery, Project, ProjectCreated } from '../../protocol/api/shapes.ts'
import { sealHookSecret } from '../../seal/index.ts'
import { checklistOf } from './checklist.ts'
import { receiveHookSecret } from './hook-secret.ts'
import { guessName, projectNamePattern } from './source-input.ts'

const hookId = 'hok_00000000000000000000000001'
const project = {
  source: { kind: 'ssh', url: '' },
  host_keys: [],
  last_run: null,
  hook: { id: hookId, url: '', refused_calls: null },
} as unknown as Project
const received = { verdict: 'run' } as Delivery

test('a name is guessed from an address, and is one the API accepts', () => {
  for (const [address, name] of [
    ['git@git.example.com:acme/web.git', 'web'],
    ['ssh://git@host:22/a/My_App.git/', 'my-app'],
    ['/srv/git/tools', 'tools'],
  ] as const) {
    assert.equal(guessName(address), name)
    assert.match(name, projectNamePattern)
  }
  assert.equal(guessName('  '), '')
})

test('the checklist starts with contact and grows green from what the API says', () => {
  assert.deepEqual(checklistOf({ project, contact: null, deliveries: [] }), {
    access: 'now',
    hostKey: 'later',
    hook: 'now',
    firstRun: 'later',
  })
  const seen = { ...project, host_keys: [{ fingerprint: '', line: '', confirmed: false }] }
  assert.deepEqual(checklistOf({ project: seen, contact: { status: 'running' }, deliveries: [] }), {
    access: 'busy',
    hostKey: 'now',
    hook: 'now',
    firstRun: 'later',
  })
  assert.equal(
    checklistOf({ project: seen, contact: { status: 'passed' }, deliveries: [] }).access,
    'later',
    'a host whose key is not confirmed gave keys, not access',
  )
  const confirmed = { ...project, host_keys: [{ fingerprint: '', line: '', confirmed: true }] }
  assert.deepEqual(
    checklistOf({ project: confirmed, contact: { status: 'passed' }, deliveries: [received] }),
    { access: 'done', hostKey: 'done', hook: 'done', firstRun: 'now' },
  )
})

test('a refused delivery is a hook that is wrong, not one that is missing', () => {
  assert.equal(
    checklistOf({ project, contact: null, deliveries: [{ verdict: 'refused' } as Delivery] }).hook,
    'failed',
  )
})

test('the hook secret opens in the browser, and only for the hook it was sealed for', async () => {
  const seal =
    (hook: string) =>
    async (eph: string): Promise<ProjectCreated> => {
      const sealed = await sealHookSecret(fromBase64Url(eph)!, utf8('whs_secret'), parseId('hook', hook)!)
      return { project, hook_secret_sealed: toBase64Url(sealed!) }
    }
  assert.equal((await receiveHookSecret(seal(hookId))).secret, 'whs_secret')
  assert.equal((await receiveHookSecret(seal('hok_00000000000000000000000002'))).secret, null)
})
