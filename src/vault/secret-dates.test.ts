// What becomes of a secret without a new value, and of the old one beside a new one: through the verbs of a real vault.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signRevoke, signSet } from '../../test/support/signer.ts'
import { makeWorld, start } from '../../test/support/vault-world.ts'
import { type SetStatement, secretsMax } from '../protocol/statement.ts'

const day = 86_400

const openWorld = async () => {
  const world = await makeWorld()
  const { call, signer, project, clock } = world
  const secretOf = async (name: string) => {
    const { secrets } = await call('secret.list', { owner: project })
    return secrets.find((secret) => secret.name === name) ?? assert.fail(name)
  }
  const signed = async (body: Partial<SetStatement['body']>) => {
    const prev = (await secretOf('TOKEN')).head
    const of = { owner: project, name: 'TOKEN', nowSeconds: clock.seconds, prev, body }
    return { owner: project, name: 'TOKEN', ...(await signSet(signer, of)) }
  }
  const set = async (body: Partial<SetStatement['body']>) => call('secret.set', await signed(body))
  return { ...world, secretOf, signed, set }
}

test('what is disabled goes nowhere, and comes back with the value it had', async () => {
  const { put, set, release, restart, signed, call, refused } = await openWorld()
  const made = await put('TOKEN', 'hunter2hunter2')
  assert.deepEqual([made.putAt, made.rotateAfter, made.previousUntil], [start, null, null])
  const statement = await signed({ state: 'disabled' })
  const disabled = await call('secret.set', statement)
  assert.deepEqual([disabled.state, disabled.version, disabled.putAt], ['disabled', 1, start])
  assert.deepEqual(await call('secret.set', statement), disabled, 'a lost answer is asked for again')
  assert.deepEqual((await release()).values, {})
  await restart()
  assert.deepEqual((await release()).values, {}, 'after a restart, too')
  assert.equal((await set({ state: 'active' })).state, 'active')
  assert.deepEqual((await release()).values, { TOKEN: 'hunter2hunter2' })
  await refused('secret.set', statement, 'E_STMT_PREV', 'an older word does not count again')
})

test('what is disabled stays so when others have taken its place: all that are active go to a job', async () => {
  const { put, set, signed, release, refused, call, signer, project, secretOf } = await openWorld()
  await put('TOKEN', 'hunter2hunter2')
  await set({ state: 'disabled' })
  for (let i = 1; i <= secretsMax; i++) await put(`SECRET_${i}`, `value number ${i}`)
  await refused('secret.set', await signed({ state: 'active' }), 'E_TOO_LARGE')
  assert.equal((await release()).payload.secrets.length, secretsMax)
  const { head: prev } = await secretOf('SECRET_1')
  const of = { owner: project, name: 'SECRET_1', nowSeconds: start, prev }
  await call('secret.revoke', { owner: project, name: 'SECRET_1', ...(await signRevoke(signer, of)) })
  await set({ state: 'active' })
  assert.equal((await release()).payload.secrets.length, secretsMax)
})

test('dates are set without the value: what has expired goes nowhere, what is due still goes', async () => {
  const { put, set, release, clock } = await openWorld()
  const made = await put('TOKEN', 'hunter2hunter2', { body: { rotate_after: start + day } })
  assert.deepEqual([made.rotateAfter, made.expiresAt], [start + day, null])
  const changed = await set({ rotate_after: start + 2 * day, expires_at: start + 3 * day })
  assert.deepEqual([changed.rotateAfter, changed.expiresAt], [start + 2 * day, start + 3 * day])
  clock.seconds = start + 2 * day + 1
  assert.deepEqual((await release()).values, { TOKEN: 'hunter2hunter2' }, 'due is not expired')
  clock.seconds = start + 3 * day
  assert.deepEqual((await release()).values, {})
  await set({ expires_at: null })
  assert.deepEqual((await release()).values, { TOKEN: 'hunter2hunter2' })
})

test('nobody sets a secret without a signature, nor one that is not there or revoked', async () => {
  const { put, signed, refused, call, signer, project, clock, secretOf } = await openWorld()
  await put('TOKEN', 'hunter2hunter2')
  const good = await signed({ state: 'disabled' })
  const body = { ...good.statement.body, expires_at: start + day }
  await refused('secret.set', { ...good, statement: { ...good.statement, body } }, 'E_STMT_SIG')
  await refused('secret.set', { ...good, name: 'OTHER' }, 'E_INPUT', 'another name')
  await refused('secret.revoke', good, 'E_INPUT', 'another verb')
  const about = {
    owner: project,
    name: 'TOKEN',
    nowSeconds: clock.seconds,
    prev: (await secretOf('TOKEN')).head,
  }
  const none = await signSet(signer, { ...about, name: 'NONE', prev: null })
  await refused('secret.set', { owner: project, name: 'NONE', ...none }, 'E_NOT_FOUND')
  await call('secret.revoke', { owner: project, name: 'TOKEN', ...(await signRevoke(signer, about)) })
  await refused('secret.set', await signed({ state: 'active' }), 'E_INPUT', 'nothing to come back to')
})

