// What a server that somebody has taken over says to the vault on its own socket, beside what it has kept of what people signed: none of it
// brings about more than they meant.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signContext, signRevoke, signSet } from '../../test/support/signer.ts'
import { makeWorld, newId, start } from '../../test/support/vault-world.ts'
import type { ProjectId } from '../base/ids.ts'
import type { ContextRules } from '../protocol/contexts.ts'
import { type PutStatement, policyInContext, type SetStatement } from '../protocol/statement.ts'

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

test('whoever puts a new value under the rules that there are is not shown wider ones', async () => {
  const { refused, make, put, call, project, release } = await makeWorld()
  const keeps = ['kind', 'refs', 'events', 'min_tier', 'freshness', 'expires_at'] as const
  const { head: prev, policy } = await put('TOKEN', 'hunter2hunter2', { body: { expires_at: start + 60 } })
  const lies: Record<string, Partial<PutStatement['body']>> = {
    refs: { policy: { ...policy, refs: ['refs/heads/**'] } },
    events: { policy: { ...policy, events: ['push', 'manual', 'api'] } },
    freshness: { policy: { ...policy, freshness: 'tip' } },
    kind: { kind: 'file' },
    expiry: { expires_at: null },
  }
  const told = { expires_at: start + 60, keeps }
  for (const [why, lie] of Object.entries(lies)) {
    const signed = await make('TOKEN', 'of tomorrow', { prev, body: { ...told, ...lie } })
    await refused('secret.put', { owner: project, name: 'TOKEN', ...signed }, 'E_STMT_KEPT', why)
  }
  const unknown = await make('OTHER', 'of tomorrow', { body: { keeps: ['kind'] } })
  await refused('secret.put', { owner: project, name: 'OTHER', ...unknown }, 'E_STMT_KEPT', 'there is none')
  assert.deepEqual((await release()).values, { TOKEN: 'hunter2hunter2' })
  const events = [...policy.events].reverse()
  await put('TOKEN', 'of tomorrow', { prev, body: { ...told, policy: { ...policy, events } } })
  assert.deepEqual((await release()).values, { TOKEN: 'of tomorrow' }, 'in another order it is the same')
  assert.equal((await call('secret.list', { owner: project })).secrets[0]?.version, 2)
})

test('an SSH key signs for the hosts that it had, whatever the server showed', async () => {
  const { refused, make, put, project } = await makeWorld()
  const [host, thief] = ['git', 'thief'].map((name) => `${name}.example ssh-ed25519 ${'A'.repeat(68)}`)
  const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n'
  const of = (hosts: readonly (string | undefined)[], prev: string | null) => ({
    prev,
    body: { kind: 'ssh' as const, hosts: hosts as string[], ...(prev && { keeps: ['hosts'] as const }) },
  })
  const { head: prev } = await put('KEY', key, of([host], null))
  const shown = await make('KEY', key, of([host, thief], prev))
  await refused('secret.put', { owner: project, name: 'KEY', ...shown }, 'E_STMT_KEPT')
  await put('KEY', key, of([host], prev))
})

test('whoever changes a date enables nothing, and makes nothing last longer', async () => {
  const { call, refused, put, signer, project, clock } = await makeWorld()
  const { head } = await put('TOKEN', 'hunter2hunter2')
  const signed = async (prev: string, body: Partial<SetStatement['body']>) => {
    const of = { owner: project, name: 'TOKEN', nowSeconds: clock.seconds, prev, body }
    return { owner: project, name: 'TOKEN', ...(await signSet(signer, of)) }
  }
  const off = await call(
    'secret.set',
    await signed(head, { state: 'disabled', expires_at: start + 60, keeps: ['rotate_after'] }),
  )
  const due = { rotate_after: start + 9, keeps: ['state', 'expires_at'] as const }
  const kept = { state: 'disabled' as const, expires_at: start + 60 }
  await refused('secret.set', await signed(off.head, { ...kept, ...due, state: 'active' }), 'E_STMT_KEPT')
  await refused('secret.set', await signed(off.head, { ...kept, ...due, expires_at: null }), 'E_STMT_KEPT')
  const set = await call('secret.set', await signed(off.head, { ...kept, ...due }))
  assert.deepEqual([set.state, set.expiresAt, set.rotateAfter], ['disabled', start + 60, start + 9])
})

