// Keys of kind `signing` through the verbs of the vault: what is shown of one, who may sign with it, how often, and that it is in no
// answer. That openssl takes the signatures: keys/signing-key.test.ts.
import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, verify } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { evidenceOf } from '../../test/support/evidence.ts'
import { signContext, signRevoke } from '../../test/support/signer.ts'
import { makeWorld, newId } from '../../test/support/vault-world.ts'
import { fromBase64Url, toBase64Url } from '../base/bytes.ts'
import { contextId } from '../protocol/contexts.ts'
import type { Evidence } from '../protocol/evidence.ts'
import { policyInContext } from '../protocol/statement.ts'
import type { VaultRequest } from '../protocol/vault.ts'
import { generateSealingKey, signJws } from '../seal/index.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = Buffer.from(privateKey.export({ format: 'pem', type: 'pkcs8' }))
const signing = { body: { kind: 'signing' as const } }
const content = Buffer.from('what is released')
const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`

type World = Awaited<ReturnType<typeof makeWorld>>
type Changes = {
  readonly claims?: Record<string, unknown>
  readonly evidence?: Partial<Evidence>
  readonly body?: object
  readonly path?: string
}

const requestOf = async (world: World, changes: Changes = {}): Promise<VaultRequest<'sign'>> => {
  const listed = toBase64Url((await generateSealingKey()).publicKey)
  const { clock, runner, current, server, runnerKey } = world
  const claims = {
    ...{ jti: newId('ticket'), epoch: current.vault.epoch, iss: 'server', eph: listed },
    ...{ iat: clock.seconds, exp: clock.seconds + 300 },
    ...world.claimsWith(changes.claims ?? {}),
  }
  const { project, ref, commit, spec_digest: spec, contexts = [] } = claims
  const evidence = evidenceOf(
    { repo: `file:0/${project}`, ref, commit, spec },
    { contexts, ...changes.evidence },
  )
  const ticket = await signJws({ typ: 'mayfly-ticket+jwt', claims }, server.privateKey)
  const asked = { v: 1, attempt: claims.attempt, step: 2, name: 'RELEASE', digest, evidence, eph: [listed] }
  const body = JSON.stringify({ ...asked, ...changes.body })
  const htu = `https://ci.example:8421${changes.path ?? `/runner/v1/leases/${newId('lease')}/sign`}`
  const bh = createHash('sha256').update(body).digest('base64url')
  const jws = await signJws(
    {
      ...{ typ: 'mayfly-runner+jwt', kid: runner },
      claims: { iss: runner, htm: 'POST', htu, bh, iat: clock.seconds, jti: 'r' },
    },
    runnerKey.privateKey,
  )
  return { ticket, poll: { jws, body } }
}
const signs = async (world: World, changes: Changes = {}) =>
  world.call('sign', await requestOf(world, changes))
const refuses = async (world: World, code: string, changes: Changes) =>
  world.refused('sign', await requestOf(world, changes), code, JSON.stringify(changes))
const isGood = (signature: string): boolean =>
  verify('sha256', content, publicKey, fromBase64Url(signature) ?? assert.fail())

test('a step gets a signature, and its public half is metadata; the key goes to nobody', async () => {
  const world = await makeWorld()
  const put = await world.put('RELEASE', pem, signing)
  const shown = publicKey.export({ format: 'pem', type: 'spki' })
  assert.deepEqual(
    [put.kind, put.signing?.algorithm, put.signing?.publicKey],
    ['signing', 'ecdsa-p256', shown],
  )
  await world.put('TOKEN', 'some value of it')
  const { payload } = await world.release()
  assert.deepEqual(payload.signing, ['RELEASE'])
  assert.deepEqual(
    payload.secrets.map(({ name }) => name),
    ['TOKEN'],
  )
  const signed = await signs(world)
  assert.deepEqual([signed.secret, signed.version, signed.algorithm], [put.secret, 1, 'ecdsa-p256'])
  assert.ok(isGood(signed.signature))
  const listed = (await world.call('secret.list', { owner: world.project })).secrets
  assert.deepEqual(
    listed.map(({ name, releases }) => [name, releases]),
    [
      ['RELEASE', 1],
      ['TOKEN', 1],
    ],
  )
  assert.equal(JSON.stringify([payload, signed, listed]).includes('PRIVATE'), false)
})

