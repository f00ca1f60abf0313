// Who can reach a secret, who knows it, and what is set without its value: through the use cases, over a real vault.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, openParts } from '../../../test/support/parts.ts'
import {
  type CallVault,
  enrolSigner,
  makeSigner,
  signContext,
  signPut,
  signSet,
} from '../../../test/support/signer.ts'
import { isFault } from '../../base/faults.ts'
import { parseId } from '../../base/ids.ts'
import { policyInContext, type SecretOwner } from '../../protocol/statement.ts'
import { type Actor, scopeOfOrganisation } from '../access/actor.ts'
import type { Role } from '../access/roles.ts'
import { createContexts } from '../contexts/contexts.ts'
import type { SecretsOf } from '../use-cases.ts'
import { createSecrets } from './secrets.ts'

const parts = await openParts()
const [secrets, contexts] = [createSecrets(parts), createContexts(parts)]
const call: CallVault = (verb, request) =>
  verb === 'signer.code' ? parts.admin(verb, request) : parts.vault.call(verb, request)
const signer = await makeSigner()
await enrolSigner(call, signer)
const nowSeconds = Math.floor(parts.clock.now() / 1000)
const json = <T>(value: T) => JSON.parse(JSON.stringify(value))
const refuses = (work: Promise<unknown>, code: Parameters<typeof isFault>[1]) =>
  assert.rejects(work, (error) => isFault(error, code) || assert.fail(String(error)))

const person = async (name: string, role: Role): Promise<Actor & { readonly user: string }> => {
  const user = parts.newId('user')
  await sql`
    insert into users (id, organisation_id, name, email, role)
    values (${user}, ${parts.organisation}, ${name}, ${`${user}@example.org`}, ${role})`.execute(parts.db)
  const { scope } = parts
  return {
    kind: 'user',
    user,
    session: parts.newId('session'),
    name,
    email: 'x@y',
    role,
    scope,
    provedAgoMs: 0,
  }
}
const [ada, dan, vic] = [
  await person('Ada', 'owner'),
  await person('Dan', 'developer'),
  await person('Vic', 'viewer'),
]

type Made = Omit<Parameters<typeof signPut>[2], 'nowSeconds' | 'owner' | 'name' | 'value'>
const put = async (
  by: Actor,
  of: SecretsOf & { readonly owner: SecretOwner; readonly name: string },
  more: Made = {},
) =>
  secrets.put(
    by,
    of,
    json(
      await signPut(call, signer, {
        owner: of.owner,
        name: of.name,
        value: 'some value',
        nowSeconds,
        ...more,
      }),
    ),
  )
const viewsIn = async (of: SecretsOf, view: 'unused' | 'overdue' | 'broad' | 'left') =>
  (await secrets.list(ada, of, view)).items.map(({ name }) => name)

test('a secret of a project is reached by its branch, and by those who may start or rerun there', async () => {
  const project = await addLocalProject(parts, 'web')
  const of = { project, owner: project, name: 'TOKEN' }
  await put(ada, of)
  const reach = await secrets.reach(ada, { project }, 'TOKEN')
  assert.deepEqual(reach.jobs, [{ project: 'web', ref: 'refs/heads/main', events: ['push', 'manual'] }])
  assert.deepEqual(
    reach.people.map(({ name, kind }) => [name, kind]),
    [
      ['Ada', 'member'],
      ['Dan', 'member'],
    ],
  )
  assert.deepEqual([reach.blocked, reach.context, reach.more_jobs], [null, null, false])
  assert.deepEqual(
    reach.signers.map(({ id }) => id),
    [signer.id],
  )
  await refuses(secrets.reach(ada, { project }, 'NONE'), 'E_NOT_FOUND')
})

test('what ran on other branches and tags is told where the policy takes it, by its own events', async () => {
  const project = await addLocalProject(parts, 'refs')
  for (const ref of ['refs/heads/topic', 'refs/tags/v1'])
    await parts.runs.startRun(parts.actor, { project, ref })
  const policy = {
    refs: ['refs/heads/topic', 'refs/tags/*'],
    events: ['push' as const, 'tag' as const],
    min_tier: 'branch' as const,
  }
  await put(ada, { project, owner: project, name: 'TOKEN' }, { body: { policy } })
  assert.deepEqual((await secrets.reach(ada, { project }, 'TOKEN')).jobs, [
    { project: 'refs', ref: 'refs/heads/topic', events: ['push'] },
    { project: 'refs', ref: 'refs/tags/v1', events: ['tag'] },
  ])
  assert.deepEqual(await viewsIn({ project }, 'broad'), ['TOKEN'], 'any tag is anybody’s')
})

