// What a server that somebody has taken over says to the vault on its own socket, beside what it has kept of what people signed: none of it
// brings about more than they meant.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signRevoke } from '../../test/support/signer.ts'
import { makeWorld } from '../../test/support/vault-world.ts'

test('a project is not made anew at another place, where what was said about its secrets would count once more', async () => {
  const { call, refused, post, make, signer, project, org, clock, restart, claimsWith, askSecrets } =
    await makeWorld()
  const put = { owner: project, name: 'TOKEN', ...(await make('TOKEN', 'hunter2hunter2')) }
  const { head: prev } = await call('secret.put', put)
  const about = { owner: project, name: 'TOKEN', nowSeconds: clock.seconds, prev }
  await call('secret.revoke', { owner: project, name: 'TOKEN', ...(await signRevoke(signer, about)) })
  await refused('secret.put', put, 'E_STMT_PREV', 'said once more')
  await call('project.delete', { project })
  const elsewhere = { project, org, source: { kind: 'local', root: 0, path: 'of-the-thief' } }
  await refused('project.create', elsewhere, 'E_CONFLICT')
  await refused('secret.put', put, 'E_NOT_FOUND', 'its statement is not a minute old')
  await restart()
  await refused('project.create', elsewhere, 'E_CONFLICT', 'after a restart, too')
  await refused('project.delete', { project }, 'E_NOT_FOUND')
  await assert.rejects((await askSecrets(claimsWith({}))).open(), /E_NOT_FOUND/)
  assert.equal((await post('project.create', { ...elsewhere, project: undefined })).status, 400)
})

test('what a signer put is ended by nobody without a signature', async () => {
  const { call, refused, put, release, project } = await makeWorld()
  await put('TOKEN', 'hunter2hunter2')
  await refused('project.delete', { project }, 'E_CONFLICT')
  assert.deepEqual((await release()).values, { TOKEN: 'hunter2hunter2' })
  assert.equal((await call('secret.list', { owner: project })).secrets.length, 1)
})
