// A run whose inputs are those of an earlier plan begins at its jobs; anything else about them is planned anew.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { waitFor } from '../../../test/support/installation.ts'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { parseId, type RunId } from '../../base/ids.ts'
import type { Run } from '../../protocol/api/shapes.ts'
import { mayOthersListen } from '../db/tell.ts'
import { inTransaction } from '../db/transaction.ts'
import { readLeases } from '../runners/lease-details.ts'
import { eventOf, insertRun } from './create.ts'
import { findKnownPlan } from './known-plan.ts'
import { createRuns } from './runs.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const otherProject = await addLocalProject(parts, 'docs')
const identity = await enrolRunner(parts, 'r')
const runner = createScriptedRunner(parts, identity)
after(() => runner.close())
const commit = 'ab'.repeat(20)
const jobs = [{ key: 'a' }, { key: 'b', needs: [{ job: 'a', on: ['passed' as const] }] }]

const start = (input: object = {}, runs = parts.runs): Promise<Run> =>
  runs.startRun(parts.actor, { project: 'web', ref: 'main', commit, ...input })
const again = async (run: Run) => (await parts.runs.findRun(parts.scope, run.id as RunId))!
const statuses = ({ jobs: shown }: Run) => Object.fromEntries(shown.map(({ key, status }) => [key, status]))
const plan = async (run: Run): Promise<Run> => {
  const [held] = await runner.take({ free: { 'built-in': 1 } }, 1)
  assert.equal((await runner.finishPlan(held!, jobs)).status, 200)
  return again(run)
}
const cancelQueued = () =>
  sql`update attempts set status = 'cancelled', finished_at = now() where status = 'queued'`.execute(parts.db)

const first = await plan(await start())

test('the same commit, ref and kind begin at the jobs of the plan, and say whose it is', async () => {
  assert.equal(first.plan_of, null)
  const second = await start()
  assert.deepEqual(second.plan_of, { id: first.id, number: first.number })
  assert.deepEqual(
    [second.plan_digest, second.status, statuses(second)],
    [first.plan_digest, 'queued', { plan: 'passed', a: 'queued', b: 'waiting' }],
  )
  assert.deepEqual(second.jobs[0]?.attempts, [])
  assert.deepEqual([second.event.subject, second.event.author], [first.event.subject, first.event.author])
  await cancelQueued()
  const third = await start()
  assert.equal(third.plan_of?.id, first.id, 'of the run that it was made for, not of a copy')
  for (const expected of ['a', 'b']) {
    const [held] = await runner.take({ free: { small: 1 } }, 1)
    assert.ok(held?.spec.kind === 'job' && held.spec.run.id === third.id)
    assert.deepEqual([held.spec.job.key, held.spec.planDigest], [expected, first.plan_digest])
    await runner.finish(held)
  }
  assert.equal((await again(third)).status, 'passed')
})

test('who names no ref means the default branch, whose plan is known as well', async () => {
  const run = await start({ ref: undefined })
  assert.deepEqual([run.event.ref, run.plan_of?.id], ['refs/heads/main', first.id])
  await sql`update projects set default_branch = 'trunk' where id = ${project}`.execute(parts.db)
  const other = await start({ ref: undefined })
  assert.deepEqual([other.event.ref, other.plan_of], ['refs/heads/trunk', null])
  await sql`update projects set default_branch = 'refs/heads/main' where id = ${project}`.execute(parts.db)
  assert.equal((await start({ ref: undefined })).event.ref, 'refs/heads/main')
  await sql`update projects set default_branch = 'main' where id = ${project}`.execute(parts.db)
  await cancelQueued()
})

test('what is known of a lease with its commit is what the tables say of it', async () => {
  const poll = {
    runner: identity.id,
    runnerName: 'r',
    session: 1,
    max: 1,
    compiler: 'c',
    onGiven: () => undefined,
  }
  for (const input of [{}, { commit: 'cd'.repeat(20), parameters: { deep: true } }]) {
    const offer = parts.places.offer({ ...poll, free: { small: 1, 'built-in': 1 } })
    await start(input)
    const [given] = await offer.close()
    assert.ok(given?.details)
    assert.deepEqual(given.details, (await readLeases(parts.db, [given.lease]))[0])
    await sql`update attempts set status = 'cancelled', finished_at = now() where lease_id = ${given.lease}`.execute(
      parts.db,
    )
  }
})