test('rules of a context decide by project, branch and role', async () => {
  const project = await addLocalProject(parts, 'ctx')
  const rules = { projects: [project], roles: ['owner' as const] }
  const made = await contexts.create(
    ada,
    json(await signContext(signer, { org: parts.organisation, name: 'deploy', nowSeconds, rules })),
  )
  const owner = parseId('context', made.id)!
  const of = { context: 'deploy', owner, name: 'TOKEN' }
  await put(ada, of, { body: { policy: policyInContext } })
  const reach = await secrets.reach(ada, { context: 'deploy' }, 'TOKEN')
  assert.deepEqual(
    reach.jobs.map(({ project: name, ref }) => [name, ref]),
    [['ctx', 'refs/heads/main']],
  )
  assert.deepEqual(
    reach.people.map(({ name }) => name),
    ['Ada'],
  )
  assert.deepEqual(reach.context, {
    name: 'deploy',
    every_project: false,
    refs: ['default'],
    roles: ['owner'],
  })
  assert.deepEqual(await viewsIn({ context: 'deploy' }, 'broad'), [])
})

test('a disabled secret is reached by nobody, and is put back without its value', async () => {
  const project = await addLocalProject(parts, 'still')
  const made = await put(ada, { project, owner: project, name: 'TOKEN' })
  const set = async (prev: string, state: 'active' | 'disabled', rotate: number | null = null) =>
    secrets.set(
      ada,
      { project },
      'TOKEN',
      json(
        await signSet(signer, {
          ...{ owner: project, name: 'TOKEN', nowSeconds, prev },
          body: { state, rotate_after: rotate },
        }),
      ),
    )
  const disabled = await set(made.detail!.head, 'disabled')
  assert.deepEqual([disabled.state, disabled.detail?.version], ['disabled', 1])
  const reach = await secrets.reach(ada, { project }, 'TOKEN')
  assert.deepEqual([reach.blocked, reach.jobs, reach.people], ['disabled', [], []])
  await refuses(set(made.detail!.head, 'active'), 'E_STMT_PREV')
  const again = await set(disabled.detail!.head, 'active', nowSeconds - 60)
  assert.deepEqual([again.state, again.detail?.views], ['active', ['overdue']])
  assert.deepEqual(await viewsIn({ project }, 'overdue'), ['TOKEN'])
  const { rows } = await sql`
    select action, result from audit where project_id = ${project} and action = 'secret.set' order by id`.execute(
    parts.db,
  )
  assert.deepEqual(
    rows.map((row) => (row as { result: string }).result),
    ['ok', 'ok'],
  )
})

test('what somebody put who left is to be replaced, until another one has', async () => {
  const project = await addLocalProject(parts, 'left')
  const leaver = await person('Lee', 'owner')
  const first = await put(leaver, { project, owner: project, name: 'TOKEN' })
  await put(ada, { project, owner: project, name: 'OTHER' })
  assert.deepEqual([first.detail?.created_by, first.detail?.put_by], ['Lee', 'Lee'])
  assert.deepEqual(await viewsIn({ project }, 'left'), [])
  await sql`update users set disabled_at = now() where id = ${leaver.user}`.execute(parts.db)
  assert.deepEqual(await viewsIn({ project }, 'left'), ['TOKEN'])
  const next = await put(ada, { project, owner: project, name: 'TOKEN' }, { prev: first.detail!.head })
  assert.deepEqual([next.detail?.created_by, next.detail?.put_by], ['Lee', 'Ada'])
  assert.deepEqual(await viewsIn({ project }, 'left'), [])
})

test('queues are for those who see more than names', async () => {
  const project = await addLocalProject(parts, 'queues')
  await refuses(secrets.list(dan, { project }, 'unused'), 'E_FORBIDDEN')
  await refuses(secrets.list(vic, { project }, 'left'), 'E_FORBIDDEN')
})

test('the queues are there for the whole organisation, and each says whose its secrets are', async () => {
  const project = await addLocalProject(parts, 'overview')
  const rules = { projects: '*' as const, refs: ['refs/**'] }
  const body = json(
    await signContext(signer, { org: parts.organisation, name: 'everywhere', nowSeconds, rules }),
  )
  const owner = parseId('context', (await contexts.create(ada, body)).id)!
  await put(ada, { project: 'overview', owner: project, name: 'NARROW' })
  await put(ada, { context: 'everywhere', owner, name: 'WIDE' }, { body: { policy: policyInContext } })
  const gone = await person('Gone', 'owner')
  await put(gone, { project: 'overview', owner: project, name: 'OF_LEAVER' })
  await sql`update users set disabled_at = now() where id = ${gone.user}`.execute(parts.db)
  const ours = async (view?: 'broad' | 'left') =>
    (await secrets.all(ada, view)).items
      .filter(({ project: of, context }) => of === 'overview' || context === 'everywhere')
      .map(({ project: of, context, name }) => [of, context, name])
  const [narrow, wide, left] = [
    ['overview', null, 'NARROW'],
    [null, 'everywhere', 'WIDE'],
    ['overview', null, 'OF_LEAVER'],
  ]
  assert.deepEqual(await ours(), [wide, narrow, left])
  assert.deepEqual([await ours('broad'), await ours('left')], [[wide], [left]])
  assert.ok((await secrets.all(dan)).items.every(({ detail }) => detail === null))
  await refuses(secrets.all(dan, 'broad'), 'E_FORBIDDEN')
  const scope = scopeOfOrganisation(parts.newId('organisation'))
  assert.deepEqual((await secrets.all({ ...ada, scope })).items, [])
})
