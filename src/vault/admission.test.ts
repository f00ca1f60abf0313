// Contexts for every project reach those that a signer has admitted, through the verbs that a server and an operator have: what a server
// in foreign hands would try, what is admitted with what, and what an older vault leaves behind.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  countersign,
  enrolSigner,
  makeSigner,
  signAdmission,
  signContext,
  signRule,
} from '../../test/support/signer.ts'
import { makeWorld, newId, start } from '../../test/support/vault-world.ts'
import type { ProjectId } from '../base/ids.ts'
import { contextId } from '../protocol/contexts.ts'
import { admissionsListedMax, admittedMax, policyInContext } from '../protocol/statement.ts'
import { canonicalJson } from '../seal/index.ts'
import type { ProjectRecord, Records } from './store/records.ts'
import { listAdmissions } from './verbs/admission.ts'

const key = (type: string, filler: string) => {
  const blob = Buffer.concat([
    Buffer.from([0, 0, 0, type.length]),
    Buffer.from(type),
    Buffer.from(filler.repeat(9)),
  ])
  return `${type} ${blob.toString('base64')}`
}
const [hostKey, otherKey] = [key('ssh-ed25519', 'abcd'), key('ssh-ed25519', 'wxyz')]
const ssh = (path: string, host = 'git.example.org') => ({
  ...{ kind: 'ssh' as const, url: `ssh://git@${host}/${path}`, host, port: 22, user: 'git', path },
})

/** A world with a context for every project that holds one secret. */
const makeOpen = async () => {
  const world = await makeWorld()
  const { call, signer, org, clock, release, put } = world
  const rules = { projects: '*' as const, refs: ['refs/**'] }
  const { context } = await call('context.put', {
    org,
    ...(await signContext(signer, { org, name: 'open', nowSeconds: clock.seconds, rules })),
  })
  await put('KEY', 'of the context', { owner: context, body: { policy: policyInContext } })
  const contexts = [contextId(org, 'open')]
  const given = (project: ProjectId) => release({ project, contexts })
  const sign = async (body: Parameters<typeof signAdmission>[1]['body'], by = signer) => {
    const { head: prev } = await call('project.admissions', { org })
    return { org, ...(await signAdmission(by, { org, nowSeconds: clock.seconds, prev, body })) }
  }
  const told = async (project: ProjectId) => {
    const { projects } = await call('project.admissions', { org })
    const {
      project: id,
      state: _state,
      signer: _signer,
      source,
      hostKeys,
    } = projects.find((one) => one.project === project)!
    return { project: id, source, host_keys: hostKeys }
  }
  return { ...world, contexts, given, sign, told }
}

test('a project that a server in foreign hands makes is released nothing of a context for every project', async () => {
  const { post, given, project, admit, addProject, call, claimsWith, askSecrets, contexts } = await makeOpen()
  assert.equal((await given(project)).payload.refused?.rule, 'admission', 'nobody admitted it yet')
  await admit()
  assert.deepEqual((await given(project)).values, { KEY: 'of the context' })
  // Its own repository, its own script, an enrolled runner that proves both truly.
  const rogue = await addProject()
  const { payload, values } = await given(rogue)
  assert.deepEqual([payload.refused?.rule, values], ['admission', {}])
  await assert.rejects(
    (await askSecrets(claimsWith({ project: rogue, contexts }))).open(),
    /E_CONTEXT_REFUSED/,
  )
  // Nor is the place of an admitted one handed over with its name.
  await call('project.set', { project, source: { kind: 'local', root: 0, path: 'elsewhere' } })
  assert.equal((await given(project)).payload.refused?.rule, 'admission')
  await call('project.delete', { project })
  const elsewhere = { kind: 'local' as const, root: 1, path: project }
  const anew = await post('project.create', { project, org: claimsWith({}).org, source: elsewhere })
  assert.equal(anew.status, 409, 'an id never comes back')
})

test('a project is admitted with its source and its host keys, in any order; others are others', async () => {
  const { given, addProject, call, org, admit, sign, refused, told } = await makeOpen()
  const project = newId('project')
  await call('project.create', { project, org, source: ssh('team/web.git'), hostKeys: [hostKey] })
  const state = async () =>
    (await call('project.admissions', { org })).projects.find((one) => one.project === project)?.state
  const seen = await told(project)
  assert.match(seen.host_keys[0] ?? '', /^SHA256:[A-Za-z0-9+/]{43}$/)
  for (const [changes, why] of [
    [{ source: ssh('team/other.git') }, 'another path'],
    [{ source: ssh('team/web.git', 'git.example.com') }, 'another host'],
    [
      { source: { ...ssh('team/web.git'), url: 'git@git.example.org:team/web.git' } },
      'another directory of the same name',
    ],
    [{ host_keys: [] }, 'no host key'],
    [{ host_keys: [`SHA256:${'A'.repeat(43)}`] }, 'another host key'],
  ] as const)
    await refused('project.admit', await sign({ admit: [{ ...seen, ...changes }] }), 'E_INPUT', why)
  assert.equal(await state(), 'none')
  await admit(project)
  assert.equal(await state(), 'admitted')
  await call('project.set', { project, hostKeys: [hostKey, otherKey] })
  assert.equal(await state(), 'changed')
  const { payload } = await given(project)
  assert.equal(payload.refused?.rule, 'admission')
  await admit(project)
  await call('project.set', { project, hostKeys: [otherKey, hostKey] })
  assert.equal(await state(), 'admitted', 'the same keys')
  const other = await addProject()
  assert.equal((await given(other)).payload.refused?.rule, 'admission')
})