test('a run whose jobs all begin with it is answered as the tables tell of it', async () => {
  const of = { commit: 'ef'.repeat(20), parameters: { deep: true, level: 3 } }
  const planned = await start(of)
  const [held] = await runner.take({ free: { 'built-in': 1 } }, 1)
  await runner.finishPlan(held!, [{ key: 'a' }, { key: 'c', name: 'c of two words', shards: 2 }])
  await cancelQueued()
  await sql`update runs set status = 'passed', started_at = now() - interval '9 s', finished_at = now()
    where project_id = ${project}`.execute(parts.db)
  const poll = {
    runner: identity.id,
    runnerName: 'r',
    session: 1,
    compiler: 'c',
    onGiven: () => undefined,
  }
  after(parts.runs.onChange(() => undefined))
  await waitFor('this server to be alone', () => !mayOthersListen(parts.db), 10_000)
  for (const places of [3, 2]) {
    const offer = parts.places.offer({ ...poll, max: 9, free: { small: places } })
    const run = await start(of)
    assert.equal((await offer.close()).length, places)
    assert.deepEqual(run, await again(run))
    const asked = [parts.scope, run.id as RunId, -1] as const
    const told = await parts.runs.jobsSince(...asked)
    const isTheSame = told === (await parts.runs.jobsSince(...asked))
    assert.equal(isTheSame, places === 3, 'nothing was read where all jobs began')
    const fromTables = createRuns({ ...parts, compiler: 'c' })
    assert.deepEqual(told, await fromTables.jobsSince(...asked))
    assert.equal(run.jobs.filter(({ status }) => status === 'running').length, places)
    assert.deepEqual([run.plan_of?.id, run.usual_ms], [planned.id, 9000])
  }
  await sql`update attempts set status = 'cancelled', finished_at = now() where status in ('queued', 'running')`.execute(
    parts.db,
  )
})

test('what begins while a runner waits is its own with the commit, as far as it has places', async () => {
  const queued = () => sql<{ n: number }>`select count(*)::integer as n from attempts where status = 'queued'`
  const taking = runner.take({ free: { small: 1 } }, 1)
  const placing = parts.places.placing()
  await waitFor('a poll that waits', () => placing.take('small'))
  placing.release()
  const run = await start()
  const [held] = await taking
  assert.ok(held?.spec.kind === 'job' && held.spec.run.id === run.id)
  assert.deepEqual(statuses(run), { plan: 'passed', a: 'running', b: 'waiting' })
  assert.equal(run.status, 'running')
  assert.deepEqual((await queued().execute(parts.db)).rows, [{ n: 0 }])
  await runner.finish(held)
  assert.deepEqual(statuses(await again(run)), { plan: 'passed', a: 'passed', b: 'queued' })
  await cancelQueued()
})

test('a plan that begins while a runner waits is its own too, and known afterwards', async () => {
  const taking = runner.take({ free: { 'built-in': 1 } }, 1)
  const placing = parts.places.placing()
  await waitFor('a poll that waits', () => placing.take('built-in'))
  placing.release()
  const run = await start({ commit: 'fe'.repeat(20) })
  assert.deepEqual([run.status, statuses(run)], ['running', { plan: 'running' }])
  const [held] = await taking
  assert.ok(held?.spec.kind === 'plan' && held.spec.run.id === run.id)
  assert.equal((await runner.finishPlan(held, jobs)).status, 200)
  assert.equal((await start({ commit: 'fe'.repeat(20) })).plan_of?.id, run.id)
  await cancelQueued()
})

