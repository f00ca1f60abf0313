// A run of a setup configuration goes on: with a second plan, once, whoever asks and however often.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held, planJob, planOf } from '../../../test/support/scripted-runner.ts'
import { parseId, type RunId } from '../../base/ids.ts'
import type { ContinueAnswer, ContinueTerms } from '../../protocol/continue-wire.ts'
import type { JobTerms } from '../../protocol/job-terms.ts'
import type { Plan, PlanJob } from '../../protocol/plan.ts'
import { jcsDigest } from '../../seal/index.ts'
import { limits } from '../limits.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'one'))
const stranger = createScriptedRunner(parts, await enrolRunner(parts, 'stranger'))
after(() => {
  runner.close()
  stranger.close()
})

type Begun = { readonly run: RunId; readonly plan: Plan; readonly jobs: readonly Held[] }

/** A run whose plan is told, with the leases of these jobs. */
const begin = async (keys: readonly string[], more: Partial<Plan> = { setup: true }): Promise<Begun> => {
  const started = await parts.runs.startRun(parts.actor, { project, ref: 'main', parameters: { deep: true } })
  const run = parseId('run', started.id)!
  const [held] = await runner.take()
  const made = planOf(
    held!,
    keys.map((key) => ({ key })),
  )
  const plan = { ...made, ...more }
  const commit = { id: plan.inputs.event.commit, subject: 's', author: 'a', authoredAt: '' }
  const result = { plan, planDigest: await jcsDigest(plan), origins: {}, problems: [], commit }
  assert.equal((await runner.finish(held!, { result: { kind: 'plan', ...result } })).status, 200)
  return { run, plan, jobs: await runner.take() }
}

const second = (plan: Plan, ...jobs: (Partial<PlanJob> & { key: string })[]): Plan => {
  const { setup: _, ...rest } = plan
  return {
    ...{ ...rest, inputs: { ...plan.inputs, parameters: { chosen: 'x' } } },
    workflows: [{ name: 'more', jobs: jobs.map(planJob) }],
  }
}
const ask = (held: Held, by = runner) =>
  by.send<ContinueTerms>(`/runner/v1/leases/${held.lease}/continuing`, { v: 1 })
const goOn = async (
  held: Held,
  plan: Plan,
  { by = runner, digest, ...more }: { by?: typeof runner; digest?: string; proof?: string } = {},
) =>
  by.send<ContinueAnswer & { message?: string }>(`/runner/v1/leases/${held.lease}/continue`, {
    ...{ v: 1, plan, planDigest: digest ?? (await jcsDigest(plan)), origins: {}, problems: [] },
    ...more,
  })
/** What its runner is told to make the plan of this job again. */
const termsOf = async (held: Held) =>
  (await runner.send<JobTerms>(`/runner/v1/leases/${held.lease}/terms`, { v: 1 })).body
const statuses = async (run: RunId) => {
  const found = (await parts.runs.findRun(parts.scope, run))!
  return [found.status, ...found.jobs.map(({ name, status }) => `${name} ${status}`)]
}

test('its jobs begin beside the one that asked; the run is both plans, and says so', async () => {
  const { run, plan, jobs } = await begin(['setup'])
  const [setup] = jobs
  const { body: terms } = await ask(setup!)
  assert.deepEqual(terms, { state: 'open', parameters: { deep: true }, orbs: {} })
  assert.equal((await parts.runs.findRun(parts.scope, run))?.setup?.continued, null)
  const more = second(plan, { key: 'a' }, { key: 'b', needs: [{ job: 'a', on: ['passed'] }] })
  assert.deepEqual(await termsOf(setup!), { parameters: { deep: true }, orbs: {} })
  assert.deepEqual((await goOn(setup!, more, { proof: 'a.proof' })).body, { state: 'taken' })
  assert.deepEqual(await statuses(run), ['running', 'plan passed', 'setup running', 'a queued', 'b waiting'])
  const [a] = await runner.take()
  assert.ok(a?.spec.kind === 'job')
  assert.deepEqual([a.spec.planDigest, a.spec.job.number], [await jcsDigest(more), 2])
  const continued = { plan: more, proof: 'a.proof' }
  assert.deepEqual(await termsOf(a), { parameters: { deep: true }, orbs: {}, continued })
  await runner.finish(setup!)
  await runner.finish(a)
  const [b] = await runner.take()
  await runner.finish(b!)
  assert.deepEqual(await statuses(run), ['passed', 'plan passed', 'setup passed', 'a passed', 'b passed'])
  const found = (await parts.runs.findRun(parts.scope, run))!
  assert.deepEqual(
    found.workflows.map(({ name, status, continued }) => ({ name, status, continued })),
    [
      { name: 'main', status: 'passed', continued: false },
      { name: 'more', status: 'passed', continued: true },
    ],
  )
  assert.equal(found.setup?.continued?.job_id, setup!.spec.kind === 'job' && setup!.spec.job.id)
  assert.equal(found.setup.continued.plan_digest, await jcsDigest(more))
})

