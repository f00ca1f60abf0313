// Secrets that were seen in what a job said: who may tell of which, what becomes of it, and that nobody makes a secret disappear that his
// attempt was not given.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { signSet } from '../../test/support/signer.ts'
import { makeWorld, newId } from '../../test/support/vault-world.ts'
import { toBase64Url } from '../base/bytes.ts'
import type { SecretMetadata, TicketClaims, VaultRequest } from '../protocol/vault.ts'
import { generateSealingKey, generateSigningKey, signJws } from '../seal/index.ts'

type World = Awaited<ReturnType<typeof makeWorld>>
type Changes = {
  readonly claims?: object
  readonly body?: object
  readonly path?: string
  /** Of another runner: its id and its key. */
  readonly by?: {
    readonly id: string
    readonly key: Awaited<ReturnType<typeof generateSigningKey>>['privateKey']
  }
}
type Claims = Pick<TicketClaims, 'attempt'>

const requestOf = async (
  world: World,
  claims: Claims,
  secret: string | null,
  changes: Changes = {},
): Promise<VaultRequest<'secret.leaked'>> => {
  const eph = toBase64Url((await generateSealingKey()).publicKey)
  const { clock, current, server } = world
  const { id, key } = changes.by ?? { id: world.runner, key: world.runnerKey.privateKey }
  const times = { iat: clock.seconds, exp: clock.seconds + 300 }
  const made = { jti: newId('ticket'), epoch: current.vault.epoch, iss: 'server', eph, ...times, ...claims }
  const ticket = await signJws(
    { typ: 'mayfly-ticket+jwt', claims: { ...made, ...changes.claims } },
    server.privateKey,
  )
  const body = JSON.stringify({ v: 1, attempt: claims.attempt, secret, eph: [eph], ...changes.body })
  const htu = changes.path ?? `/runner/v1/leases/${newId('lease')}/leak`
  const bh = createHash('sha256').update(body).digest('base64url')
  const signed = { iss: id, htm: 'POST', htu, bh, iat: clock.seconds, jti: 'r' }
  const jws = await signJws({ typ: 'mayfly-runner+jwt', kid: id, claims: signed }, key)
  return { ticket, poll: { jws, body } }
}
const tells = async (world: World, claims: Claims, secret: string | null) =>
  (await world.call('secret.leaked', await requestOf(world, claims, secret))).secrets
const refuses = async (
  world: World,
  code: string,
  claims: Claims,
  secret: string | null,
  changes: Changes = {},
) =>
  world.refused(
    'secret.leaked',
    await requestOf(world, claims, secret, changes),
    code,
    JSON.stringify(changes),
  )
const listed = async (world: World, owner = world.project): Promise<readonly SecretMetadata[]> =>
  (await world.call('secret.list', { owner })).secrets
const states = async (world: World) =>
  Object.fromEntries((await listed(world)).map(({ name, state }) => [name, state]))
const revokes = { body: { on_leak: 'revoke' as const } }

test('a secret whose owner chose so is revoked when it is seen: no later job gets it, and where it was seen stands there', async () => {
  const world = await makeWorld()
  await world.put('CHOSEN', 'the first value', revokes)
  await world.put('KEPT', 'the second value')
  const { claims } = await world.release()
  world.clock.seconds += 5
  const [told] = await tells(world, claims, 'CHOSEN')
  assert.deepEqual([told?.name, told?.version, told?.became], ['CHOSEN', 1, 'revoked'])
  assert.deepEqual((await tells(world, claims, 'KEPT'))[0]?.became, 'kept')
  const [chosen, kept] = await listed(world)
  const { run, job, attempt } = claims
  const leak = { at: world.clock.seconds, run, job, attempt }
  assert.deepEqual([chosen?.state, chosen?.leak, chosen?.onLeak], ['revoked', leak, 'revoke'])
  assert.deepEqual([kept?.state, kept?.leak, kept?.onLeak], ['active', leak, 'tell'])
  assert.deepEqual(Object.keys((await world.release()).values), ['KEPT'])
  // Told again, because the answer was lost: the same.
  assert.deepEqual(await tells(world, claims, 'CHOSEN'), [told])
  const lines = (await readFile(join(world.options.dataDir, 'audit.log'), 'utf8')).trim().split('\n')
  const became = lines.map((line) => JSON.parse(line)).filter((line) => line.became !== undefined)
  assert.deepEqual(
    became.map(({ verb, name, attempt: of, became: to }) => [verb, name, of, to]),
    [
      ['secret.leaked', 'CHOSEN', attempt, 'revoked'],
      ['secret.leaked', 'KEPT', attempt, 'kept'],
      ['secret.leaked', 'CHOSEN', attempt, 'revoked'],
    ],
  )
})