test('every signature is written down with its digest before it goes', async () => {
  const world = await makeWorld()
  const { secret } = await world.put('RELEASE', pem, signing)
  const attempt = newId('attempt')
  await signs(world, { claims: { attempt } })
  const lines = (await readFile(join(world.options.dataDir, 'audit.log'), 'utf8')).trim().split('\n')
  const { at: _at, jti: _jti, ...line } = JSON.parse(lines.at(-1) ?? '')
  assert.deepEqual(line, {
    ...{ verb: 'sign', runner: world.runner, attempt, project: world.project, secret, name: 'RELEASE' },
    ...{ step: '2', algorithm: 'ecdsa-p256', digest },
  })
})

test('who may not have it may not sign with it', async () => {
  const world = await makeWorld()
  await world.put('RELEASE', pem, signing)
  await world.put('TOKEN', 'some value of it')
  for (const claims of [
    { ref: 'refs/heads/other' },
    { event: 'schedule' },
    { purpose: 'plan' },
    { run: undefined },
  ])
    await refuses(world, 'E_FORBIDDEN', { claims })
  await refuses(world, 'E_TIER', { claims: { tier: 'fork' } })
  await refuses(world, 'E_FORBIDDEN', { body: { name: 'TOKEN' } })
  await refuses(world, 'E_FORBIDDEN', { body: { name: 'NOTHING' } })
  await refuses(world, 'E_RUNNER_SCOPE', { claims: { org: newId('organisation') } })
  await refuses(world, 'E_RUNNER_UNKNOWN', { claims: { runner: newId('runner') } })
  await refuses(world, 'E_EPOCH', { claims: { epoch: 'another' } })
  await refuses(world, 'E_TICKET_EXPIRED', { claims: { exp: world.clock.seconds } })
  assert.deepEqual((await world.release({ ref: 'refs/heads/other' })).payload.signing, undefined)
})

test('what the runner has not proven of the job, it does not sign for', async () => {
  const world = await makeWorld()
  await world.put('RELEASE', pem, signing)
  await refuses(world, 'E_REPO_MISMATCH', { evidence: { repo: 'file:0/elsewhere' } })
  await refuses(world, 'E_SPEC_MISMATCH', { evidence: { spec_digest: 'f'.repeat(64) } })
  await refuses(world, 'E_SPEC_MISMATCH', { evidence: { ref: 'refs/heads/other' } })
  await refuses(world, 'E_INPUT', { body: { evidence: undefined } })
  assert.ok(isGood((await signs(world)).signature))
})

test('only what the runner signed is signed, for its attempt, once', async () => {
  const world = await makeWorld()
  await world.put('RELEASE', pem, signing)
  await refuses(world, 'E_INPUT', { body: { attempt: newId('attempt') } })
  await refuses(world, 'E_INPUT', { body: { digest: 'sha256:00' } })
  await refuses(world, 'E_INPUT', { body: { digest: `md5:${'0'.repeat(32)}` } })
  await refuses(world, 'E_RUNNER_SIG', { path: '/runner/v1/beat' })
  await refuses(world, 'E_RUNNER_SIG', {
    body: { eph: [toBase64Url((await generateSealingKey()).publicKey)] },
  })
  const once = await requestOf(world)
  const other = {
    ...once,
    poll: { ...once.poll, body: once.poll.body.replace(digest, `sha256:${'0'.repeat(64)}`) },
  }
  await world.refused('sign', other, 'E_RUNNER_SIG')
  await world.call('sign', once)
  await world.refused('sign', once, 'E_USED')
})