test('whoever changes one rule of a context lets no project in by another', async () => {
  const { call, refused, signer, project, org, clock, addProject } = await makeWorld()
  const of = { org, name: 'deploy', nowSeconds: clock.seconds }
  const { head: prev } = await call('context.put', {
    org,
    ...(await signContext(signer, { ...of, rules: { projects: [project], roles: ['owner'] } })),
  })
  const thief = await addProject()
  const keeps = ['projects', 'roles'] as const
  const refs = ['refs/heads/main']
  const shown: Partial<ContextRules>[] = [
    { projects: [project, thief], roles: ['owner'] },
    { projects: '*', roles: ['owner'] },
    { projects: [project], roles: null },
  ]
  for (const rules of shown) {
    const signed = await signContext(signer, { ...of, prev, rules: { ...rules, refs }, keeps })
    await refused('context.put', { org, ...signed }, 'E_STMT_KEPT')
  }
  const rules = { projects: [project], roles: ['owner' as const], refs }
  const set = await call('context.put', {
    org,
    ...(await signContext(signer, { ...of, prev, rules, keeps })),
  })
  assert.deepEqual([set.projects, set.refs, set.roles], [[project], refs, ['owner']])
})

test('which branch is the default one is not said anew for each job', async () => {
  const { call, release, signer, project, org, clock, put, addProject, restart } = await makeWorld()
  const of = { org, name: 'deploy', nowSeconds: clock.seconds }
  const told = newId('project')
  const source = { kind: 'local' as const, root: 0, path: told }
  await call('project.create', { project: told, org, source, defaultRef: 'refs/heads/main' })
  const rules = { projects: [project, told] }
  const { context } = await call('context.put', { org, ...(await signContext(signer, { ...of, rules })) })
  await put('KEY', 'of the context', { owner: context, body: { policy: policyInContext } })
  const main = 'refs/heads/main'
  const given = async (id: ProjectId, ref: string, defaultRef?: string) => {
    const at = { project: id, contexts: [context], ref, default_ref: defaultRef }
    const { values, payload } = await release(at)
    return values.KEY ?? payload.refused?.rule
  }
  assert.equal(await given(told, 'refs/heads/mine', 'refs/heads/mine'), 'ref', 'it was said when it was made')
  assert.equal(
    await given(project, main, main),
    'of the context',
    'of one from before it is what it was first',
  )
  for (const id of [project, told]) {
    await restart()
    assert.equal(await given(id, 'refs/heads/mine', 'refs/heads/mine'), 'ref')
    assert.equal(await given(id, 'refs/heads/mine'), 'ref')
    assert.equal(await given(id, main, 'refs/heads/mine'), 'of the context')
  }
  assert.equal(await given(await addProject(), main, main), 'project')
})

test('a project is the repository that its signer knows, or nothing is put', async () => {
  const { call, refused, make, org } = await makeWorld()
  const ssh = (path: string) => {
    const at = { host: 'git.example.org', port: 22, user: 'git', path: `/${path}` }
    return { kind: 'ssh' as const, url: `ssh://git@git.example.org/${path}`, ...at }
  }
  const [mine, thiefs] = [ssh('team/web.git'), ssh('thief/web.git')]
  const of = async (source: typeof mine, repository: string) => {
    const owner = newId('project')
    await call('project.create', { project: owner, org, source })
    return {
      owner,
      name: 'TOKEN',
      ...(await make('TOKEN', 'hunter2hunter2', { owner, body: { repository } })),
    }
  }
  await refused('secret.put', await of(thiefs, mine.url), 'E_REPO_MISMATCH', 'another id for its name')
  const put = await of(mine, mine.url)
  await call('project.set', { project: put.owner, source: thiefs })
  await refused('secret.put', put, 'E_REPO_MISMATCH', 'moved while it was under way')
  await call('project.set', { project: put.owner, source: mine })
  assert.equal((await call('secret.put', put)).version, 1)
  const local = newId('project')
  await call('project.create', { project: local, org, source: { kind: 'local', root: 0, path: 'a' } })
  const odd = await make('TOKEN', 'hunter2hunter2', { owner: local, body: { repository: mine.url } })
  await refused('secret.put', { owner: local, name: 'TOKEN', ...odd }, 'E_REPO_MISMATCH')
})
