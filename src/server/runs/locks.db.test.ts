// Serial groups across runs and projects, against a real database: one at a time, whoever asks; why it waits; who gives
// way; and workflows that are rerun by themselves.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held } from '../../../test/support/scripted-runner.ts'
import { parseId, type RunId } from '../../base/ids.ts'
import type { Outcome, PlanJob, PlanWorkflow } from '../../protocol/plan.ts'
import { scopeOfOrganisation } from '../access/actor.ts'

const parts = await openParts()
const { runs, scope, actor } = parts
for (const name of ['one', 'two', 'three']) await addLocalProject(parts, name)
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'r1'), {
  free: { 'built-in': 2, small: 20 },
})
after(() => runner.close())

type Jobs = readonly (Partial<PlanJob> & { key: string })[]

const begin = async (
  project: string,
  jobs: Jobs,
  more: Partial<PlanWorkflow> = {},
  as = actor,
): Promise<RunId> => {
  const run = parseId('run', (await runs.startRun(as, { project })).id)!
  const [plan] = await runner.take({ free: { 'built-in': 1 } }, 1)
  await runner.finishPlan(plan!, jobs, more)
  return run
}

const jobsOf = async (run: RunId) =>
  new Map((await runs.findRun(scope, run))!.jobs.map((job) => [job.key, job]))
const look = async (run: RunId, key: string) => (await jobsOf(run)).get(key)!
const isTrue = async (what: string, condition: () => Promise<boolean>): Promise<void> => {
  for (const late = Date.now() + 15_000; !(await condition()); ) assert.ok(Date.now() < late, what)
}
const until = (run: RunId, key: string, status: string) =>
  isTrue(`${key} is not ${status}`, async () => (await look(run, key)).status === status)

/** Ends the job that is running as `key` of the run. */
const end = async (run: RunId, key: string, outcome: Outcome = 'passed') => {
  await until(run, key, 'queued')
  const [held] = await runner.take({ free: { small: 1 } }, 1)
  const { spec } = held as Held
  assert.deepEqual(spec.kind === 'job' && [spec.run.id, spec.job.key], [run, key])
  assert.equal((await runner.finish(held!, { outcome })).status, 200)
}

const deploy: Jobs = [{ key: 'deploy', lock: 'prod' }]

test('two projects share a serial group: one at a time, in order, and each says what it waits for', async () => {
  const first = await begin('one', deploy)
  await until(first, 'deploy', 'queued')
  const second = await begin('two', deploy)
  assert.equal((await look(second, 'deploy')).status, 'waiting')
  assert.deepEqual((await look(second, 'deploy')).reason, {
    code: 'serial_group',
    text: 'Waits for the serial group prod, which deploy of one #1 holds',
    job_id: null,
  })
  await end(first, 'deploy', 'failed')
  await end(second, 'deploy')
  assert.equal((await runs.findRun(scope, second))!.status, 'passed')
})

test('an organisation has locks of its own: one of the same name elsewhere is another one', async () => {
  const organisation = parts.newId('organisation')
  await sql`insert into organisations (id, name) values (${organisation}, 'other')`.execute(parts.db)
  await addLocalProject({ ...parts, organisation }, 'elsewhere')
  const stranger = { ...actor, scope: scopeOfOrganisation(organisation) }
  await begin('one', deploy)
  const theirs = await begin('elsewhere', deploy, {}, stranger)
  await isTrue('it waits for a lock of strangers', async () => {
    const { jobs } = (await runs.findRun(stranger.scope, theirs))!
    return jobs.find(({ key }) => key === 'deploy')?.status === 'queued'
  })
  const both = await runner.take({ free: { small: 2 } }, 2)
  assert.equal(both.length, 2)
  for (const held of both) await runner.finish(held)
})

test('cancelling who holds it frees it', async () => {
  const first = await begin('one', deploy)
  await until(first, 'deploy', 'queued')
  const second = await begin('two', deploy)
  await runs.cancelRun(actor, first)
  await end(second, 'deploy')
})

test('an older run of the same project gives way to a newer one', async () => {
  const holder = await begin('two', deploy)
  await until(holder, 'deploy', 'queued')
  const older = await begin('one', deploy)
  const newer = await begin('one', deploy)
  await until(older, 'deploy', 'skipped')
  assert.equal((await look(older, 'deploy')).reason?.code, 'serial_group')
  await end(holder, 'deploy')
  await end(newer, 'deploy')
})

test('a lock holds over several jobs of its workflow', async () => {
  const passed = { on: ['passed'] as const }
  const first = await begin('one', [
    { key: 'lock', kind: 'lock', lock: 'prod' },
    { key: 'a', needs: [{ job: 'lock', ...passed }] },
    { key: 'b', needs: [{ job: 'a', ...passed }] },
    { key: 'unlock', kind: 'unlock', lock: 'prod', needs: [{ job: 'b', on: ['passed', 'failed'] }] },
  ])
  await until(first, 'a', 'queued')
  const second = await begin('two', deploy)
  await end(first, 'a')
  await until(first, 'b', 'queued')
  assert.equal((await look(second, 'deploy')).status, 'waiting')
  await end(first, 'b', 'failed')
  await end(second, 'deploy')
})

