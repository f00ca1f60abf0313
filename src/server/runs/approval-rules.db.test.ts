// Who may let go on what waits for a person, by the rules of the project: judged for each attempt at it, with the roles of that moment, and
// said to whoever is refused, with whom to ask.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { isFault } from '../../base/faults.ts'
import { parseId, type UserId } from '../../base/ids.ts'
import * as api from '../../protocol/api/shapes.ts'
import { type Actor, scopeOfOrganisation } from '../access/actor.ts'
import { insertToken } from '../access/queries.ts'
import type { Role } from '../access/roles.ts'

const parts = await openParts()
const { runs } = parts
const project = await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'one'))
after(() => runner.close())

const person = async (name: string, role: Role): Promise<Actor & { readonly user: UserId }> => {
  const user = parts.newId('user')
  const email = `${name.toLowerCase()}@example.org`
  await sql`
    insert into users (id, organisation_id, name, email, role)
    values (${user}, ${parts.organisation}, ${name}, ${email}, ${role})`.execute(parts.db)
  const session = parts.newId('session')
  return { kind: 'user', user, session, name, email, role, provedAgoMs: 0, scope: parts.scope }
}
const [ada, grace, edsger] = [
  await person('Ada', 'owner'),
  await person('Grace', 'developer'),
  await person('Edsger', 'viewer'),
]
const service: Actor = {
  ...{ kind: 'token', token: parts.newId('token'), user: null, name: 'ci', role: null, projects: null },
  ...{ scopes: ['run.approve', 'run.view'], expiresAt: new Date(Date.now() + 3_600_000), scope: parts.scope },
}
const rules = (people: number, notSelf: boolean, role: 'owner' | 'developer') =>
  sql`update projects set approval_people = ${people}, approval_not_self = ${notSelf}, approval_role = ${role}
    where id = ${project}`.execute(parts.db)

/** The job that waits, of a run that somebody began. */
const held = async (by: Actor = ada, { author = null as string | null } = {}) => {
  const run = await runs.startRun(by, { project, ref: 'refs/heads/main' })
  for (const { spec, ...lease } of await runner.take())
    if (spec.kind === 'plan')
      await runner.finishPlan({ spec, ...lease } as never, [
        { key: 'ok', kind: 'approval' },
        { key: 'ship', needs: [{ job: 'ok', on: ['passed'] }] },
      ])
  const id = parseId('run', run.id)!
  await sql`update runs set author = ${author} where id = ${id}`.execute(parts.db)
  const shown = (await runs.findRun(parts.scope, id))!
  return { id, job: parseId('job', shown.jobs.find(({ key }) => key === 'ok')!.id)! }
}
const yes = { decision: 'approved', comment: null } as const
const approves = (by: Actor, { job }: Awaited<ReturnType<typeof held>>) => runs.decideApproval(by, job, yes)
const refused = async (by: Actor, of: Awaited<ReturnType<typeof held>>, words: RegExp) =>
  assert.rejects(approves(by, of), (error) => {
    assert.ok(isFault(error, 'E_FORBIDDEN'), String(error))
    assert.match(error.public, words)
    return true
  })
const statusOf = async ({ id }: Awaited<ReturnType<typeof held>>) =>
  (await runs.findRun(parts.scope, id))!.status

test('somebody else: who began the run, or wrote its commit, is refused and told whom to ask', async () => {
  await rules(1, true, 'developer')
  const own = await held(ada)
  await refused(ada, own, /^You began this run.*Ask Grace$/)
  await refused(service, own, /service token and the operator are nobody in particular$/)
  assert.equal((await approves(grace, own)).status, 'queued')
  const pushed = await held(parts.actor, { author: 'GRACE@example.org' })
  await refused(grace, pushed, /Ask Ada$/)
  assert.deepEqual((await runs.findApproval(grace, pushed.job))?.who, [{ id: ada.user, name: 'Ada' }])
  assert.equal((await approves(ada, pushed)).status, 'queued')
  for (const one of await runner.take()) await runner.finish(one)
})

test('two people: the first is written down and changes nothing, the same one again is refused, the second lets it go on', async () => {
  await rules(2, false, 'developer')
  const of = await held(ada)
  const seen = await runs.findApproval(grace, of.job)
  assert.deepEqual(api.jobApproval.parse(seen), seen)
  assert.deepEqual([seen?.given, seen?.people, seen?.refusal, seen?.rest], [0, 2, null, '2 different people'])
  const after = await approves(ada, of)
  assert.deepEqual([after.status, after.jobs[1]?.approvals.map(({ by }) => by.name)], ['on_hold', ['Ada']])
  await refused(ada, of, /^You approved it already, and its project wants 2 different people\. Ask Grace$/)
  await refused(parts.actor, of, /nobody in particular/)
  assert.deepEqual((await runs.findApproval(ada, of.job))?.rest, 'one person')
  assert.equal((await approves(grace, of)).status, 'queued')
  const { rows } = await sql<{ result: string; details: object }>`
    select result, details from audit where target = ${of.job} order by id`.execute(parts.db)
  assert.deepEqual(
    rows.map(({ result, details }) => [result, details]),
    [
      ['ok', { given: 1, people: 2 }],
      ['denied', {}],
      ['denied', {}],
      ['ok', {}],
    ],
  )
  for (const one of await runner.take()) await runner.finish(one)
})