test('another commit, ref, kind, project, parameter or compiler is planned anew', async () => {
  const isPlanned = (run: Run) => assert.deepEqual(statuses(run), { plan: 'queued' })
  isPlanned(await start({ commit: 'cd'.repeat(20) }))
  isPlanned(await start({ ref: 'other' }))
  isPlanned(await start({ ref: 'refs/tags/main' }))
  isPlanned(await start({ commit: undefined }))
  isPlanned(await start({ project: 'docs' }))
  isPlanned(await start({}, createRuns({ ...parts, compiler: 'another' })))
  isPlanned(await start({}, createRuns({ ...parts, compiler: null })))
  const event = eventOf('manual', 'refs/heads/main', commit)
  const known = (inputs: Parameters<typeof findKnownPlan>[2], of = project) =>
    findKnownPlan({ ...parts, db: parts.db }, of, inputs, 'operator')
  assert.equal((await known({ event, parameters: {} }))?.run, first.id)
  assert.equal(await known({ event, parameters: { deploy: true } }), null)
  assert.equal(await known({ event: { ...event, kind: 'push' }, parameters: {} }), null)
  assert.equal(await known({ event, parameters: {} }, otherProject), null)
  await cancelQueued()
})

test('a runner that does not say what it compiles with, or is suspended, gives no plan to others', async () => {
  const silent = createScriptedRunner(parts, await enrolRunner(parts, 'silent'))
  after(() => silent.close())
  const run = await start({ ref: 'silent' })
  const facts = {
    version: '0',
    driver: 'fake',
    tier: 'none',
    stops: [],
    images: 'any',
    egress: [],
    slots: 1,
  } as const
  const [held] = await silent.take({ free: { 'built-in': 1 }, facts: { ...facts, classes: [], weak: [] } }, 1)
  await silent.finishPlan(held!, jobs)
  assert.equal((await again(run)).plan_of, null)
  assert.equal((await start({ ref: 'silent' })).plan_of, null)
  await sql`update runners set status = 'suspended' where id = ${identity.id}`.execute(parts.db)
  assert.equal((await start()).plan_of, null)
  await sql`update runners set status = 'enrolled' where id = ${identity.id}`.execute(parts.db)
  await cancelQueued()
})

test('a stored plan that is not what its digest says is not taken over', async () => {
  const change = (name: string) =>
    sql`
    update plans set plan = jsonb_set(plan, '{workflows,0,name}', ${JSON.stringify(name)}::jsonb)
    where run_id = ${first.id}`.execute(parts.db)
  await change('tampered')
  assert.equal((await start()).plan_of, null)
  await change('main')
  assert.equal((await start()).plan_of?.id, first.id)
  await cancelQueued()
})

test('a plan outlives the run it was made for; a plan without a workflow ends the run with the reason', async () => {
  const ref = 'refs/heads/empty'
  const run = await start({ ref })
  const [held] = await runner.take({ free: { 'built-in': 1 } }, 1)
  await runner.finishPlan(held!, [])
  const copy = await start({ ref })
  assert.deepEqual(
    [copy.plan_of?.id, copy.status, copy.headline, copy.finished_at !== null],
    [run.id, 'skipped', 'No workflow of the configuration is for this event', true],
  )
  await sql`delete from runs where id = ${run.id}`.execute(parts.db)
  assert.deepEqual([(await again(copy)).plan_of, (await again(copy)).plan_digest], [null, copy.plan_digest])
})

test('a run that could not be written leaves nothing of its plan behind', async () => {
  const event = eventOf('manual', 'refs/heads/main', commit)
  const known = await findKnownPlan(
    { ...parts, db: parts.db },
    project,
    { event, parameters: {} },
    'operator',
  )
  const id = parts.newId('run')
  await assert.rejects(
    inTransaction(parts.db, async (tx) => {
      const { organisation } = parts
      await insertRun(tx, parts.newId, {
        ...{ id, organisation, project, event, delivery: null, startedBy: 'x', plan: known },
        placing: parts.places.placing(),
        isLimited: false,
      })
      throw new Error('after it')
    }),
    /after it/,
  )
  assert.equal(await parts.runs.findRun(parts.scope, parseId('run', id)!), null)
})
