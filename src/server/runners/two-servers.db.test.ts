// Two servers on one database and one vault, as replicas are: what one of them knows only by itself must not matter.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held } from '../../../test/support/scripted-runner.ts'
import { parseId, type RunId } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import { leaseGraceMs, leaseTtlMs } from '../../protocol/runner-wire.ts'
import { systemClock } from '../../sys/index.ts'
import { createExpiry } from './expiry.ts'

const parts = await openParts()
const beside = await parts.openBeside()
const project = await addLocalProject(parts, 'web')
const closers: (() => void)[] = []
after(() => {
  for (const close of closers) close()
})

/** One runner as each of the two servers sees it: the same key, the same session. */
const openRunner = async (name: string, places = 2) => {
  const identity = await enrolRunner(parts, name)
  const options = { free: { 'built-in': places, small: places } }
  const [here, there] = [parts, beside].map(({ runnerPort }) => {
    const runner = createScriptedRunner({ runnerPort, clock: parts.clock }, identity, options)
    closers.push(() => runner.close())
    return runner
  })
  assert.ok(here && there)
  return { here, there }
}
const start = async (server: Pick<typeof parts, 'runs'>) =>
  parseId('run', (await server.runs.startRun(parts.actor, { project, ref: 'main' })).id)!
const statusOf = async (run: RunId) => (await parts.runs.findRun(parts.scope, run))?.status
const one = ([held, ...more]: readonly Held[]): Held => {
  assert.ok(held)
  assert.deepEqual(more, [])
  return held
}

test('jobs that runners ask both servers for at once are given once each', async () => {
  const planner = await openRunner('planner')
  const run = await start(parts)
  const keys = Array.from({ length: 60 }, (_, i) => ({ key: `j${i}` }))
  await planner.here.finishPlan(one(await planner.here.take()), keys)
  const runners = await Promise.all(['a', 'b', 'c', 'd'].map((name) => openRunner(name, 20)))
  const taken = await Promise.all(
    runners.map(async ({ here, there }, i) => {
      const runner = i % 2 === 0 ? here : there
      const held: Held[] = []
      while (held.length < 15) held.push(...(await runner.take({ free: { small: 5 } }, 5)))
      return held
    }),
  )
  const attempts = taken.flat().map(({ attempt }) => attempt)
  assert.equal(attempts.length, 60)
  assert.equal(new Set(attempts).size, 60)
  // Their ends come in at the other server.
  for (const [i, held] of taken.entries())
    for (const each of held) {
      const runner = i % 2 === 0 ? runners[i]?.there : runners[i]?.here
      assert.equal((await runner?.finish(each))?.status, 200)
    }
  assert.equal(await statusOf(run), 'passed')
})

test('a poll that waits at one server has what begins at the other', async () => {
  const { there } = await openRunner('waiting')
  const waiting = there.take()
  const run = await start(parts)
  const plan = one(await waiting)
  assert.equal((await there.finishPlan(plan, [{ key: 'a' }])).status, 200)
  assert.equal((await there.finish(one(await there.take()))).status, 200)
  assert.equal(await statusOf(run), 'passed')
})

test('a lease whose answer went down with one server is given again by the other, as the same attempt', async () => {
  const { here, there } = await openRunner('bereaved')
  const run = await start(parts)
  await here.finishPlan(one(await here.take()), [{ key: 'a' }])
  const first = one(await here.take())
  const again = one(await there.take({ held: [] }))
  assert.equal(again.attempt, first.attempt)
  assert.equal((await here.finish(first)).status, 409)
  assert.equal((await there.finish(again)).status, 200)
  assert.equal(await statusOf(run), 'passed')
})

test('of two servers that find a runner silent one calls its lease lost', async () => {
  const { here } = await openRunner('silent')
  await start(parts)
  await here.finishPlan(one(await here.take()), [{ key: 'a' }])
  const held = one(await here.take())
  let uptime = 0
  const clock = { ...systemClock, monotonicMs: () => uptime }
  const both = [parts, beside].map(({ db }) =>
    createExpiry({ db, newId: parts.newId, log: silentLog, clock }),
  )
  const sweep = async () => (await Promise.all(both.map((expiry) => expiry.sweep()))).sort()
  assert.deepEqual(await sweep(), [0, 0])
  uptime = leaseTtlMs + leaseGraceMs + 1
  assert.deepEqual(await sweep(), [0, 1])
  assert.deepEqual((await here.beat([held])).body.leases, { [held.lease]: { lost: true } })
  assert.equal((await here.finish(one(await here.take()))).status, 200)
})

test('who follows a log at one server is told to the runner whose poll waits at the other, and with the answer to its frames', async () => {
  const { here } = await openRunner('watched')
  await start(parts)
  await here.finishPlan(one(await here.take()), [{ key: 'a' }])
  const held = one(await here.take())
  const poll = here.poll({ held: [held.lease] })
  const stop = beside.watchers.watch(held.attempt)
  assert.deepEqual((await poll).body.control, [{ lease: held.lease, watched: true }])
  const { leases } = (await here.frames(held, 0, 'x\n')).body
  assert.deepEqual(leases[held.lease], { durable: 1, watched: true })
  stop()
  await here.finish(held)
})

test('who follows a job before it begins is told to its runner with the first frames', async () => {
  const { here } = await openRunner('watched-early')
  await start(parts)
  await here.finishPlan(one(await here.take()), [{ key: 'a' }, { key: 'b' }])
  const held = one(await here.take({}, 1))
  const run = await parts.runs.findRun(
    parts.scope,
    parseId('run', held.spec.kind === 'job' ? held.spec.run.id : '')!,
  )
  const queued = run?.jobs.flatMap(({ status, attempts }) => (status === 'queued' ? attempts : []))[0]
  const attempt = parseId('attempt', queued?.id ?? '')!
  const heard = new Promise<void>((resolve) => {
    closers.push(parts.watchers.onChange((which) => which === attempt && resolve()))
  })
  const stop = beside.watchers.watch(attempt)
  await heard
  const next = one(await here.take({ held: [held.lease] }, 1))
  assert.equal(next.attempt, attempt)
  assert.deepEqual((await here.frames(next, 0, 'x\n')).body.leases[next.lease], { durable: 1, watched: true })
  stop()
  for (const each of [held, next]) assert.equal((await here.finish(each)).status, 200)
})

test('of plans of one project that come at once, to one server or two, each job has a turn of its own', async () => {
  const { here, there } = await openRunner('planners')
  const jobs = Array.from({ length: 5 }, (_, i) => ({ key: `j${i}` }))
  for (const other of [here, there])
    for (let round = 0; round < 12; round++) {
      const runs = [await start(parts), await start(parts)]
      const plans: Held[] = []
      while (plans.length < 2) plans.push(...(await here.take({ free: { 'built-in': 2 } })))
      await Promise.all([here.finishPlan(plans[0]!, jobs), other.finishPlan(plans[1]!, jobs)])
      const { rows } = await sql<{ turns: number; jobs: number }>`
        select count(distinct turn)::int as turns, count(*)::int as jobs from attempts
        where status = 'queued' and class = 'small'`.execute(parts.db)
      assert.deepEqual(rows, [{ turns: 10, jobs: 10 }])
      for (const run of runs) await parts.runs.cancelRun(parts.actor, run)
    }
})
