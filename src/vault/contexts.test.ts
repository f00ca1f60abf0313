// Contexts through the verbs of a real vault: who may make one, whose jobs get what it holds, and what must not work.
// P-47: the matrix of project, ref and role, judged at every release.
import assert from 'node:assert/strict'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeSigner, signContext, signContextDelete, signRevoke } from '../../test/support/signer.ts'
import { makeWorld, newId, start } from '../../test/support/vault-world.ts'
import { type ContextRules, contextId, contextsMax, refusalBy } from '../protocol/contexts.ts'
import { policyInContext } from '../protocol/statement.ts'

const body = { policy: policyInContext }

/** A world with one context, for one project unless it is said otherwise. */
const makeContexts = async () => {
  const world = await makeWorld()
  const { call, signer, org, clock, release, project } = world
  const putContext = async (name: string, rules: Partial<ContextRules> = {}, prev: string | null = null) =>
    call('context.put', {
      org,
      ...(await signContext(signer, { org, name, nowSeconds: clock.seconds, prev, rules })),
    })
  const forProject = { projects: [project], refs: ['refs/heads/main'] }
  const releaseWith = (names: readonly string[], changes: Parameters<typeof release>[0] = {}) =>
    release({ contexts: names.map((name) => contextId(org, name)), ...changes })
  return { ...world, putContext, forProject, releaseWith }
}

test('what a context holds reaches jobs that name it, and no others; after a restart too', async () => {
  const { putContext, forProject, put, release, releaseWith, restart, options } = await makeContexts()
  const { context } = await putContext('deploy', forProject)
  await put('TOKEN', 'of the project')
  await put('KEY', 'of the context', { owner: context, body })
  assert.deepEqual((await release()).values, { TOKEN: 'of the project' })
  await restart()
  const { values, payload } = await releaseWith(['deploy'])
  assert.deepEqual(values, { KEY: 'of the context', TOKEN: 'of the project' })
  assert.equal(typeof payload.canary, 'string')
  const audit = (await readFile(join(options.dataDir, 'audit.log'), 'utf8')).trim().split('\n')
  const { contexts, secrets } = JSON.parse(audit.at(-1) ?? '')
  assert.deepEqual([contexts, secrets], [context, 'KEY TOKEN'])
})

test('a later context goes before an earlier one, and all of them before the project', async () => {
  const { putContext, forProject, put, releaseWith } = await makeContexts()
  const one = (await putContext('one', forProject)).context
  const two = (await putContext('two', forProject)).context
  await put('SAME', 'of the project')
  await put('SAME', 'of the first', { owner: one, body })
  await put('SAME', 'of the second', { owner: two, body })
  assert.equal((await releaseWith(['one', 'two'])).values.SAME, 'of the second')
  assert.equal((await releaseWith(['two', 'one'])).values.SAME, 'of the first')
  assert.equal((await releaseWith([])).values.SAME, 'of the project')
})

test('a secret of a context has a policy of its own beside the rules of the context', async () => {
  const { putContext, put, releaseWith, project, clock } = await makeContexts()
  const { context } = await putContext('deploy', { projects: [project], refs: ['refs/**'] })
  await put('MAIN', 'only for main', {
    owner: context,
    body: { policy: { ...policyInContext, refs: ['refs/heads/main'] }, expires_at: start + 10 },
  })
  const of = async (ref: string) => Object.keys((await releaseWith(['deploy'], { ref })).values)
  assert.deepEqual(await of('refs/heads/main'), ['MAIN'])
  assert.deepEqual(await of('refs/heads/other'), [])
  clock.seconds += 10
  assert.deepEqual(await of('refs/heads/main'), [])
})

test('project, ref and role: one rule that refuses is enough, and then nothing at all goes out (P-47)', async () => {
  const { putContext, put, releaseWith, project, addProject, admit, org } = await makeContexts()
  const rules = { projects: [project], refs: ['default', 'refs/tags/v*'], roles: ['owner'] as const }
  const { context } = await putContext('deploy', rules)
  await putContext('open', { projects: '*', refs: ['refs/**'] })
  await put('TOKEN', 'of the project')
  await put('KEY', 'of the context', { owner: context, body })
  const other = await addProject()
  await admit()
  const good = { ref: 'refs/heads/main', default_ref: 'refs/heads/main', role: 'owner' }
  const values = (changes: object) => releaseWith(['open', 'deploy'], { ...good, ...changes })
  for (const elsewhere of ['refs/heads/trunk', undefined])
    assert.equal((await values({ default_ref: elsewhere })).payload.refused?.rule, 'ref')
  assert.deepEqual(Object.keys((await values({})).values), ['KEY', 'TOKEN'])
  assert.deepEqual(Object.keys((await values({ ref: 'refs/tags/v1', event: 'push' })).values), ['KEY'])
  const refused: readonly (readonly [rule: string, changes: object])[] = [
    ['project', { project: other }],
    ['ref', { ref: 'refs/heads/feature' }],
    ['ref', { ref: 'refs/tags/w1' }],
    ['person', { role: 'developer' }],
    ['person', { role: 'viewer' }],
    ['person', { role: undefined }],
  ]
  for (const [rule, changes] of refused) {
    const { payload } = await values(changes)
    const expected = { agent: null, secrets: [], refused: { context, rule } }
    assert.deepEqual(payload, expected, `${rule} ${JSON.stringify(changes)}`)
  }
  const { payload } = await releaseWith(['nowhere'])
  assert.deepEqual(payload.refused, { context: contextId(org, 'nowhere'), rule: 'unknown' })
})

