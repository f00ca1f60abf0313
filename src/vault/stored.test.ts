// Keys of stored objects through the verbs of a real vault: whose signature under a manifest counts, and for whom a key is opened.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeWorld, newId, start } from '../../test/support/vault-world.ts'
import { fromBase64Url, toBase64Url } from '../base/bytes.ts'
import { type Manifest, manifestTyp } from '../protocol/stored-object.ts'
import type { VaultRequest } from '../protocol/vault.ts'
import { type GeneratedKey, generateSigningKey, sealObjectKey, signJws } from '../seal/index.ts'
import { randomBytes } from '../sys/index.ts'

const world = await makeWorld()
const { call, refused, project, org } = world
const ingestKey = fromBase64Url((await call('ingest.key', {})).pk) ?? assert.fail()

type Signer = { readonly id: Manifest['iss']; readonly key: GeneratedKey }
type Scope = Pick<VaultRequest<'runner.enroll'>, 'org' | 'projects' | 'tierMax'>

const enrol = async (scope: Partial<Scope> = {}): Promise<Signer> => {
  const made = { id: newId('runner'), key: await generateSigningKey() }
  const publicKey = toBase64Url(made.key.publicKey)
  const wide: Scope = { org: '*', projects: '*', tierMax: 'protected' }
  await call('runner.enroll', { runner: made.id, publicKey, ...wide, ...scope })
  return made
}
const run = newId('run')
const described: Omit<Manifest, 'iss'> = {
  ...{ v: 1, iat: start, kind: 'artifacts', object: newId('object'), project, run, job: newId('job') },
  ...{ attempt: newId('attempt'), scope: `run/${run}`, key: '', sha256: '0'.repeat(64), size: 1 },
}
const stored = async ({ id, key }: Signer, changes: Partial<Manifest> = {}) => {
  const claims = { ...described, iss: id, ...changes }
  const manifest = await signJws({ typ: manifestTyp, kid: id, claims }, key.privateKey)
  const sealed = (await sealObjectKey(ingestKey, randomBytes(32), manifest)) ?? assert.fail()
  return { manifest, sealedKey: toBase64Url(sealed) }
}
const keeps = async (by: Signer, changes: Partial<Manifest> = {}) =>
  call('object.keep', await stored(by, changes))
const isRefused = async (code: string, by: Signer, changes: Partial<Manifest> = {}) =>
  refused('object.keep', await stored(by, changes), code)

test('a runner vouches for what is of its own organisation and projects, under its own name', async () => {
  await keeps(await enrol())
  await keeps(await enrol({ org, projects: [project] }))
  await isRefused('E_RUNNER_SCOPE', await enrol({ org: newId('organisation') }))
  await isRefused('E_RUNNER_SCOPE', await enrol({ projects: [newId('project')] }))
  await isRefused('E_RUNNER_SCOPE', await enrol({ projects: [] }))
  await isRefused('E_RUNNER_SCOPE', await enrol(), { iss: newId('runner') })
  await isRefused('E_NOT_FOUND', await enrol(), { project: newId('project') })
  await isRefused('E_OBJECT_TAMPERED', { id: newId('runner'), key: await generateSigningKey() })
  const gone = await enrol()
  await call('runner.revoke', { runner: gone.id })
  await isRefused('E_OBJECT_TAMPERED', gone)
})

test('what others read is vouched for by runners that are admitted there', async () => {
  const [branch, fork] = [await enrol({ tierMax: 'branch' }), await enrol({ tierMax: 'fork' })]
  for (const kind of ['cache', 'tests'] as const) {
    const key = kind === 'cache' ? 'k' : ''
    await keeps(branch, { kind, key, scope: 'branch/refs/heads/x' })
    await isRefused('E_RUNNER_SCOPE', branch, { kind, key, scope: 'protected/refs/heads/main' })
    await keeps(fork, { kind, key, scope: 'fork/refs/pull/1' })
    await isRefused('E_RUNNER_SCOPE', fork, { kind, key, scope: 'branch/refs/heads/x' })
  }
  await isRefused('E_RUNNER_SCOPE', fork, { kind: 'workspace' })
})

test('a key opens for people only where people look, and for the manifest that it was kept for', async () => {
  const by = await enrol()
  const kept = async (kind: Manifest['kind']) => {
    const { manifest, sealedKey } = await stored(by, { kind, key: kind === 'cache' ? 'k' : '' })
    return { manifest, wrapped: (await call('object.keep', { manifest, sealedKey })).wrapped }
  }
  const asked = { user: 'usr_1', reason: 'view' }
  const [artifacts, tests] = [await kept('artifacts'), await kept('tests')]
  for (const one of [artifacts, tests])
    assert.equal(fromBase64Url((await call('object.key', { kept: one, ...asked })).key)?.length, 32)
  for (const kind of ['workspace', 'cache'] as const)
    await refused('object.key', { kept: await kept(kind), ...asked }, 'E_RUNNER_SCOPE', kind)
  const swapped = { manifest: artifacts.manifest, wrapped: tests.wrapped }
  await refused('object.key', { kept: swapped, ...asked }, 'E_INPUT')
  const [one, other] = [await stored(by), await stored(by, { size: 2 })]
  await refused('object.keep', { manifest: one.manifest, sealedKey: other.sealedKey }, 'E_INPUT')
})

test('who opened an object first in an hour is written down, with the session', async () => {
  const { manifest, sealedKey } = await stored(await enrol())
  const kept = { manifest, wrapped: (await call('object.keep', { manifest, sealedKey })).wrapped }
  for (const session of ['ses_1', 'ses_2'])
    await call('object.key', { kept, user: 'usr_2', reason: 'view', session })
  const log = await readFile(join(world.options.dataDir, 'audit.log'), 'utf8')
  const lines = log.split('\n').filter((line) => line.includes('usr_2'))
  assert.equal(lines.length, 1)
  const { at: _at, ...line } = JSON.parse(lines[0] ?? '')
  const { object } = described
  assert.deepEqual(line, {
    ...{ verb: 'object.key', object, project, run, user: 'usr_2', reason: 'view', session: 'ses_1' },
  })
})