test('a new value is put as ever, is no longer seen, and is revoked by itself like the one before', async () => {
  const world = await makeWorld()
  await world.put('CHOSEN', 'the first value', revokes)
  const { claims } = await world.release()
  await tells(world, claims, 'CHOSEN')
  const [{ head } = assert.fail()] = await listed(world)
  const again = await world.put('CHOSEN', 'another value', { prev: head })
  assert.deepEqual([again.state, again.leak, again.onLeak, again.version], ['active', null, 'revoke', 2])
  // What the first attempt says is about the value it had.
  assert.deepEqual(await tells(world, claims, 'CHOSEN'), [])
  assert.deepEqual((await world.release()).values, { CHOSEN: 'another value' })
})

test('a secret that the attempt was not given is not touched: of another project, another ref, or put since', async () => {
  const world = await makeWorld()
  const other = await world.addProject()
  await world.put('THEIRS', 'of another project', { ...revokes, owner: other })
  await world.put('MINE', 'of this project', revokes)
  const { claims } = await world.release()
  await world.put('LATER', 'put after the release', revokes)
  for (const name of ['THEIRS', 'LATER', 'mine', 'MINE_PREVIOUS'])
    await refuses(world, 'E_FORBIDDEN', claims, name)
  // No policy admits it: it was given nothing, and so has nothing to tell of.
  const elsewhere = await world.release({ ref: 'refs/heads/other' })
  assert.deepEqual(elsewhere.values, {})
  await refuses(world, 'E_FORBIDDEN', elsewhere.claims, 'MINE')
  await refuses(world, 'E_FORBIDDEN', elsewhere.claims, null)
  const fork = await world.release({ tier: 'fork' })
  await refuses(world, 'E_FORBIDDEN', fork.claims, 'MINE')
  // One that never asked for its secrets.
  await refuses(world, 'E_FORBIDDEN', world.claimsWith({}), 'MINE')
  assert.deepEqual(await states(world), { MINE: 'active', LATER: 'active' })
  assert.deepEqual((await listed(world, other))[0]?.state, 'active')
})

test('a request is good once, for its own attempt, from the runner that had it, on its own path', async () => {
  const world = await makeWorld()
  await world.put('MINE', 'of this project', revokes)
  const { claims } = await world.release()
  const attempt = newId('attempt')
  await refuses(world, 'E_INPUT', claims, 'MINE', { body: { attempt } })
  await refuses(world, 'E_INPUT', claims, 'MINE', { claims: { attempt } })
  await refuses(world, 'E_INPUT', claims, 'MINE', { body: { v: 2 } })
  await refuses(world, 'E_RUNNER_SIG', claims, 'MINE', { path: '/runner/v1/leases/x/leak' })
  await refuses(world, 'E_RUNNER_SIG', claims, 'MINE', { body: { eph: [] } })
  const [id, key] = [newId('runner'), await generateSigningKey()]
  const publicKey = toBase64Url(key.publicKey)
  await world.call('runner.enroll', { runner: id, publicKey, org: '*', projects: '*', tierMax: 'protected' })
  const by = { id, key: key.privateKey }
  // Another runner, though the server says that the attempt is its own.
  await refuses(world, 'E_FORBIDDEN', claims, 'MINE', { by, claims: { runner: id } })
  await refuses(world, 'E_RUNNER_SIG', claims, 'MINE', { by })
  assert.deepEqual(await states(world), { MINE: 'active' })
  const request = await requestOf(world, claims, 'MINE')
  await world.call('secret.leaked', request)
  await world.refused('secret.leaked', request, 'E_USED')
})