test('rules are judged when something is released, not when they were written', async () => {
  const { putContext, put, releaseWith, forProject } = await makeContexts()
  const first = await putContext('deploy', forProject)
  await put('KEY', 'of the context', { owner: first.context, body })
  assert.deepEqual((await releaseWith(['deploy'])).values, { KEY: 'of the context' })
  const second = await putContext('deploy', { ...forProject, projects: [] }, first.head)
  assert.deepEqual([second.version, second.context], [2, first.context])
  assert.equal((await releaseWith(['deploy'])).payload.refused?.rule, 'project')
  await putContext('deploy', forProject, second.head)
  assert.deepEqual((await releaseWith(['deploy'])).values, { KEY: 'of the context' })
})

test('a new context is for no project, and its refs are the default branch', async () => {
  const { putContext, releaseWith, project } = await makeContexts()
  const made = await putContext('new')
  assert.deepEqual([made.projects, made.refs, made.roles], [[], ['default'], null])
  assert.equal((await releaseWith(['new'])).payload.refused?.rule, 'project')
  await putContext('new', { projects: [project] }, made.head)
  const at = { default_ref: 'refs/heads/main' }
  assert.equal((await releaseWith(['new'], at)).payload.refused, undefined)
})

test('only a signer changes rules, in order, for the context that the statement is about', async () => {
  const { putContext, refused, signer, org, call } = await makeContexts()
  const { head } = await putContext('deploy')
  const sign = (by = signer, more: object = {}) =>
    signContext(by, { org, name: 'deploy', nowSeconds: start, prev: head, ...more })
  const stranger = await makeSigner('stranger')
  await refused('context.put', { org, ...(await sign(stranger)) }, 'E_STMT_SIG')
  await refused('context.put', { org, ...(await sign(signer, { prev: null })) }, 'E_STMT_PREV')
  await refused('context.put', { org: newId('organisation'), ...(await sign()) }, 'E_INPUT', 'another org')
  await refused('context.put', { org, ...(await sign(signer, { nowSeconds: start - 700 })) }, 'E_STMT_STALE')
  const signed = await sign()
  const widened = { ...signed.statement, body: { ...signed.statement.body, projects: '*' } }
  await refused('context.put', { org, ...signed, statement: widened }, 'E_STMT_SIG', 'changed on its way')
  for (const name of ['', ' x', 'a/b', 'x'.repeat(65), 'a\nb'])
    await refused('context.put', { org, ...(await sign(signer, { name, prev: null })) }, 'E_INPUT', name)
  for (const rules of [{ refs: [] }, { refs: ['main'] }, { roles: [] }, { roles: ['viewer'] }])
    await refused(
      'context.put',
      { org, ...(await sign(signer, { rules })) },
      'E_INPUT',
      JSON.stringify(rules),
    )
  // A lost answer may be asked for again.
  const again = await call('context.put', { org, ...signed })
  assert.deepEqual(await call('context.put', { org, ...signed }), again)
})

test('a deleted context lets nobody in, and made anew it has none of its secrets', async () => {
  const { putContext, put, make, releaseWith, forProject, call, refused, signer, org } = await makeContexts()
  const { context, head } = await putContext('deploy', forProject)
  const first = await make('KEY', 'of the context', { owner: context, body })
  await call('secret.put', { owner: context, name: 'KEY', ...first })
  const gone = await signContextDelete(signer, { context, nowSeconds: start, prev: head })
  const deleted = await call('context.delete', { context, ...gone })
  assert.deepEqual([deleted.state, deleted.version], ['deleted', 2])
  assert.equal((await releaseWith(['deploy'])).payload.refused?.rule, 'unknown')
  await refused('secret.list', { owner: context }, 'E_NOT_FOUND')
  await refused('secret.put', { owner: context, name: 'KEY', ...first }, 'E_NOT_FOUND')
  const replayed = await signContext(signer, { org, name: 'deploy', nowSeconds: start, rules: forProject })
  await refused('context.put', { org, ...replayed }, 'E_STMT_PREV', 'from before')
  await putContext('deploy', forProject, deleted.head)
  assert.deepEqual((await releaseWith(['deploy'])).values, {})
  const [old] = (await call('secret.list', { owner: context })).secrets
  assert.equal(old?.state, 'revoked')
  // The same statement as before brings nothing back.
  await call('secret.put', { owner: context, name: 'KEY', ...first })
  assert.deepEqual((await releaseWith(['deploy'])).values, {})
  await put('KEY', 'a new value', { owner: context, body, prev: old?.head ?? null })
  assert.deepEqual((await releaseWith(['deploy'])).values, { KEY: 'a new value' })
})