test('once: the same again is taken, another plan of the same attempt and another job are refused', async () => {
  const { run, plan, jobs } = await begin(['setup', 'other'])
  const [setup, other] = jobs
  const more = second(plan, { key: 'a' })
  assert.equal((await goOn(setup!, more)).body.state, 'taken')
  assert.equal((await goOn(setup!, more)).body.state, 'taken', 'its answer was lost')
  const again = await goOn(setup!, second(plan, { key: 'b' }))
  assert.deepEqual([again.status, again.body.state], [200, 'refused'])
  const late = await goOn(other!, more)
  assert.equal(late.body.state, 'refused')
  assert.match(late.body.message ?? '', /went on before, by its job "setup"/)
  const { body } = await ask(other!)
  assert.equal(body.state, 'refused')
  const found = await statuses(run)
  assert.deepEqual(
    found.filter((text) => /^[ab] /.test(text)),
    ['a queued'],
  )
  const [a] = await runner.take()
  for (const held of [...jobs, a!]) await runner.finish(held)
})

test('of two that ask at the same moment one is first', async () => {
  const { run, plan, jobs } = await begin(['one', 'two'])
  const answers = await Promise.all(
    jobs.map((held, i) => goOn(held, second(plan, { key: `j${i}` }, { key: `k${i}` }))),
  )
  assert.deepEqual(answers.map(({ body }) => body.state).toSorted(), ['refused', 'taken'])
  const added = (await statuses(run)).filter((text) => /^[jk]/.test(text))
  assert.equal(added.length, 2)
  const begun = await runner.take()
  for (const held of [...jobs, ...begun]) await runner.finish(held)
})

test('a rerun keeps both plans: the job that asks anew is told that it is done', async () => {
  const { run, plan, jobs } = await begin(['setup'])
  await goOn(jobs[0]!, second(plan, { key: 'a' }))
  const [a] = await runner.take()
  await runner.finish(jobs[0]!)
  await runner.finish(a!, { outcome: 'failed' })
  await parts.runs.rerunRun(parts.actor, run, 'all')
  const [first, next] = await runner.take()
  const setup = [first!, next!].find(({ spec }) => spec.kind === 'job' && spec.job.key === 'setup')!
  assert.equal((await ask(setup)).body.state, 'kept')
  assert.equal((await goOn(setup, second(plan, { key: 'z' }))).body.state, 'kept')
  for (const held of [first!, next!]) await runner.finish(held)
  assert.deepEqual(await statuses(run), ['passed', 'plan passed', 'setup passed', 'a passed'])
})

test('only by a job of a setup configuration, from its own lease, with a plan that holds', async () => {
  const ordinary = await begin(['plain'], {})
  assert.equal((await goOn(ordinary.jobs[0]!, second(ordinary.plan, { key: 'a' }))).body.state, 'refused')
  assert.equal((await parts.runs.findRun(parts.scope, ordinary.run))?.setup, null)
  await runner.finish(ordinary.jobs[0]!)

  const { run, plan, jobs } = await begin(['setup'])
  const [setup] = jobs
  const more = second(plan, { key: 'a' })
  assert.equal((await goOn(setup!, more, { by: stranger })).status, 409)
  const wrong = async (bad: Plan, digest?: string) => {
    const { status, body } = await goOn(setup!, bad, digest === undefined ? {} : { digest })
    assert.deepEqual([status, body.state], [200, 'refused'], JSON.stringify(body))
    return body.message ?? ''
  }
  assert.match(await wrong(more, 'f'.repeat(64)), /digest/)
  const { event } = plan.inputs
  const elsewhere = { ...more.inputs, event: { ...event, commit: 'f'.repeat(40) } }
  assert.match(await wrong({ ...more, inputs: elsewhere }), /another commit/)
  assert.match(await wrong({ ...more, setup: true }), /setup configuration itself/)
  assert.match(await wrong(second(plan, { key: 'a', shards: 1000 }, { key: 'b', shards: 1000 })), /at most/)
  const odd = await runner.send(`/runner/v1/leases/${setup!.lease}/continue`, { v: 1, plan: {} })
  assert.equal(odd.status, 400)
  assert.ok(limits.jobsPerRunMax <= 2000)
  assert.deepEqual(await statuses(run), ['running', 'plan passed', 'setup running'])
  const { rows } = await sql`select 1 from continuations where run_id = ${run}`.execute(parts.database.db)
  assert.equal(rows.length, 0)
  assert.equal((await goOn(setup!, more)).body.state, 'taken', 'nothing of that counted')
  await runner.finish(setup!)
  assert.equal((await goOn(setup!, more)).status, 409, 'its attempt has ended')
  const [a] = await runner.take()
  assert.equal((await ask(a!)).body.state, 'refused', 'what a run went on with does not go on')
  await runner.finish(a!)
})

test('a run that is cancelled meanwhile lets nothing of it begin', async () => {
  const { run, plan, jobs } = await begin(['setup'])
  await parts.runs.cancelRun(parts.actor, run)
  assert.equal((await goOn(jobs[0]!, second(plan, { key: 'a' }))).body.state, 'taken')
  assert.deepEqual(await statuses(run), ['running', 'plan passed', 'setup running', 'a cancelled'])
  await runner.finish(jobs[0]!, { outcome: 'cancelled' })
  assert.equal((await statuses(run))[0], 'cancelled')
})