test('all shards of a job have the lock together', async () => {
  const first = await begin('one', [{ key: 'deploy', shards: 2, lock: 'prod' }])
  await until(first, 'deploy', 'queued')
  const second = await begin('two', deploy)
  await end(first, 'deploy')
  assert.equal((await look(second, 'deploy')).status, 'waiting')
  await end(first, 'deploy')
  await end(second, 'deploy')
})

test('a shard that is wanted again has the lock of another one that is under way', async () => {
  const first = await begin('one', [{ key: 'deploy', shards: 2, lock: 'prod' }])
  for (const outcome of ['failed', 'failed'] as const) await end(first, 'deploy', outcome)
  const shards = (await runs.findRun(scope, first))!.jobs.filter(({ key }) => key === 'deploy')
  const statuses = async () =>
    (await runs.findRun(scope, first))!.jobs.filter(({ key }) => key === 'deploy').map(({ status }) => status)
  for (const [at, { id }] of shards.entries()) {
    await runs.rerunJob(actor, parseId('job', id)!)
    await isTrue(`shard ${at} waits for its own job`, async () => (await statuses())[at] === 'queued')
  }
  const second = await begin('two', deploy)
  for (const { id } of shards) {
    assert.equal((await look(second, 'deploy')).status, 'waiting')
    const [held] = await runner.take({ free: { small: 1 } }, 1)
    assert.equal(held?.spec.kind === 'job' && held.spec.job.id, id)
    await runner.finish(held!)
  }
  assert.equal((await runs.findRun(scope, first))!.status, 'passed')
  await end(second, 'deploy')
})

test('who waited too long is cancelled', async () => {
  const first = await begin('one', deploy)
  await until(first, 'deploy', 'queued')
  const second = await begin('two', deploy)
  await sql`update jobs set lock_asked_at = now() - interval '6 hours' where run_id = ${second} and key = 'deploy'`.execute(
    parts.db,
  )
  await until(second, 'deploy', 'cancelled')
  await end(first, 'deploy')
})

test('a run with a known plan asks as well', async () => {
  const start = () => runs.startRun(actor, { project: 'one', ref: 'main', commit: 'ab'.repeat(20) })
  const first = parseId('run', (await start()).id)!
  const [plan] = await runner.take({ free: { 'built-in': 1 } }, 1)
  await runner.finishPlan(plan!, deploy)
  await until(first, 'deploy', 'queued')
  const again = await start()
  assert.equal(again.plan_of?.id, first)
  const second = parseId('run', again.id)!
  assert.equal((await look(second, 'deploy')).reason?.code, 'serial_group')
  await end(first, 'deploy')
  await end(second, 'deploy')
})

test('there cannot be two holders, whatever the program does', async () => {
  const rows = await Promise.all(
    ['one', 'two'].map((project) => begin(project, [{ key: 'x', lock: 'free' }])),
  )
  await assert.rejects(
    sql`update jobs set lock_state = 'held' where run_id = any(${rows}::text[]) and key = 'x'`.execute(
      parts.db,
    ),
    /jobs_lock_holder/,
  )
  for (const run of rows) await runs.cancelRun(actor, run)
})

test('a workflow that fails is rerun from failed by itself', async () => {
  const run = await begin('one', [{ key: 'a' }, { key: 'b', needs: [{ job: 'a', on: ['passed'] }] }], {
    maxAutoReruns: 1,
  })
  await end(run, 'a')
  await end(run, 'b', 'failed')
  await end(run, 'b')
  const jobs = await jobsOf(run)
  assert.deepEqual(
    [jobs.get('a')!.attempts.length, jobs.get('b')!.attempts.map(({ status }) => status)],
    [1, ['failed', 'passed']],
  )
  assert.equal((await runs.findRun(scope, run))!.status, 'passed')
})

test('what waits for a lock, or for others of its run, says when it will likely begin once such jobs have ended', async () => {
  const chain: Jobs = [{ key: 'a' }, { key: 'b', needs: [{ job: 'a', on: ['passed'] }] }]
  const ended = await begin('one', [...chain, { key: 'c' }])
  for (const key of ['a', 'c', 'b']) await end(ended, key)
  const first = await begin('one', [...deploy, ...chain])
  await until(first, 'deploy', 'queued')
  const second = await begin('two', deploy)
  const locked = (await look(second, 'deploy')).reason
  assert.match(
    locked?.text ?? '',
    /^Waits for the serial group prod, which deploy of one #\d+ holds; likely /,
  )
  assert.equal(locked?.expected_ms?.from, 0, 'whoever holds it may end any moment')
  const needs = (await look(first, 'b')).reason
  assert.match(needs?.text ?? '', /^Waits for a; likely /)
  const queued = (await look(first, 'a')).reason
  assert.equal(queued?.code, 'capacity')
  assert.ok((needs?.expected_ms?.to ?? 0) > (queued?.expected_ms?.to ?? Infinity), 'its own turn comes later')
  const third = await begin('three', deploy)
  assert.match((await look(third, 'deploy')).reason?.text ?? '', / holds; 1 before it; likely /)
  for (const run of [first, second, third]) await runs.cancelRun(actor, run)
})