test('two at the same moment are both counted', async () => {
  await rules(2, false, 'developer')
  const of = await held(parts.actor)
  await Promise.all([approves(ada, of), approves(grace, of)])
  assert.equal(await statusOf(of), 'queued')
  const again = await held(parts.actor)
  const done = await Promise.allSettled([approves(ada, again), approves(ada, again)])
  assert.deepEqual(done.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  assert.equal(await statusOf(again), 'on_hold')
})

test('who is let in no more, or may no longer, has not approved', async () => {
  await rules(2, false, 'developer')
  const of = await held(parts.actor)
  await approves(grace, of)
  await sql`update users set disabled_at = now() where id = ${grace.user}`.execute(parts.db)
  const seen = await runs.findApproval(ada, of.job)
  assert.deepEqual([seen?.given, seen?.who], [0, [{ id: ada.user, name: 'Ada' }]])
  assert.equal((await approves(ada, of)).status, 'on_hold')
  await sql`update users set disabled_at = null where id = ${grace.user}`.execute(parts.db)
  await rules(2, false, 'owner')
  assert.deepEqual((await runs.findApproval(ada, of.job))?.given, 1)
  await refused(grace, of, /^Its project wants an owner to approve/)
})

test('a no is a no of anybody who may, and a rerun asks everybody again', async () => {
  await rules(2, true, 'developer')
  const of = await held(ada)
  await approves(grace, of)
  const after = await runs.decideApproval(ada, of.job, { decision: 'rejected', comment: null })
  assert.equal(after.status, 'cancelled')
  assert.equal(await runs.findApproval(ada, of.job), null, 'it waits for nobody')
  await runs.rerunRun(parts.actor, of.id, 'failed')
  assert.deepEqual((await runs.findApproval(grace, of.job))?.given, 0)
  await refused(ada, of, /^You began this run/)
})

test('a no to another job takes nothing from who approved this one', async () => {
  await rules(2, false, 'developer')
  const [of, other] = [await held(parts.actor), await held(parts.actor)]
  await approves(ada, of)
  await runs.decideApproval(grace, other.job, { decision: 'rejected', comment: null })
  assert.equal((await runs.findApproval(grace, of.job))?.given, 1)
  assert.equal((await approves(grace, of)).status, 'queued')
  for (const one of await runner.take()) await runner.finish(one)
})

/** A run whose job waits for a person once `first` has passed, while `other` is under way. */
const heldBeside = async (by: Actor, outcome: 'passed' | 'failed') => {
  const { id: text } = await runs.startRun(by, { project, ref: 'refs/heads/main' })
  const [plan] = (await runner.take()).filter(({ spec }) => spec.kind === 'plan')
  const needs = [{ job: 'first', on: ['passed' as const] }]
  await runner.finishPlan(plan!, [{ key: 'first' }, { key: 'ok', kind: 'approval', needs }, { key: 'other' }])
  const id = parseId('run', text)!
  const { jobs } = (await runs.findRun(parts.scope, id))!
  const [first, ok] = jobs.filter(({ kind }) => kind !== 'plan').map((job) => parseId('job', job.id)!)
  const [leased, other] = await runner.take()
  assert.equal(leased?.spec.kind === 'job' && leased.spec.job.id, first)
  await runner.finish(leased!, { outcome })
  return { id, job: ok!, end: () => runner.finish(other!) }
}

test('approvals of an earlier wait do not count for a later one, also when the run was under way', async () => {
  await rules(2, false, 'developer')
  const { end, ...of } = await heldBeside(parts.actor, 'passed')
  await approves(ada, of)
  await approves(grace, of)
  await runs.rerunJob(parts.actor, of.job)
  assert.equal((await runs.findApproval(ada, of.job))?.given, 0)
  await approves(ada, of)
  assert.equal((await runs.findApproval(grace, of.job))?.given, 1)
  await refused(ada, of, /^You approved it already/)
  await approves(grace, of)
  assert.equal(await runs.findApproval(ada, of.job), null, 'it waits for nobody')
  await end()
})

test('somebody else is not who wanted a part of it again while the rest was under way', async () => {
  await rules(1, true, 'developer')
  const { end, ...of } = await heldBeside(ada, 'failed')
  await runs.rerunRun(grace, of.id, 'failed')
  const [again] = await runner.take()
  await runner.finish(again!)
  await refused(grace, of, /^You began this run, wanted it again/)
  await refused(ada, of, /^You began this run/)
  await end()
})

test('who began it with a token of theirs is who began it; who approved it, or wanted another run again, is somebody else', async () => {
  await rules(2, true, 'developer')
  const token = parts.newId('token')
  await insertToken(parts.db, {
    ...{ id: token, organisation: parts.organisation, user: ada.user, name: 'laptop', prefix: 'mfp_test' },
    ...{ hash: randomBytes(32), scopes: ['run.trigger'], projects: null, createdBy: ada.user, days: 1 },
  })
  const of = await held({ ...service, token, user: ada.user, role: 'owner' })
  await refused(ada, of, /^You began this run/)
  await approves(grace, of)
  assert.equal((await runs.findApproval(edsger, of.job))?.given, 1)
})

test('strangers learn nothing, tokens hear no names, a viewer hears what it takes', async () => {
  await rules(1, true, 'owner')
  const of = await held(grace)
  const scope = scopeOfOrganisation(parts.newId('organisation'))
  assert.equal(await runs.findApproval({ ...ada, scope }, of.job), null)
  await assert.rejects(approves({ ...ada, scope }, of), (error) => isFault(error, 'E_NOT_FOUND'))
  assert.equal((await runs.findApproval(service, of.job))?.who, null)
  await refused(service, of, /^Its project wants an owner to approve$/)
  const seen = await runs.findApproval(edsger, of.job)
  assert.deepEqual(
    [seen?.refusal, seen?.who],
    ['Its project wants an owner to approve', [{ id: ada.user, name: 'Ada' }]],
  )
})
