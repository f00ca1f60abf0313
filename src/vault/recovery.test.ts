// When signers lost their keys: what the operator can mend on the vault's admin socket, and what nobody can on the server's.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  countersign,
  enrolSigner,
  makeSigner,
  signContext,
  signPut,
  signRule,
} from '../../test/support/signer.ts'
import { makeWorld, newId } from '../../test/support/vault-world.ts'
import { contextId } from '../protocol/contexts.ts'

test('the only signer lost the key: the operator ends it, a new one goes on where it stopped, and what was signed holds', async () => {
  const { call, signer: lost, put, make, refused, project, release, clock, restart } = await makeWorld()
  const made = await put('TOKEN', 'hunter2hunter2')
  const ended = await call('signer.lost', { signer: lost.id })
  assert.deepEqual([ended.state, ended.signer], ['removed', lost.id])
  assert.deepEqual(await call('signer.lost', { signer: lost.id }), ended, 'said once more')
  await restart()
  const late = await make('TOKEN', 'of the finder', { prev: made.head })
  await refused(
    'secret.put',
    { owner: project, name: 'TOKEN', ...late },
    'E_STMT_SIG',
    'whoever found the key',
  )
  assert.deepEqual((await release()).values, { TOKEN: 'hunter2hunter2' }, 'jobs go on')
  const anew = await makeSigner('the next laptop')
  await enrolSigner(call, anew)
  const next = await signPut(call, anew, {
    ...{ owner: project, name: 'TOKEN', value: 'hunter3hunter3', nowSeconds: clock.seconds, prev: made.head },
  })
  await call('secret.put', { owner: project, name: 'TOKEN', ...next })
  assert.deepEqual((await release()).values, { TOKEN: 'hunter3hunter3' })
  const { code } = await call('signer.code', {})
  assert.ok(code)
  await assert.rejects(enrolSigner(call, lost), /E_CONFLICT/, 'a lost key never comes back')
})

test('the server has no such verb, and an unknown key is none', async () => {
  const { call, signer, current, refused } = await makeWorld()
  const { status } = await current.vault.handleServer({
    ...{ method: 'POST', path: '/v1/signer.lost', headers: { 'content-type': 'application/json' } },
    body: (async function* () {
      yield new TextEncoder().encode(JSON.stringify({ signer: signer.id }))
    })(),
  })
  assert.equal(status, 404)
  assert.equal((await call('signer.list', {})).signers[0]?.state, 'active')
  await refused('signer.lost', { signer: newId('signer') }, 'E_NOT_FOUND')
})

test('one of two people lost the key where two are demanded: nobody loosens until the operator has named the new one', async () => {
  const { call, signer: ada, org, project, refused, clock } = await makeWorld()
  const nowSeconds = clock.seconds
  const [bob, next] = [await makeSigner(), await makeSigner()]
  await enrolSigner(call, bob)
  await call('signer.person', { signer: ada.id, person: 'ada' })
  await call('signer.person', { signer: bob.id, person: 'bob' })
  const made = await call('context.put', {
    org,
    ...(await signContext(ada, { org, name: 'deploy', nowSeconds })),
  })
  await call('rules.set', { org, ...(await signRule(ada, { org, twoPerson: true, nowSeconds })) })
  const rules = { projects: [project] }
  const wide = await signContext(ada, { org, name: 'deploy', nowSeconds, prev: made.head, rules })
  const bobs = await countersign(bob, { statement: wide.statement, nowSeconds })
  await call('signer.lost', { signer: bob.id })
  await refused('context.put', { org, ...wide, second: bobs }, 'E_STMT_SIG', 'what the lost one said')
  await enrolSigner(call, next)
  const second = await countersign(next, { statement: wide.statement, nowSeconds })
  await refused('context.put', { org, ...wide, second }, 'E_STMT_SECOND', 'of nobody named')
  await call('signer.person', { signer: next.id, person: 'bob' })
  assert.deepEqual((await call('context.put', { org, ...wide, second })).context, contextId(org, 'deploy'))
})