test('a step signs so often, and so often in a second', async () => {
  const world = await makeWorld()
  await world.put('RELEASE', pem, signing)
  const attempt = newId('attempt')
  for (let round = 0; round < 20; round++) {
    for (let each = 0; each < 10; each++) await signs(world, { claims: { attempt } })
    if (round < 19) await refuses(world, 'E_RATE_LIMIT', { claims: { attempt } })
    world.clock.seconds++
  }
  await refuses(world, 'E_FORBIDDEN', { claims: { attempt } })
  assert.ok(
    isGood((await signs(world, { claims: { attempt }, body: { step: 3 } })).signature),
    'the next step',
  )
})

test('a new version signs from then on, a revoked or expired one not at all; its public half stays', async () => {
  const world = await makeWorld()
  const { head } = await world.put('RELEASE', pem, signing)
  const next = generateKeyPairSync('ed25519')
  const expires = { kind: 'signing' as const, expires_at: world.clock.seconds + 100 }
  const nextPem = Buffer.from(next.privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const beside = { ...expires, overlap_until: world.clock.seconds + 100 }
  const both = await world.make('RELEASE', nextPem, { prev: head, body: beside })
  const ask = { owner: world.project, name: 'RELEASE', ...both }
  await world.refused('secret.put', ask, 'E_INPUT', 'one that is replaced does not sign beside the new one')
  const second = await world.put('RELEASE', nextPem, { prev: head, body: expires })
  const { version, algorithm, signature } = await signs(world)
  assert.deepEqual([version, algorithm], [2, 'ed25519'])
  const bytes = Buffer.from(digest.slice('sha256:'.length), 'hex')
  assert.ok(verify(null, bytes, next.publicKey, fromBase64Url(signature) ?? assert.fail()))
  await world.restart()
  assert.equal((await signs(world)).version, 2)
  world.clock.seconds += 100
  await refuses(world, 'E_FORBIDDEN', {})
  world.clock.seconds -= 50
  const of = { owner: world.project, name: 'RELEASE', nowSeconds: world.clock.seconds, prev: second.head }
  const revoke = await signRevoke(world.signer, of)
  const revoked = await world.call('secret.revoke', {
    owner: world.project,
    name: 'RELEASE',
    ...revoke,
  } as never)
  assert.deepEqual([revoked.state, revoked.signing], ['revoked', second.signing])
  await refuses(world, 'E_FORBIDDEN', {})
})

test('a key of a context signs for jobs that name it, above one of the project', async () => {
  const world = await makeWorld()
  const context = contextId(world.org, 'release')
  const rules = { projects: '*' as const, refs: ['refs/**'] }
  const made = await signContext(world.signer, {
    org: world.org,
    name: 'release',
    nowSeconds: world.clock.seconds,
    rules,
  })
  await world.call('context.put', { org: world.org, ...made } as never)
  const body = { kind: 'signing' as const, policy: policyInContext }
  const { secret } = await world.put('RELEASE', pem, { owner: context, body })
  await refuses(world, 'E_FORBIDDEN', { claims: { contexts: [context] } })
  await world.admit()
  await refuses(world, 'E_FORBIDDEN', {})
  assert.equal((await signs(world, { claims: { contexts: [context] } })).secret, secret)
  await world.put('RELEASE', pem, signing)
  assert.equal((await signs(world, { claims: { contexts: [context] } })).secret, secret)
  await refuses(world, 'E_FORBIDDEN', { claims: { contexts: [contextId(world.org, 'gone')] } })
})

test('what is no key is refused when it is put, and a key lies sealed', async () => {
  const world = await makeWorld()
  const bad = await world.make('RELEASE', 'no key at all', signing)
  await world.refused('secret.put', { owner: world.project, name: 'RELEASE', ...bad }, 'E_INPUT')
  await world.put('RELEASE', pem, signing)
  await signs(world)
  const inner = pem.toString().split('\n')[1] ?? assert.fail()
  for (const name of await readdir(world.options.dataDir, { recursive: true, withFileTypes: true }))
    if (name.isFile()) {
      const text = (await readFile(join(name.parentPath, name.name))).toString('latin1')
      assert.equal(text.includes(inner) || text.includes('PRIVATE KEY'), false, name.name)
    }
})