test('only a signer admits, in order, projects of the organisation; withdrawing ends it, after a restart too', async () => {
  const { given, project, call, org, sign, refused, told, signer, restart } = await makeOpen()
  const admit = [await told(project)]
  const stranger = await makeSigner('stranger')
  await refused('project.admit', await sign({ admit }, stranger), 'E_STMT_SIG')
  const good = await sign({ admit })
  const more = { ...good.statement, body: { ...good.statement.body, withdraw: [newId('project')] } }
  await refused('project.admit', { ...good, statement: more }, 'E_STMT_SIG', 'changed on its way')
  await refused('project.admit', { ...good, org: newId('organisation') }, 'E_INPUT', 'another organisation')
  await refused('project.admit', await sign({}), 'E_INPUT', 'no project')
  await refused(
    'project.admit',
    await sign({ admit: [{ ...admit[0]!, project: newId('project') }] }),
    'E_NOT_FOUND',
  )
  const stale = await signAdmission(signer, { org, nowSeconds: start - 700, body: { admit } })
  await refused('project.admit', { org, ...stale }, 'E_STMT_STALE')
  const done = await call('project.admit', good)
  assert.deepEqual(await call('project.admit', good), done, 'a lost answer is asked for again')
  assert.equal(done.projects[0]?.signer, signer.id)
  await restart()
  assert.deepEqual((await given(project)).values, { KEY: 'of the context' })
  await call('project.admit', await sign({ withdraw: [project] }))
  await restart()
  assert.equal((await given(project)).payload.refused?.rule, 'admission')
  await refused('project.admit', good, 'E_STMT_PREV', 'from before')
})

test('a project of another organisation is not admitted here', async () => {
  const { call, sign, refused } = await makeOpen()
  const [org, project] = [newId('organisation'), newId('project')]
  const source = { kind: 'local' as const, root: 0, path: 'theirs' }
  await call('project.create', { project, org, source })
  await refused('project.admit', await sign({ admit: [{ project, source, host_keys: [] }] }), 'E_NOT_FOUND')
  assert.deepEqual(
    (await call('project.admissions', { org })).projects.map(({ state }) => state),
    ['none'],
  )
})

test('admitting takes two people where loosening does, and withdrawing takes one', async () => {
  const { given, project, call, org, sign, refused, told, signer, clock } = await makeOpen()
  const bob = await makeSigner()
  await enrolSigner(call, bob)
  await call('signer.person', { signer: signer.id, person: 'ada' })
  await call('signer.person', { signer: bob.id, person: 'bob' })
  await call('rules.set', { org, ...(await signRule(signer, { org, twoPerson: true, nowSeconds: start })) })
  const alone = await sign({ admit: [await told(project)] })
  await refused('project.admit', alone, 'E_STMT_SECOND')
  const second = await countersign(bob, { statement: alone.statement, nowSeconds: clock.seconds })
  await call('project.admit', { ...alone, second })
  assert.deepEqual((await given(project)).values, { KEY: 'of the context' })
  await call('project.admit', await sign({ admit: [await told(project)] }))
  await call('project.admit', await sign({ withdraw: [project] }))
  await refused(
    'project.admit',
    await sign({ admit: [await told(project)] }),
    'E_STMT_SECOND',
    'not given back',
  )
})

test('a vault of before admits what it finds once, and never again', async () => {
  const { given, project, addProject, call, org, options, restart, current } = await makeOpen()
  const rogue = await addProject()
  await restart()
  assert.equal((await given(rogue)).payload.refused?.rule, 'admission', 'not at each start')
  // As a vault from before leaves its store: nothing about admissions.
  await current.vault.close()
  for (const kind of ['admission', 'upgrade'])
    await rm(join(options.dataDir, 'store', kind), { recursive: true })
  await restart()
  assert.deepEqual((await given(project)).values, { KEY: 'of the context' })
  const { projects, head } = await call('project.admissions', { org })
  assert.deepEqual(
    projects.map(({ state, signer }) => [state, signer]),
    [
      ['admitted', null],
      ['admitted', null],
    ],
  )
  assert.equal(head, null)
  const late = await addProject()
  await restart()
  assert.equal((await given(late)).payload.refused?.rule, 'admission')
})

test('of more projects than one answer lists none that is admitted is left out, nor one that was and has changed', () => {
  const org = newId('organisation')
  const made = Array.from({ length: admissionsListedMax + 100 }, () => newId('project'))
  const projects = made.map((project) => {
    // SAFE: only what admissions are about is looked at.
    return { project, org, source: ssh(`team/${project}.git`), hostKeys: [] } as unknown as ProjectRecord
  })
  const last = projects.slice(-admittedMax).map(({ project, source }, i) => {
    const admitted = canonicalJson({ source: i === 0 ? ssh('elsewhere.git') : source, host_keys: [] })
    return { project, source: createHash('sha256').update(admitted).digest('hex'), signer: null }
  })
  const records = {
    list: () => projects,
    find: () => ({ org, projects: last, head: null }),
  } as unknown as Records
  const told = listAdmissions({ records }, { org })
  const states = told.projects.map(({ state }) => state)
  assert.equal(states.filter((state) => state === 'admitted').length, admittedMax - 1)
  assert.equal(states.filter((state) => state === 'changed').length, 1)
  assert.equal(told.projects.length, admissionsListedMax)
})