test('the version before goes beside the new one until its time is over', async () => {
  const { put, release, clock, restart, secretOf } = await openWorld()
  const first = await put('TOKEN', 'the value before')
  const overlap = { overlap_until: start + day }
  const second = await put('TOKEN', 'the value after it', { prev: first.head, body: overlap })
  assert.equal(second.previousUntil, start + day)
  const both = { TOKEN: 'the value after it', TOKEN_PREVIOUS: 'the value before' }
  assert.deepEqual((await release()).values, both)
  await restart()
  assert.deepEqual((await release()).values, both, 'after a restart, too')
  clock.seconds = start + day
  assert.deepEqual((await release()).values, { TOKEN: 'the value after it' })
  assert.equal((await secretOf('TOKEN')).previousUntil, null)
  const third = await put('TOKEN', 'the third value', { prev: second.head })
  assert.equal(third.previousUntil, null)
  assert.deepEqual((await release()).values, { TOKEN: 'the third value' }, 'unless asked for, at once')
})

test('the version before goes only where both may go, and no longer than it was good', async () => {
  const { put, release, set, secretOf, clock } = await openWorld()
  const overlap = { overlap_until: start + 9 * day }
  const narrow = { refs: ['refs/heads/release'], events: ['push' as const], min_tier: 'branch' as const }
  const first = await put('TOKEN', 'the value before', { body: { policy: narrow } })
  const second = await put('TOKEN', 'the value after it', { prev: first.head, body: overlap })
  assert.deepEqual((await release()).values, { TOKEN: 'the value after it' }, 'its own policy was narrower')
  const third = await put('TOKEN', 'the third value', {
    prev: second.head,
    body: { ...overlap, policy: narrow },
  })
  assert.deepEqual((await release()).values, {}, 'the policy of the newer one is narrower')
  const short = { expires_at: start + day }
  const fourth = await put('TOKEN', 'the fourth value', { prev: third.head, body: short })
  await put('TOKEN', 'the fifth value', { prev: fourth.head, body: overlap })
  assert.equal((await secretOf('TOKEN')).previousUntil, start + day)
  await put('TOKEN_PREVIOUS', 'a secret of its own')
  const own = { TOKEN: 'the fifth value', TOKEN_PREVIOUS: 'a secret of its own' }
  assert.deepEqual((await release()).values, own, 'what has the name keeps it')
  await set({ state: 'disabled' })
  assert.deepEqual((await release()).values, { TOKEN_PREVIOUS: 'a secret of its own' })
  clock.seconds = start + day
  await set({ state: 'active' })
  assert.deepEqual((await release()).values, own)
})

test('an overlap is short, and a revocation ends it', async () => {
  const { put, make, release, refused, call, signer, project, clock } = await openWorld()
  const first = await put('TOKEN', 'the value before')
  const long = { prev: first.head, body: { overlap_until: start + 91 * day } }
  const bad = await make('TOKEN', 'the value after it', long)
  await refused('secret.put', { owner: project, name: 'TOKEN', ...bad }, 'E_INPUT', 'too long')
  const second = await put('TOKEN', 'the value after it', {
    prev: first.head,
    body: { overlap_until: start + 90 * day },
  })
  const about = { owner: project, name: 'TOKEN', nowSeconds: clock.seconds, prev: second.head }
  const revoked = await call('secret.revoke', {
    owner: project,
    name: 'TOKEN',
    ...(await signRevoke(signer, about)),
  })
  assert.equal(revoked.previousUntil, null)
  assert.deepEqual((await release()).values, {})
  await put('TOKEN', 'a value after it', { prev: revoked.head, body: { overlap_until: start + day } })
  assert.deepEqual(
    (await release()).values,
    { TOKEN: 'a value after it' },
    'of a revoked one nothing is left',
  )
})

test('how often a secret went to jobs is counted by days, over restarts', async () => {
  const { put, release, restart, clock, secretOf } = await openWorld()
  await put('TOKEN', 'hunter2hunter2')
  for (const days of [0, 1, 1, 29]) {
    clock.seconds = start + days * day
    await release()
  }
  assert.deepEqual([(await secretOf('TOKEN')).releasesRecent, (await secretOf('TOKEN')).releases], [4, 4])
  await restart()
  assert.equal((await secretOf('TOKEN')).releasesRecent, 4)
  clock.seconds = start + 30 * day
  assert.equal((await secretOf('TOKEN')).releasesRecent, 3, 'the first was 30 days ago')
  await restart()
  clock.seconds = start + 100 * day
  assert.deepEqual([(await secretOf('TOKEN')).releasesRecent, (await secretOf('TOKEN')).releases], [0, 4])
})
