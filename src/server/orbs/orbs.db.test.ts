// The orb store: what may be put there, what a planner gets of it, and what it changes about plans that are known.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { isFault } from '../../base/faults.ts'
import type { RunId } from '../../base/ids.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import { createProjects } from '../projects/projects.ts'
import { createOrbs } from './orbs.ts'

const parts = await openParts()
await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'r'))
after(() => runner.close())
/** Whose texts are none of an orb. */
const orbs = createOrbs({ ...parts, checkOrb: async () => undefined })
const put = (id: string, text: string) => orbs.put(parts.actor, { id, text })
const ids = async () => (await orbs.list(parts.scope)).items.map(({ id }) => id)
const commit = 'ab'.repeat(20)
const start = () => parts.runs.startRun(parts.actor, { project: 'web', ref: 'main', commit })
const refuses = (work: Promise<unknown>, code: Parameters<typeof isFault>[1]) =>
  assert.rejects(work, (error) => isFault(error, code) || assert.fail(String(error)))

/** A run that is planned; answers what its planner was given. */
const planOne = async () => {
  const run = await start()
  assert.equal(run.plan_of, null)
  const reply = await runner.take({ free: { 'built-in': 1 } }, 1)
  const [held] = reply
  assert.ok(held?.spec.kind === 'plan')
  assert.equal((await runner.finishPlan(held, [{ key: 'a' }])).status, 200)
  return { run: (await parts.runs.findRun(parts.scope, run.id as RunId))!, spec: held.spec }
}

test('a version never changes; a label does; the store as a whole is bounded', async () => {
  await put('acme/tools@1.2.3', 'commands: {}')
  const again = await put('acme/tools@1.2.3', 'commands: {}')
  assert.deepEqual([again.bytes, again.sha256.length], [12, 64])
  await refuses(put('acme/tools@1.2.3', 'jobs: {}'), 'E_CONFLICT')
  await put('acme/tools@dev:mine', 'commands: {}')
  const changed = await put('acme/tools@dev:mine', 'jobs: {}')
  assert.equal(changed.bytes, 8)
  for (const n of [1, 2, 3]) await put(`acme/large@1.0.${n}`, 'x'.repeat(1024 * 1024))
  await refuses(put('acme/large@1.0.4', 'x'.repeat(1024 * 1024)), 'E_INPUT')
  assert.deepEqual(
    (await orbs.sources(parts.scope)).items.filter(({ id }) => id.startsWith('acme/tools')),
    [
      { id: 'acme/tools@1.2.3', text: 'commands: {}' },
      { id: 'acme/tools@dev:mine', text: 'jobs: {}' },
    ],
  )
  assert.deepEqual(await ids(), [
    ...['acme/large@1.0.1', 'acme/large@1.0.2', 'acme/large@1.0.3'],
    ...['acme/tools@1.2.3', 'acme/tools@dev:mine'],
  ])
  assert.equal((await orbs.source(parts.scope, 'acme/tools@1.2.3'))?.text, 'commands: {}')
  assert.equal(await orbs.source(parts.scope, 'acme/tools@1.2.4'), null)
  assert.equal(await orbs.source(scopeOfOrganisation(parts.newId('organisation')), 'acme/tools@1.2.3'), null)
  await sql`update orbs set added_by = 'usr_gone' where id = 'acme/tools@dev:mine'`.execute(parts.db)
  const names = (await orbs.list(parts.scope)).items.slice(-2).map((orb) => orb.added_by_name)
  assert.deepEqual(names, ['operator', 'usr_gone'], 'who is no more keeps the id as a name')
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from audit where action = 'orb.put' and target = 'acme/tools@dev:mine'`.execute(
    parts.db,
  )
  assert.equal(rows[0]?.n, 2)
  await sql`delete from orbs where id like 'acme/large%'`.execute(parts.db)
})

test('a plan is known while the store is as it was', async () => {
  const { run } = await planOne()
  assert.equal((await start()).plan_of?.id, run.id)
  await put('acme/other@1.0.0', 'commands: {}')
  await sql`update attempts set status = 'cancelled', finished_at = now() where status = 'queued'`.execute(
    parts.db,
  )
  const { run: later } = await planOne()
  assert.equal((await start()).plan_of?.id, later.id)
})

test('a plan of a project that lets text stand in scripts is no plan of one that does not', async () => {
  const projects = createProjects({
    ...parts,
    localRepositoryRoots: [],
    serverUrl: () => 'https://ci.example',
  })
  const project = await projects.set(parts.actor, 'web', { untrusted_in_scripts: true })
  assert.equal(project.settings.untrusted_in_scripts, true)
  await sql`update attempts set status = 'cancelled', finished_at = now() where status = 'queued'`.execute(
    parts.db,
  )
  const { spec } = await planOne()
  assert.equal(spec.untrustedInScripts, true)
  await projects.set(parts.actor, 'web', { untrusted_in_scripts: false })
  assert.notEqual((await start()).plan_of, null)
})

test('the answer that leases a plan brings the store once; one that leases jobs brings none', async () => {
  await sql`update attempts set status = 'cancelled', finished_at = now() where status = 'queued'`.execute(
    parts.db,
  )
  await parts.runs.startRun(parts.actor, { project: 'web', ref: 'fresh', commit })
  const { body } = await runner.poll({ free: { 'built-in': 1 } }, 1)
  assert.deepEqual(
    body.leases.map(({ spec }) => spec.kind),
    ['plan'],
  )
  const [store] = Object.values(body.orbs ?? {})
  assert.deepEqual(Object.keys(store ?? {}), ['acme/other@1.0.0', 'acme/tools@1.2.3', 'acme/tools@dev:mine'])
})
