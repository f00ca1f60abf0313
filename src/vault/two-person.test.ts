// Loosening by two people, through the verbs of a real vault: what waits for the second, who is one, and what must not pass for one.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import {
  countersign,
  enrolSigner,
  makeSigner,
  type Signer,
  signContext,
  signRevoke,
  signRule,
  signSet,
} from '../../test/support/signer.ts'
import { makeWorld, newId, start } from '../../test/support/vault-world.ts'
import { type ContextRules, contextId } from '../protocol/contexts.ts'
import {
  defaultPolicy,
  type PutStatement,
  proposalAgeSecondsMax,
  type Statement,
} from '../protocol/statement.ts'
import { signStatement } from '../seal/index.ts'

const day = 86_400

/** Ada has two keys, Bob one; of the fourth nobody said whose it is. */
const makePeople = async () => {
  const world = await makeWorld()
  const { call, signer: ada, org, clock } = world
  const [adas, bob, unnamed] = [await makeSigner('a phone'), await makeSigner(), await makeSigner()]
  for (const signer of [adas, bob, unnamed]) await enrolSigner(call, signer)
  for (const signer of [ada, adas]) await call('signer.person', { signer: signer.id, person: 'ada' })
  await call('signer.person', { signer: bob.id, person: 'bob' })
  const rule = async (signer: Signer, twoPerson: boolean) => {
    const { head: prev } = await call('rules.get', { org })
    return { org, ...(await signRule(signer, { org, twoPerson, prev, nowSeconds: clock.seconds })) }
  }
  const demand = async () => call('rules.set', await rule(ada, true))
  const by = async (signer: Signer, { statement }: { readonly statement: Statement }) =>
    countersign(signer, { statement, nowSeconds: clock.seconds })
  return { ...world, ada, adas, bob, unnamed, rule, demand, by }
}

type People = Awaited<ReturnType<typeof makePeople>>

const contextOf = ({ call, ada, org, clock }: People) => {
  const request = async (rules: Partial<ContextRules>, prev: string | null) => ({
    org,
    ...(await signContext(ada, { org, name: 'deploy', nowSeconds: clock.seconds, prev, rules })),
  })
  const head = async () =>
    (await call('context.list', { org })).contexts.find(({ context }) => context === contextId(org, 'deploy'))
      ?.head ?? null
  return { signed: async (rules: Partial<ContextRules>) => request(rules, await head()) }
}

test('what loosens waits for another person, and what tightens for nobody', async () => {
  const world = await makePeople()
  const { call, refused, demand, by, bob, project, addProject, restart } = world
  const { signed } = contextOf(world)
  await call(
    'context.put',
    await signed({ projects: [project], refs: ['default', 'refs/tags/v*'], roles: ['owner'] }),
  )
  const told = await demand()
  assert.deepEqual([told.twoPerson, told.people], [true, 2])
  await restart()
  const was = { projects: [project], refs: ['default', 'refs/tags/v*'], roles: ['owner' as const] }
  const wider: readonly Partial<ContextRules>[] = [
    { projects: '*' },
    { projects: [project, await addProject()] },
    { projects: [newId('project')] },
    { refs: ['refs/heads/main'] },
    { refs: ['default', 'refs/tags/**'] },
    { refs: ['refs/tags/v?'] },
    { roles: null },
    { roles: ['developer'] },
    { roles: ['owner', 'developer'] },
  ]
  for (const rules of wider)
    await refused('context.put', await signed({ ...was, ...rules }), 'E_STMT_SECOND', JSON.stringify(rules))
  for (const rules of [{}, { refs: ['refs/tags/v1'] }, { refs: ['refs/tags/v1'], projects: [] }])
    assert.equal((await call('context.put', await signed({ ...was, ...rules }))).state, 'active')
  const back = await signed(was)
  await refused('context.put', back, 'E_STMT_SECOND', 'what was taken away is not given back by one')
  const both = { ...back, second: await by(bob, back) }
  assert.deepEqual((await call('context.put', both)).projects, [project])
  assert.deepEqual((await call('context.put', both)).projects, [project], 'a lost answer is asked for again')
})