test('a report of before does not touch a value that was put since, also after a restart; what was given is known after one', async () => {
  const world = await makeWorld()
  const { head } = await world.put('ROTATED', 'the first value', revokes)
  await world.put('SAME', 'stays as it is', revokes)
  const { claims } = await world.release()
  await world.put('ROTATED', 'the second value', { prev: head })
  await world.restart()
  assert.deepEqual(await tells(world, claims, 'ROTATED'), [])
  assert.deepEqual((await tells(world, claims, 'SAME'))[0]?.became, 'revoked')
  assert.deepEqual(await states(world), { ROTATED: 'active', SAME: 'revoked' })
  world.clock.seconds += 8 * 24 * 3600
  await world.restart()
  await refuses(world, 'E_FORBIDDEN', claims, 'ROTATED')
})

test('of a version before only that one ends, and the new value stays', async () => {
  const world = await makeWorld()
  const { head } = await world.put('TOKEN', 'the first value', revokes)
  const overlap = { overlap_until: world.clock.seconds + 86_400 }
  await world.put('TOKEN', 'the second value', { prev: head, body: overlap })
  const { claims, values } = await world.release()
  assert.deepEqual(Object.keys(values), ['TOKEN', 'TOKEN_PREVIOUS'])
  const [told] = await tells(world, claims, 'TOKEN_PREVIOUS')
  assert.deepEqual([told?.name, told?.version, told?.became], ['TOKEN', 1, 'ended'])
  assert.deepEqual((await world.release()).values, { TOKEN: 'the second value' })
})

test('the canary says that all was read: everything that the attempt was given is seen', async () => {
  const world = await makeWorld()
  await world.put('CHOSEN', 'the first value', revokes)
  await world.put('KEPT', 'the second value')
  await world.put('ELSEWHERE', 'for a tag only', {
    body: { ...revokes.body, policy: { refs: ['refs/tags/v*'], events: ['tag'], min_tier: 'branch' } },
  })
  const { claims } = await world.release()
  const told = await tells(world, claims, null)
  assert.deepEqual(
    told.map(({ name, became }) => [name, became]),
    [
      ['CHOSEN', 'revoked'],
      ['KEPT', 'kept'],
    ],
  )
  assert.deepEqual(await states(world), { CHOSEN: 'revoked', ELSEWHERE: 'active', KEPT: 'active' })
})

test('what becomes of it is a statement of its owner; what is not said stays, and a signing key has no such choice', async () => {
  const world = await makeWorld()
  const put = await world.put('TOKEN', 'the first value')
  const set = async (prev: string, body: object) => {
    const of = { owner: world.project, name: 'TOKEN', nowSeconds: world.clock.seconds, prev, body }
    return world.call('secret.set', {
      owner: world.project,
      name: 'TOKEN',
      ...(await signSet(world.signer, of)),
    })
  }
  const chosen = await set(put.head, { on_leak: 'revoke' })
  assert.equal(chosen.onLeak, 'revoke')
  const dated = await set(chosen.head, { expires_at: world.clock.seconds + 86_400 })
  assert.equal(dated.onLeak, 'revoke')
  const told = await set(dated.head, { on_leak: 'tell' })
  assert.equal(told.onLeak, 'tell')
  await world.refused(
    'secret.put',
    {
      owner: world.project,
      name: 'KEY',
      ...(await world.make('KEY', 'no key at all', { body: { kind: 'signing', on_leak: 'revoke' } })),
    },
    'E_INPUT',
  )
})

test('an attempt tells of so many and no more', async () => {
  const world = await makeWorld()
  await world.put('KEPT', 'the second value')
  const { claims } = await world.release()
  for (let n = 0; n < 250; n++) {
    if (n % 40 === 39) world.clock.seconds += 1
    await tells(world, claims, 'KEPT')
  }
  world.clock.seconds += 1
  await refuses(world, 'E_FORBIDDEN', claims, 'KEPT')
})