test('a context whose deletion broke off in the middle works again when it is made anew', async () => {
  const { putContext, put, releaseWith, forProject, call, post, signer, org, options, restart } =
    await makeContexts()
  const { context, head } = await putContext('deploy', forProject)
  const first = await put('A_KEY', 'of the context', { owner: context, body })
  await put('KEY', 'of the context', { owner: context, body })
  // The disk refuses what comes after the record of the context: as much is done as when the vault is killed there.
  const path = join(options.dataDir, 'values', `${first.secret}.1`)
  await rm(path)
  await mkdir(join(path, 'in the way'), { recursive: true })
  const gone = await signContextDelete(signer, { context, nowSeconds: start, prev: head })
  assert.equal((await post('context.delete', { context, ...gone })).status, 500)
  await rm(path, { recursive: true })
  await restart()
  const [deleted] = (await call('context.list', { org })).contexts
  await putContext('deploy', forProject, deleted?.head ?? null)
  assert.deepEqual((await releaseWith(['deploy'])).values, {})
  const { secrets } = await call('secret.list', { owner: context })
  assert.deepEqual(
    secrets.map(({ name, state }) => [name, state]),
    [
      ['A_KEY', 'revoked'],
      ['KEY', 'revoked'],
    ],
  )
  await put('KEY', 'a new value', { owner: context, body, prev: secrets[1]?.head ?? null })
  assert.deepEqual((await releaseWith(['deploy'])).values, { KEY: 'a new value' })
})

test('a secret of one context opens as none of another, nor as one of a project', async () => {
  const { putContext, put, make, refused, releaseWith, forProject, options, restart } = await makeContexts()
  const [one, two] = [
    (await putContext('one', forProject)).context,
    (await putContext('two', forProject)).context,
  ]
  const meant = await make('KEY', 'of the first', { owner: one, body })
  await refused('secret.put', { owner: two, name: 'KEY', ...meant }, 'E_INPUT', 'another owner')
  const a = await put('KEY', 'of the first', { owner: one, body })
  const b = await put('KEY', 'of the second', { owner: two, body })
  const { copyFile } = await import('node:fs/promises')
  const path = (id: string) => join(options.dataDir, 'values', `${id}.1`)
  await copyFile(path(a.secret), path(b.secret))
  await restart()
  await assert.rejects(releaseWith(['two']), /E_STORE_TAMPERED/)
})

test('revoked secrets of a context reach nobody; contexts are counted', async () => {
  const { putContext, put, releaseWith, forProject, call, signer, refused, org } = await makeContexts()
  const { context } = await putContext('deploy', forProject)
  const { head } = await put('KEY', 'of the context', { owner: context, body })
  const revoke = await signRevoke(signer, { owner: context, name: 'KEY', nowSeconds: start, prev: head })
  await call('secret.revoke', { owner: context, name: 'KEY', ...revoke })
  assert.deepEqual((await releaseWith(['deploy'])).values, {})
  for (let i = 1; i < contextsMax; i++) await putContext(`c${i}`)
  const more = await signContext(signer, { org, name: 'one more', nowSeconds: start })
  await refused('context.put', { org, ...more }, 'E_TOO_LARGE')
  const { contexts } = await call('context.list', { org })
  assert.equal(contexts.length, contextsMax)
  // What was deleted makes room, and takes it when it is made anew.
  const [gone] = contexts
  assert.ok(gone)
  const about = { context: gone.context, nowSeconds: start, prev: gone.head }
  const deleted = await call('context.delete', {
    context: gone.context,
    ...(await signContextDelete(signer, about)),
  })
  await call('context.put', { org, ...more })
  assert.equal((await call('context.list', { org })).contexts.length, contextsMax + 1)
  const anew = await signContext(signer, { org, name: gone.name, nowSeconds: start, prev: deleted.head })
  await refused('context.put', { org, ...anew }, 'E_TOO_LARGE', 'made anew')
  assert.deepEqual((await call('context.list', { org: newId('organisation') })).contexts, [])
})

test('rules that name nothing admit nothing', () => {
  const use = {
    project: newId('project'),
    isAdmitted: true,
    ref: 'refs/heads/main',
    defaultRef: 'refs/heads/main',
    role: 'owner',
  }
  assert.equal(refusalBy(null, use), 'unknown')
  assert.equal(refusalBy({ projects: [], refs: ['refs/**'], roles: null }, use), 'project')
  assert.equal(refusalBy({ projects: '*', refs: ['refs/**'], roles: null }, use), null)
  const stranger = { ...use, isAdmitted: false }
  assert.equal(refusalBy({ projects: '*', refs: ['refs/**'], roles: null }, stranger), 'admission')
  assert.equal(refusalBy({ projects: [use.project], refs: ['refs/**'], roles: null }, stranger), null)
  assert.equal(
    refusalBy({ projects: '*', refs: ['refs/heads/*'], roles: null }, { ...use, ref: 'refs/heads/a/b' }),
    'ref',
  )
})