test('two keys of one person, or of nobody known, are not two people; nor is a word about something else', async () => {
  const world = await makePeople()
  const { call, refused, demand, by, ada, adas, bob, unnamed, clock, project } = world
  const { signed } = contextOf(world)
  await call('context.put', await signed({}))
  await demand()
  const wide = await signed({ projects: [project] })
  const other = await signed({ projects: '*' })
  const stranger = await makeSigner()
  const good = await by(bob, wide)
  const { statement, proof } = good
  const resigned = async (changes: object) => {
    const changed = { ...statement, ...changes }
    return { statement: changed, proof: await signStatement(changed, bob.key.privateKey) }
  }
  const bad = [
    ['E_STMT_SECOND', await by(ada, wide)],
    ['E_STMT_SECOND', await by(adas, wide)],
    ['E_STMT_SECOND', await by(unnamed, wide)],
    ['E_STMT_SIG', await by(stranger, wide)],
    ['E_STMT_SIG', { statement: { ...statement, iss: bob.id }, proof: (await by(ada, wide)).proof }],
    ['E_STMT_SIG', { statement, proof: wide.proof }],
    ['E_INPUT', await by(bob, other)],
    ['E_INPUT', await resigned({ prev: 'a'.repeat(64) })],
    ['E_STMT_STALE', await resigned({ iat: clock.seconds - 601 })],
    ['E_STMT_STALE', await resigned({ iat: clock.seconds + 61 })],
    ['E_INPUT', { statement: { ...wide.statement }, proof: wide.proof }],
  ] as const
  for (const [code, second] of bad) await refused('context.put', { ...wide, second }, code)
  const ofNobody = await signContext(unnamed, {
    ...{ org: world.org, name: 'deploy', nowSeconds: clock.seconds, prev: wide.statement.prev },
    rules: { projects: [project] },
  })
  await refused(
    'context.put',
    { org: world.org, ...ofNobody, second: await by(bob, ofNobody) },
    'E_STMT_SECOND',
    'whose first key is of nobody',
  )
  assert.equal((await call('context.put', { ...wide, second: { statement, proof } })).version, 2)
})

test('it takes two people to demand two, and two to demand it no more', async () => {
  const { call, refused, demand, rule, by, ada, adas, bob, org } = await makePeople()
  const alone = await makeWorld()
  const lonely = await signRule(alone.signer, { org: alone.org, twoPerson: true, nowSeconds: start })
  await refused('rules.set', { org: newId('organisation'), ...lonely }, 'E_INPUT', 'of another organisation')
  await alone.refused('rules.set', { org: alone.org, ...lonely }, 'E_INPUT', 'one person is not two')
  const on = await rule(ada, true)
  const told = await call('rules.set', on)
  assert.deepEqual(await call('rules.set', on), told, 'a lost answer is asked for again')
  const off = await rule(ada, false)
  await refused('rules.set', off, 'E_STMT_SECOND')
  await refused('rules.set', { ...off, second: await by(adas, off) }, 'E_STMT_SECOND')
  assert.equal((await call('rules.set', { ...off, second: await by(bob, off) })).twoPerson, false)
  assert.equal((await call('rules.get', { org })).twoPerson, false)
  await demand()
  await refused('rules.set', { ...off, second: await by(bob, off) }, 'E_STMT_PREV', 'not once more')
})

test('of a secret: policy, hosts, kind, enabling, a later end and telling instead of revoking take two', async () => {
  const world = await makePeople()
  const { call, put, make, refused, demand, by, ada, bob, project, clock } = world
  const policy = { ...defaultPolicy('main'), freshness: 'tip' as const }
  const body = { policy, expires_at: start + day, on_leak: 'revoke' as const }
  const made = await put('TOKEN', 'hunter2hunter2', { body })
  await demand()
  const widened: readonly Partial<PutStatement['body']>[] = [
    { policy: { ...policy, refs: ['refs/heads/main', 'refs/heads/other'] } },
    { policy: { ...policy, refs: ['refs/heads/*'] } },
    { policy: { ...policy, events: ['push', 'manual', 'api'] } },
    { policy: defaultPolicy('main') },
    { on_leak: 'tell' },
  ]
  for (const changes of widened) {
    const one = await make('TOKEN', 'hunter3hunter3', { prev: made.head, body: { ...body, ...changes } })
    const request = { owner: project, name: 'TOKEN', ...one }
    await refused('secret.put', request, 'E_STMT_SECOND', JSON.stringify(changes))
  }
  const { prev: _none, ...sets } = { prev: null, state: 'active' as const, on_leak: 'revoke' as const }
  const set = async (prev: string, changes: object) => ({
    ...{ owner: project, name: 'TOKEN' },
    ...(await signSet(ada, {
      ...{ owner: project, name: 'TOKEN', nowSeconds: clock.seconds, prev },
      body: { ...sets, expires_at: start + day, ...changes },
    })),
  })
  for (const changes of [{ expires_at: null }, { expires_at: start + 2 * day }, { on_leak: 'tell' }])
    await refused('secret.set', await set(made.head, changes), 'E_STMT_SECOND', JSON.stringify(changes))
  const disabled = await call(
    'secret.set',
    await set(made.head, { state: 'disabled', expires_at: start + 60 }),
  )
  const enable = await set(disabled.head, { expires_at: start + 60 })
  await refused('secret.set', enable, 'E_STMT_SECOND')
  const enabled = await call('secret.set', { ...enable, second: await by(bob, enable) })
  // A new value under the same rules, also a longer one: whoever rotates does it alone.
  const next = await put('TOKEN', 'hunter4hunter4', {
    prev: enabled.head,
    body: { ...body, expires_at: null },
  })
  const revoke = await signRevoke(bob, {
    ...{ owner: project, name: 'TOKEN', nowSeconds: clock.seconds, prev: next.head },
  })
  const revoked = await call('secret.revoke', { owner: project, name: 'TOKEN', ...revoke })
  const wide = { policy: { ...policy, refs: ['refs/**'] } }
  const anew = await make('TOKEN', 'hunter5hunter5', { prev: revoked.head, body: { ...body, ...wide } })
  await refused('secret.put', { owner: project, name: 'TOKEN', ...anew }, 'E_STMT_SECOND', 'not around it')
  assert.equal((await put('TOKEN', 'hunter6hunter6', { prev: revoked.head, body })).state, 'active')
  assert.equal(
    (await put('NEW', 'hunter7hunter7', { body: wide })).state,
    'active',
    'what is new loosens nothing',
  )
})

test('of a key: another kind, more hosts and a lower tier take two; fewer hosts take one', async () => {
  const { put, make, refused, demand, project } = await makePeople()
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const host = (name: string) => `${name} ssh-ed25519 ${'A'.repeat(68)}`
  const hosts = [host('one.example'), host('two.example')]
  const policy = { ...defaultPolicy('main'), min_tier: 'protected' as const }
  const made = await put('DEPLOY', pem, { body: { kind: 'ssh', hosts, policy } })
  await demand()
  for (const body of [
    { kind: 'env' as const, policy },
    { kind: 'file' as const, policy },
    { kind: 'ssh' as const, policy, hosts: [...hosts, host('three.example')] },
    { kind: 'ssh' as const, policy, hosts: [host('three.example')] },
    { kind: 'ssh' as const, hosts, policy: defaultPolicy('main') },
  ]) {
    const request = {
      owner: project,
      name: 'DEPLOY',
      ...(await make('DEPLOY', pem, { prev: made.head, body })),
    }
    await refused('secret.put', request, 'E_STMT_SECOND', JSON.stringify(body))
  }
  const body = { kind: 'ssh' as const, policy, hosts: hosts.slice(1) }
  assert.equal((await put('DEPLOY', pem, { prev: made.head, body })).version, 2)
})

test('what was signed waits for three days for its second person, and is accepted in its turn only', async () => {
  const world = await makePeople()
  const { call, refused, make, put, demand, by, bob, project, clock } = world
  const made = await put('TOKEN', 'hunter2hunter2')
  await demand()
  const wide = { policy: { ...defaultPolicy('main'), refs: ['refs/**'] } }
  const of = { prev: made.head, body: wide }
  const request = { owner: project, name: 'TOKEN', ...(await make('TOKEN', 'hunter3hunter3', of)) }
  clock.seconds += proposalAgeSecondsMax
  await refused('secret.put', request, 'E_STMT_STALE', 'alone it is not good for longer than others')
  const early = await by(bob, request)
  clock.seconds += 1
  await refused('secret.put', { ...request, second: early }, 'E_STMT_STALE')
  clock.seconds -= 1
  const widened = await call('secret.put', { ...request, second: early })
  assert.deepEqual(widened.policy.refs, ['refs/**'])
  const narrowed = await put('TOKEN', 'hunter4hunter4', { prev: widened.head })
  await refused('secret.put', { ...request, second: await by(bob, request) }, 'E_STMT_PREV', 'not once more')
  assert.equal(narrowed.version, 3)
})

test('a removed signer is no second person, and only the operator says whose a key is', async () => {
  const world = await makePeople()
  const { call, refused, demand, by, bob, ada, project, clock, current } = world
  const { signed } = contextOf(world)
  await call('context.put', await signed({}))
  await demand()
  const wide = await signed({ projects: [project] })
  const second = await by(bob, wide)
  const statement = {
    ...{ v: 1 as const, type: 'signer.remove' as const, sub: bob.id, iss: ada.id, iat: clock.seconds },
    ...{ nonce: 'A'.repeat(22), prev: null, body: {} },
  }
  await call('signer.remove', { statement, proof: await signStatement(statement, ada.key.privateKey) })
  assert.equal((await call('rules.get', { org: world.org })).people, 1)
  await refused('context.put', { ...wide, second }, 'E_STMT_SIG')
  await refused('signer.person', { signer: bob.id, person: 'bob' }, 'E_NOT_FOUND', 'removed')
  await refused('signer.person', { signer: ada.id, person: 'Ada Lovelace' }, 'E_INPUT', 'not a name')
  const { status } = await current.vault.handleServer({
    ...{ method: 'POST', path: '/v1/signer.person', headers: { 'content-type': 'application/json' } },
    body: (async function* () {
      yield new TextEncoder().encode(JSON.stringify({ signer: ada.id, person: 'bob' }))
    })(),
  })
  assert.equal(status, 404, 'the server has no such verb')
})
