// The runner protocol over real TLS, with a real database and a real vault; the runner is scripted.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { waitFor } from '../../../test/support/installation.ts'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import {
  createScriptedRunner,
  type Held,
  planJob,
  planOf,
  type ScriptedRunner,
} from '../../../test/support/scripted-runner.ts'
import { fromBase64Url } from '../../base/bytes.ts'
import { parseId, type RunId } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import { type AttemptEvent, leaseGraceMs, leaseTtlMs } from '../../protocol/runner-wire.ts'
import { generateSigningKey, jcsDigest, signJws } from '../../seal/index.ts'
import { systemClock } from '../../sys/index.ts'
import { limits } from '../limits.ts'
import { createExpiry } from './expiry.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const opened: ScriptedRunner[] = []
after(() => {
  for (const runner of opened) runner.close()
})
const open = async (name: string, options?: Parameters<typeof createScriptedRunner>[2]) => {
  const identity = await enrolRunner(parts, name)
  return { ...again(identity, options), identity }
}
const again = (
  identity: Awaited<ReturnType<typeof enrolRunner>>,
  options?: Parameters<typeof createScriptedRunner>[2],
) => {
  const runner = createScriptedRunner(parts, identity, options)
  opened.push(runner)
  return runner
}
const start = async () =>
  parseId('run', (await parts.runs.startRun(parts.actor, { project, ref: 'main' })).id)!
const get = async (run: RunId) => (await parts.runs.findRun(parts.scope, run))!
const statuses = async (run: RunId) =>
  Object.fromEntries((await get(run)).jobs.map((job) => [job.key, job.status]))
const one = async (runner: ScriptedRunner): Promise<Held> => {
  const [held, ...more] = await runner.take()
  assert.ok(held)
  assert.deepEqual(more, [])
  return held
}
/** A run with these jobs, planned by `runner`. */
const planned = async (runner: ScriptedRunner, ...jobs: Parameters<ScriptedRunner['finishPlan']>[1]) => {
  const run = await start()
  assert.equal((await runner.finishPlan(await one(runner), jobs)).status, 200)
  return run
}

test('a run goes from its plan through its jobs to its end', async () => {
  const runner = await open('one')
  const run = await start()
  assert.equal((await get(run)).status, 'queued')
  const plan = await one(runner)
  assert.equal(plan.spec.kind, 'plan')
  assert.equal(plan.sealed, null)
  assert.equal((await get(run)).status, 'running')
  const jobs = [{ key: 'a' }, { key: 'b', needs: [{ job: 'a', on: ['passed' as const] }] }]
  assert.equal((await runner.finishPlan(plan, jobs)).status, 200)
  assert.deepEqual(await statuses(run), { plan: 'passed', a: 'queued', b: 'waiting' })
  const { event, jobs: shown } = await get(run)
  assert.deepEqual([event.commit, event.subject, event.author], ['c'.repeat(40), 'Say hello', 'A. Uthor'])
  assert.equal(shown[1]?.reason?.code, 'capacity')
  assert.deepEqual(shown[2]?.reason, { code: 'needs', text: 'Waits for a', job_id: shown[1]?.id })
  const first = await one(runner)
  assert.ok(first.spec.kind === 'job')
  assert.deepEqual(
    [first.spec.job.key, first.spec.workflow.name, first.spec.egress.mode, first.spec.class],
    ['a', 'main', 'open', 'small'],
  )
  assert.equal(first.spec.specDigest, await jcsDigest(planJob({ key: 'a' }).spec))
  assert.equal(first.spec.run.startedBy, undefined, 'the operator is no person')
  const frames = await runner.frames(first, 0, 'hello\n', 'world\n')
  assert.deepEqual(frames.body.leases, { [first.lease]: { durable: 2, watched: false } })
  assert.equal((await runner.finish(first)).status, 200)
  assert.equal((await runner.finish(await one(runner))).status, 200)
  const done = await get(run)
  assert.equal(done.status, 'passed')
  assert.ok(done.finished_at && done.duration_ms !== null && done.queued_ms !== null)
  assert.deepEqual(
    done.workflows.map(({ status }) => status),
    ['passed'],
  )
})

test('of a job that its first shard finishes the others begin, and the first comes when they have passed', async () => {
  const runner = await open('first-shard')
  const plain = planJob({ key: 'a', shards: 3 })
  assert.ok(plain.spec)
  const steps = plain.spec.steps.map((step) =>
    step.kind === 'run' ? { ...step, firstShardOnly: true as const } : step,
  )
  const after = { key: 'b', needs: [{ job: 'a', on: ['passed' as const] }] }
  const run = await planned(runner, { key: 'a', shards: 3, spec: { ...plain.spec, steps } }, after)
  const shards = async () =>
    (await get(run)).jobs.filter(({ key }) => key === 'a').map(({ status }) => status)
  const begun = await runner.take()
  const indices = begun.map(({ spec }) => (spec.kind === 'job' ? spec.shard.index : null))
  assert.deepEqual(indices.sort(), [1, 2])
  assert.deepEqual(await shards(), ['waiting', 'running', 'running'])
  const first = (await get(run)).jobs.find(({ key }) => key === 'a')
  assert.ok(first)
  assert.match(first.reason?.text ?? '', /^Waits for the other copies of this job/)
  assert.ok(
    first.needs.every(({ job_id }) => job_id !== first.id),
    'nothing needs itself',
  )
  for (const held of begun) assert.equal((await runner.finish(held)).status, 200)
  const last = await one(runner)
  assert.equal(last.spec.kind === 'job' && last.spec.shard.index, 0)
  assert.equal((await runner.finish(last)).status, 200)
  assert.equal((await runner.finish(await one(runner))).status, 200)
  assert.equal((await get(run)).status, 'passed')
})

test('a job is told the name of the person who started its run, and what was told of the change', async () => {
  const runner = await open('by-a-person')
  const run = await planned(runner, { key: 'a' })
  const person = parts.newId('user')
  await sql`insert into users (id, organisation_id, name, email, role)
    select ${person}, organisation_id, 'A. Person', 'a@person.example', 'owner' from runs where id = ${run}`.execute(
    parts.db,
  )
  const change = { base: 'b'.repeat(40), pullRequest: { number: 7, url: 'https://code.example/7' } }
  await sql`update runs set started_by = ${person}, change = ${JSON.stringify(change)} where id = ${run}`.execute(
    parts.db,
  )
  const held = await one(runner)
  assert.ok(held.spec.kind === 'job')
  assert.deepEqual([held.spec.run.startedBy, held.spec.run.change], ['A. Person', change])
  await runner.finish(held)
})

test('a held poll is answered by the commit that brings work, without asking the database in between', async () => {
  const runner = await open('held')
  const held = one(runner)
  const run = await start()
  const startedAt = performance.now()
  const plan = await held
  assert.ok(performance.now() - startedAt < limits.safetyNetMs, 'sooner than the safety net')
  await runner.finishPlan(plan, [])
  const { status, headline } = await get(run)
  assert.deepEqual([status, headline], ['skipped', 'No workflow of the configuration is for this event'])
})

test('two runners never get one attempt, and a host gets up to its free places at once', async () => {
  const a = await open('race-a')
  const run = await planned(a, ...Array.from({ length: 8 }, (_, i) => ({ key: `j${i}` })))
  const b = await open('race-b')
  const free = { small: 8 }
  const [first, second] = await Promise.all([a.take({ free }, 4), b.take({ free }, 4)])
  assert.deepEqual([first.length, second.length], [4, 4])
  assert.equal(new Set([...first, ...second].map(({ attempt }) => attempt)).size, 8)
  for (const held of first) assert.equal((await a.finish(held)).status, 200)
  for (const held of second) assert.equal((await b.finish(held)).status, 200)
  assert.equal((await get(run)).status, 'passed')
})

test('the end is told once: the same words again are fine, others are refused', async () => {
  const runner = await open('finish')
  const run = await planned(runner, { key: 'a' })
  const held = await one(runner)
  const both = await Promise.all([runner.finish(held), runner.finish(held)])
  assert.deepEqual(
    both.map(({ status }) => status),
    [200, 200],
  )
  assert.equal((await runner.finish(held)).status, 200)
  const other = await runner.finish(held, { outcome: 'failed' })
  assert.deepEqual([other.status, other.body?.code], [409, 'E_LEASE_LOST'])
  assert.equal(
    (await runner.events(held, [{ seq: 1, atMs: 0, kind: 'phase', phase: 'running' }])).status,
    409,
  )
  const late = await runner.frames(held, 0, 'late\n')
  assert.deepEqual(late.body.leases, { [held.lease]: { lost: true } })
  assert.equal((await get(run)).status, 'passed')
})

test('a canary or a packed secret in a log is an alarm: rows of the audit, and words on the attempt', async () => {
  const runner = await open('alarm')
  const run = await planned(runner, { key: 'a' })
  const held = await one(runner)
  const alarm = { seq: 1, atMs: Date.now(), kind: 'alarm', what: 'canary' } as const
  const leak = { seq: 2, atMs: Date.now(), kind: 'alarm', what: 'leak', secret: 'TOKEN' } as const
  for (let time = 0; time < 2; time++)
    assert.deepEqual((await runner.events(held, [alarm, leak])).body, { lastEvent: 2 })
  const { notes } = (await parts.runs.findAttempt(parts.scope, held.attempt))!
  assert.equal(notes.length, 2)
  assert.match(notes[0] ?? '', /^ALARM: the canary/)
  assert.match(notes[1] ?? '', /^ALARM: .* holds the secret TOKEN where it cannot be masked/)
  const { rows } = await sql`
    select action, actor_id, target, project_id, run_id, result from audit
    where action in ('canary.seen', 'secret.leak_suspected') order by id`.execute(parts.db)
  const facts = { actor_id: runner.identity.id, target: held.attempt, project_id: project, run_id: run }
  assert.deepEqual(rows, [
    { action: 'canary.seen', ...facts, result: 'error' },
    { action: 'secret.leak_suspected', ...facts, result: 'error' },
  ])
  await runner.finish(held)
})

test('events are applied once and in order, and show as steps', async () => {
  const runner = await open('events')
  const run = await planned(runner, { key: 'a' })
  const held = await one(runner)
  const now = Date.now()
  const before = (await get(run)).rev
  const events = [
    { seq: 1, atMs: now, kind: 'phase', phase: 'running' },
    { seq: 2, atMs: now, kind: 'step-started', step: 0, name: 'say\0hello', type: 'run' },
    {
      seq: 3,
      atMs: now,
      kind: 'step-finished',
      step: 0,
      status: 'failed',
      exitCode: 3,
      ms: 40,
      leftovers: 1,
      message: 'exit 3',
      cache: 'miss',
    },
    { seq: 4, atMs: now, kind: 'step-started', step: 1, name: 'next', type: 'run' },
    { seq: 5, atMs: now, kind: 'note', text: 'ran on the host toolchain' },
  ] as const
  const unheard = { ...events[2], seq: 1, cache: 'warm' } as unknown as AttemptEvent
  assert.equal((await runner.events(held, [unheard])).status, 400)
  assert.deepEqual((await runner.events(held, events.slice(0, 3))).body, { lastEvent: 3 })
  assert.deepEqual((await runner.events(held, events)).body, { lastEvent: 5 })
  assert.deepEqual((await runner.events(held, events)).body, { lastEvent: 5 })
  const attempt = (await parts.runs.findAttempt(parts.scope, held.attempt))!
  assert.deepEqual(
    attempt.steps.map(({ name, status, exit_code, cache }) => [name, status, exit_code, cache]),
    [
      ['say\u2400hello', 'failed', 3, 'miss'],
      ['next', 'running', null, null],
    ],
  )
  assert.equal(attempt.phase, 'running')
  assert.deepEqual(attempt.notes, ['ran on the host toolchain'])
  assert.ok((await parts.runs.jobsSince(parts.scope, run, before))!.jobs.some(({ key }) => key === 'a'))
  await runner.finish(held, { outcome: 'failed', reason: { code: null, message: 'step next: exit 3' } })
  const done = await get(run)
  assert.deepEqual([done.status, done.headline], ['failed', 'a: step next: exit 3'])
  assert.equal((await parts.runs.findAttempt(parts.scope, held.attempt))!.steps[1]?.status, 'cancelled')
})

test('frames are stored once, without gaps, and only for the lease that is theirs', async () => {
  const runner = await open('frames')
  await planned(runner, { key: 'a' }, { key: 'b' })
  const [held, other] = (await runner.take()) as [Held, Held]
  await runner.frames(held, 0, '1\n', '2\n')
  held.log.seq = 1
  const overlap = await runner.frames(held, 0, '2\n', '3\n')
  assert.deepEqual(overlap.body.leases[held.lease], { durable: 3, watched: false })
  held.log.seq = 9
  const gap = await runner.frames(held, 0, '10\n')
  assert.deepEqual(gap.body.leases[held.lease], { durable: 3, watched: false })
  const stranger = await open('stranger')
  const stolen = await stranger.frames(held, 0, 'x\n')
  assert.deepEqual(stolen.body.leases[held.lease], { lost: true })
  assert.equal((await stranger.finish(held)).status, 409)
  const rows = await sql<{
    n: number
  }>`select sum(cardinality(starts)) as n from log_frames where attempt_id = ${held.attempt}`.execute(
    parts.db,
  )
  assert.equal(rows.rows[0]?.n, 3)
  assert.equal((await runner.finish(held, { lastSeq: 5 })).status, 200)
  const attempt = (await parts.runs.findAttempt(parts.scope, held.attempt))!
  assert.deepEqual([attempt.last_seq, attempt.log_complete], [3, true])
  assert.match(attempt.notes[0] ?? '', /incomplete: 2 pieces/)
  await runner.finish(other)
})

test('a cancelled run tells its runner through the held poll', async () => {
  const runner = await open('cancel')
  const run = await planned(runner, { key: 'a' }, { key: 'b', needs: [{ job: 'a', on: ['passed'] }] })
  const held = await one(runner)
  const poll = runner.poll()
  const cancelled = await parts.runs.cancelRun(parts.actor, run)
  assert.deepEqual(await statuses(run), { plan: 'passed', a: 'running', b: 'cancelled' })
  assert.equal(cancelled.status, 'running')
  assert.deepEqual((await poll).body.control, [{ lease: held.lease, cancel: { by: 'operator' } }])
  await runner.finish(held, { outcome: 'cancelled' })
  assert.equal((await get(run)).status, 'cancelled')
  assert.equal((await parts.runs.cancelRun(parts.actor, run)).status, 'cancelled')
})

test('a queued run is cancelled at once and leased to nobody', async () => {
  const runner = await open('cancel-queued')
  const run = await start()
  assert.equal((await parts.runs.cancelRun(parts.actor, run)).status, 'cancelled')
  const next = await start()
  const held = await one(runner)
  assert.equal(held.spec.kind === 'plan' && held.spec.run.id, next)
  await runner.finishPlan(held, [])
})

test('claims and cancels at the same time leave no attempt behind', async () => {
  const runner = await open('cancel-race')
  const run = await planned(runner, ...Array.from({ length: 12 }, (_, i) => ({ key: `j${i}` })))
  const polls = Array.from({ length: 3 }, () => runner.poll({ free: { small: 2 } }, 2))
  await parts.runs.cancelRun(parts.actor, run)
  // A job of another run for each poll that found nothing.
  const planner = await open('cancel-race-planner', { free: { 'built-in': 1 } })
  const filler = await planned(planner, ...Array.from({ length: 6 }, (_, i) => ({ key: `f${i}` })))
  const granted = (await Promise.all(polls)).flatMap(({ body }) => body.leases)
  const rest = await drain(runner)
  for (const { lease } of [...granted, ...rest]) {
    const finish = {
      v: 1,
      outcome: 'passed',
      reason: null,
      receipt: null,
      lastSeq: 0,
      lastEvent: 0,
      result: { kind: 'job' },
    }
    assert.equal((await runner.send(`/runner/v1/leases/${lease}/finish`, finish)).status, 200)
  }
  const { status, jobs } = await get(run)
  assert.equal(status, 'cancelled')
  assert.ok(jobs.every((job) => ['passed', 'cancelled'].includes(job.status)))
  assert.equal((await get(filler)).status, 'passed')
})

/** Everything that is queued, without waiting. */
const drain = async (runner: ScriptedRunner): Promise<readonly Held[]> => {
  const { rows } = await sql`select 1 from attempts where status = 'queued' limit 1`.execute(parts.db)
  return rows.length === 0 ? [] : [...(await runner.take()), ...(await drain(runner))]
}

test('watching tells the runner, in the answer to frames and in the held poll', async () => {
  const runner = await open('watch')
  await planned(runner, { key: 'a' })
  const held = await one(runner)
  const poll = runner.poll()
  const stop = parts.watchers.watch(held.attempt)
  assert.deepEqual((await poll).body.control, [{ lease: held.lease, watched: true }])
  assert.deepEqual((await runner.frames(held, 0, 'x\n')).body.leases[held.lease], {
    durable: 1,
    watched: true,
  })
  const next = runner.poll()
  stop()
  assert.deepEqual((await next).body.control, [{ lease: held.lease, watched: false }])
  await runner.finish(held)
})

test('a time limit counts our uptime: a clock that jumps a day ahead ends nothing, the time itself does', async () => {
  const runner = await open('ahead')
  await planned(runner, { key: 'a' })
  const held = await one(runner)
  let uptime = 0
  const clock = { ...systemClock, monotonicMs: () => uptime }
  const expiry = createExpiry({ db: parts.db, newId: parts.newId, log: silentLog, clock })
  // What the database sees after its clock jumped: everything it wrote down lies a day back.
  await sql`update attempts set started_at = started_at - interval '1 day', deadline_at = deadline_at - interval '1 day'
    where id = ${held.attempt}`.execute(parts.db)
  const { rows } = await sql<{ ms: number }>`
    select extract(epoch from deadline_at - started_at)::float8 * 1000 as ms from attempts
    where id = ${held.attempt}`.execute(parts.db)
  const allowedMs = rows[0]?.ms ?? assert.fail()
  assert.ok(allowedMs > 0)
  assert.equal(await expiry.sweep(), 0)
  for (; uptime < allowedMs - leaseTtlMs; uptime += leaseTtlMs) {
    await runner.beat([held])
    assert.equal(await expiry.sweep(), 0)
  }
  await runner.beat([held])
  uptime = allowedMs
  assert.equal(await expiry.sweep(), 1, 'beats do not keep what its runner does not end')
  await runner.finish(await one(runner))
})

test('a lease that is not renewed is lost by our own uptime, tried once more, then errored', async () => {
  const runner = await open('lost')
  const run = await planned(runner, { key: 'a' })
  const first = await one(runner)
  let uptime = 0
  const clock = { ...systemClock, monotonicMs: () => uptime }
  const expiry = createExpiry({ db: parts.db, newId: parts.newId, log: silentLog, clock })
  const life = leaseTtlMs + leaseGraceMs
  await expiry.sweep()
  const renewed = async (number: number) => {
    const attempt = (await get(run)).jobs[1]?.attempts[number - 1]
    const shown = await parts.runs.findAttempt(parts.scope, parseId('attempt', attempt?.id ?? '')!)
    return shown?.renewed_at ?? null
  }
  assert.equal(await renewed(1), null, 'no beat yet')
  uptime = life - 1
  assert.equal(await expiry.sweep(), 0)
  assert.deepEqual((await runner.beat([first])).body.leases, { [first.lease]: { ttlMs: leaseTtlMs } })
  const beat = await renewed(1)
  assert.ok(beat !== null, 'the beat is told')
  uptime = life + 1
  assert.equal(await expiry.sweep(), 0, 'the beat counted')
  uptime = 2 * life + 1
  assert.equal(await expiry.sweep(), 1)
  assert.deepEqual((await runner.beat([first])).body.leases, { [first.lease]: { lost: true } })
  assert.equal((await runner.finish(first)).status, 409)
  assert.deepEqual(await statuses(run), { plan: 'passed', a: 'queued' })
  const second = await one(runner)
  assert.ok(second.spec.kind === 'job')
  assert.equal(second.spec.number, 2)
  // A server that has just started gives every lease its full time.
  uptime = 9 * life
  const restarted = createExpiry({ db: parts.db, newId: parts.newId, log: silentLog, clock })
  assert.equal(await restarted.sweep(), 0)
  uptime += life
  assert.equal(await restarted.sweep(), 1)
  const { status, jobs, headline } = await get(run)
  assert.deepEqual([status, jobs[1]?.attempts.length], ['errored', 2])
  assert.deepEqual(
    jobs[1]?.attempts.map(({ cause, failure }) => [cause, failure?.code]),
    [
      ['start', 'E_LEASE_LOST'],
      ['retry', 'E_LEASE_LOST'],
    ],
  )
  assert.match(headline ?? '', /^a: Runner lost was not heard of/)
  assert.deepEqual([await renewed(1), await renewed(2)], [beat, null], 'what came too late renewed nothing')
})

test('a lease whose answer was lost on the way is queued again at once, as the same attempt', async () => {
  const runner = await open('lost-answer')
  const run = await planned(runner, { key: 'a' })
  const first = await one(runner)
  const [again, ...more] = await runner.take({ held: [] })
  assert.deepEqual([again?.attempt, more], [first.attempt, []])
  assert.notEqual(again?.lease, first.lease)
  assert.equal((await runner.finish(first)).status, 409)
  assert.equal((await runner.finish(again!)).status, 200)
  const { status, jobs } = await get(run)
  assert.deepEqual([status, jobs[1]?.attempts.map(({ number }) => number)], ['passed', [1]])
})

test('a lease is not taken back while its runner has it, has been heard of, offers no place, or it was taken back before', async () => {
  const runner = await open('kept')
  const run = await planned(runner, { key: 'a' }, { key: 'b' })
  const [a, b] = (await runner.take()) as [Held, Held]
  await runner.events(b, [{ seq: 1, atMs: 0, kind: 'phase', phase: 'opening' }])
  const news = async (changes: object) => {
    const stop = parts.watchers.watch(a.attempt)
    const { status, body } = await runner.poll(changes)
    stop()
    await runner.poll({ eph: [] })
    assert.deepEqual([status, body.leases], [200, []])
  }
  await news({ held: [a.lease, b.lease] })
  await news({ held: [a.lease] })
  await news({ held: [], eph: [] })
  await news({})
  assert.deepEqual(await statuses(run), { plan: 'passed', a: 'running', b: 'running' })
  const [again] = await runner.take({ held: [b.lease] })
  assert.equal(again?.attempt, a.attempt)
  await news({ held: [b.lease] })
  assert.deepEqual((await runner.beat([again!])).body.leases, { [again!.lease]: { ttlMs: leaseTtlMs } })
  for (const held of [again!, b]) assert.equal((await runner.finish(held)).status, 200)
})

test('a restarted runner ends what its older self had, at once', async () => {
  const runner = await open('restart')
  const run = await planned(runner, { key: 'a' })
  const held = await one(runner)
  const fresh = again(runner.identity, { session: 2, boot: 'boot-2' })
  const [retry] = await fresh.take()
  assert.equal(retry?.spec.kind === 'job' && retry.spec.number, 2)
  assert.equal((await runner.finish(held)).status, 409)
  assert.deepEqual((await runner.beat([held])).body.leases, { [held.lease]: { lost: true } })
  await fresh.finish(retry!)
  assert.equal((await get(run)).status, 'passed')
})

/** Waits until the runner's session is there. */
const opens = async (runner: string, session: number) => {
  const until = Date.now() + 5_000
  const find = () =>
    sql`select 1 from runners where id = ${runner} and session = ${session}`.execute(parts.db)
  while ((await find()).rows.length === 0) assert.ok(Date.now() < until)
}

test('a copied key is found out: the same session from another start, or a lower one later', async () => {
  const suspended = async (identity: { id: string }) =>
    (await parts.runners.list()).items.find(({ id }) => id === identity.id)?.status
  const twice = await open('twice', { free: {} })
  const polling = twice.poll({ free: {} })
  await opens(twice.identity.id, 1)
  const clone = again(twice.identity, { boot: 'elsewhere' })
  const answer = await clone.poll()
  assert.deepEqual([answer.status, (answer.body as { code?: string }).code], [409, 'E_RUNNER_SESSION'])
  assert.equal(await suspended(twice.identity), 'suspended')
  assert.equal((await twice.beat([])).status, 409)
  const early = { iat: Math.floor(Date.now() / 1000) }
  const lower = await open('lower', { session: 7, free: {} })
  const held = lower.poll({ free: {} })
  await opens(lower.identity.id, 7)
  const late = { iat: Math.floor(Date.now() / 1000) + 5 }
  const body = { v: 1, session: 3, boot: 'old', free: {}, eph: [] }
  assert.equal(
    (await lower.send('/runner/v1/poll', body, { claims: early })).status,
    409,
    'on its way when the newer one opened',
  )
  assert.equal(await suspended(lower.identity), 'online')
  assert.equal((await lower.send('/runner/v1/poll', body, { claims: late })).status, 409)
  assert.equal(await suspended(lower.identity), 'suspended')
  const alarms = await sql`select 1 from audit where action = 'runner.suspend'`.execute(parts.db)
  assert.equal(alarms.rows.length, 2)
  lower.close()
  twice.close()
  await Promise.allSettled([polling, held])
})

test('a request is believed only as it was signed, once, by an enrolled key', async () => {
  const runner = await open('signed')
  const stranger = await generateSigningKey()
  const beat = { v: 1, session: 1, leases: [] }
  const send = (change: Parameters<ScriptedRunner['send']>[2]) => runner.send('/runner/v1/beat', beat, change)
  assert.equal((await send({})).status, 200)
  const jti = 'the-same-number-twice'
  assert.equal((await send({ claims: { jti } })).status, 200)
  for (const change of [
    { claims: { jti } },
    { claims: { htm: 'PUT' } },
    { claims: { htu: '/runner/v1/poll' } },
    { claims: { iat: Math.floor(Date.now() / 1000) - 90 } },
    { claims: { iat: Math.floor(Date.now() / 1000) + 90 } },
    { claims: { iss: parts.newId('runner') } },
    { claims: { jti: 'short' } },
    { bytes: Buffer.from(JSON.stringify({ ...beat, session: 2 })) },
    { key: stranger },
    { authorization: 'Bearer x' },
    {
      authorization: `MF-Runner ${await signJws({ typ: 'mayfly-ticket+jwt', kid: runner.identity.id, claims: {} }, runner.identity.key.privateKey)}`,
    },
  ]) {
    const { status, body } = await send(change)
    assert.deepEqual(
      [status, (body as { code: string }).code],
      [401, 'E_RUNNER_UNKNOWN'],
      JSON.stringify(change.claims),
    )
  }
})

test('only the key counts that stands there now, whatever key was known before', async () => {
  const runner = await open('rekeyed')
  const beat = { v: 1, session: 1, leases: [] }
  const statusWith = async (key: Parameters<ScriptedRunner['send']>[2]) =>
    (await runner.send('/runner/v1/beat', beat, key)).status
  assert.equal(await statusWith({}), 200)
  const fresh = await generateSigningKey()
  const bytes = Buffer.from(fresh.publicKey)
  await sql`update runners set public_key = ${bytes} where id = ${runner.identity.id}`.execute(parts.db)
  assert.equal(await statusWith({}), 401)
  assert.equal(await statusWith({ key: fresh }), 200)
  const before = Buffer.from(runner.identity.key.publicKey)
  await sql`update runners set public_key = ${before} where id = ${runner.identity.id}`.execute(parts.db)
  assert.deepEqual([await statusWith({}), await statusWith({ key: fresh })], [200, 401])
})

test('frames are stored of an enrolled runner that signed with its key of now, and of nobody else', async () => {
  const runner = await open('framed')
  await planned(runner, { key: 'a' })
  const held = await one(runner)
  const { id, key } = runner.identity
  const lastSeq = async () =>
    (
      await sql<{ n: number }>`select last_seq as n from attempts where id = ${held.attempt}`.execute(
        parts.db,
      )
    ).rows[0]?.n
  assert.equal((await runner.frames(held, 0, 'known\n')).status, 200)
  const batch = await runner.batch(held, 0, 'x\n')
  const send = async (change: Parameters<ScriptedRunner['send']>[2] = {}) =>
    (await runner.send('/runner/v1/frames', batch, change)).status
  const jti = 'frames-with-one-number'
  assert.equal(await send({ bytes: Buffer.concat([batch, Buffer.alloc(1)]) }), 401, 'another body')
  assert.equal(await send({ key: await generateSigningKey() }), 401, 'another key')
  assert.equal(await send({ claims: { htu: '/runner/v1/beat' } }), 401, 'for another address')
  const states = [
    [sql`public_key = ${Buffer.from((await generateSigningKey()).publicKey)}`, 401],
    [sql`status = 'revoked'`, 401],
    [sql`status = 'suspended'`, 409],
  ] as const
  for (const [change, status] of states) {
    await sql`update runners set ${change} where id = ${id}`.execute(parts.db)
    assert.equal(await send(), status)
    await sql`update runners set status = 'enrolled', public_key = ${Buffer.from(key.publicKey)} where id = ${id}`.execute(
      parts.db,
    )
  }
  assert.equal(await lastSeq(), 1)
  assert.deepEqual([await send({ claims: { jti } }), await send({ claims: { jti } })], [200, 401])
  assert.equal(await lastSeq(), 2)
  await runner.finish(held)
})

test('what is not the protocol is refused without a defect', async () => {
  const runner = await open('malformed')
  const refused = async (path: string, body: object | Uint8Array, status = 400) =>
    assert.equal((await runner.send(path, body)).status, status, path)
  await refused('/runner/v1/poll', Buffer.from('{'))
  await refused('/runner/v1/poll', { v: 2 })
  await refused('/runner/v1/poll', { v: 1, session: 1, free: { small: 1e9 }, eph: [] })
  await refused('/runner/v1/frames', Buffer.from('MFR1'))
  await refused('/runner/v1/nothing', {}, 404)
  await refused('/runner/v1/leases/lse_x/finish', {}, 404)
  await refused(`/runner/v1/leases/${parts.newId('lease')}/vault`, {}, 404)
  await refused(`/runner/v1/leases/${parts.newId('lease')}/finish`, { v: 1 }, 400)
  await refused('/runner/v1/frames', Buffer.alloc(7 * 1024 * 1024), 400)
  await refused('/runner/v1/beat', Buffer.alloc(21 * 1024 * 1024), 413)
})

test('a plan that is not the one its runner says is our failure; a configuration error is the run’s', async () => {
  const runner = await open('plans')
  const finish = (held: Held, result: object, outcome = 'passed') =>
    runner.send(`/runner/v1/leases/${held.lease}/finish`, {
      v: 1,
      outcome,
      reason: null,
      receipt: null,
      lastSeq: 0,
      lastEvent: 0,
      result: {
        kind: 'plan',
        plan: null,
        planDigest: null,
        origins: {},
        problems: [],
        commit: null,
        ...result,
      },
    })
  const run = await start()
  const held = await one(runner)
  const plan = planOf(held, [{ key: 'a' }])
  assert.equal((await finish(held, { plan, planDigest: 'f'.repeat(64) })).status, 200)
  assert.deepEqual(await statuses(run), { plan: 'queued' }, 'tried once more')
  const other = await one(runner)
  const foreign = {
    ...plan,
    inputs: { ...plan.inputs, event: { ...plan.inputs.event, ref: 'refs/heads/other' } },
  }
  await finish(other, { plan: foreign, planDigest: await jcsDigest(foreign) })
  const errored = await get(run)
  assert.deepEqual(
    [errored.status, errored.headline],
    ['errored', 'The plan was refused: it is for another ref'],
  )
  const broken = await start()
  const problem = {
    code: 'MF2001',
    severity: 'error',
    message: 'no jobs',
    help: null,
    frame: [{ line: 3, text: 'jobs:' }],
    at: { file: '.circleci/config.yml', line: 3, column: 1, length: 5 },
  }
  await finish(await one(runner), { problems: [problem] }, 'failed')
  const failed = await get(broken)
  assert.deepEqual([failed.status, failed.headline], ['failed', '.circleci/config.yml:3: no jobs'])
  assert.deepEqual(failed.problems, [problem])
})

test('text from a sandbox that a database would refuse is stored in a readable form, and a plan with it is refused', async () => {
  const runner = await open('hostile-text')
  const run = await start()
  const held = await one(runner)
  const problem = {
    code: 'MF2001',
    severity: 'error',
    message: 'a\0b \ud800 c',
    at: null,
    frame: [],
    help: null,
  }
  const finish = (lease: Held, outcome: string, result: object) =>
    runner.send(`/runner/v1/leases/${lease.lease}/finish`, {
      v: 1,
      outcome,
      reason: { code: null, message: 'x\0' },
      receipt: null,
      lastSeq: 0,
      lastEvent: 0,
      result: {
        kind: 'plan',
        plan: null,
        planDigest: null,
        origins: {},
        problems: [],
        commit: null,
        ...result,
      },
    })
  assert.equal((await finish(held, 'failed', { problems: [problem] })).status, 200)
  const failed = await get(run)
  assert.equal(failed.problems[0]?.message, 'a\u2400b \ufffd c')
  assert.equal(failed.headline, 'a\u2400b \ufffd c')
  const next = await start()
  const second = await one(runner)
  const plan = planOf(second, [{ key: 'a', name: 'nul\0' }])
  assert.equal((await finish(second, 'passed', { plan, planDigest: await jcsDigest(plan) })).status, 200)
  assert.match((await get(next)).jobs[0]?.attempts[0]?.failure?.message ?? '', /NUL/)
  await parts.runs.cancelRun(parts.actor, next)
})

test('a receipt is kept with whether its signature fits', async () => {
  const runner = await open('receipts')
  await planned(runner, { key: 'a' }, { key: 'b' })
  const [a, b] = await runner.take()
  const sign = (attempt: string, key = runner.identity.key) =>
    signJws({ typ: 'mayfly-receipt+jwt', kid: runner.identity.id, claims: { v: 1, attempt } }, key.privateKey)
  await runner.finish(a!, { receipt: await sign(a!.attempt) })
  await runner.finish(b!, { receipt: await sign(a!.attempt) })
  const receiptOf = async (held: Held) => (await parts.runs.findAttempt(parts.scope, held.attempt))!.receipt
  assert.deepEqual(
    [(await receiptOf(a!))?.verified, (await receiptOf(a!))?.claims.attempt],
    [true, a!.attempt],
  )
  assert.equal((await receiptOf(b!))?.verified, false)
})

test('nothing is leased while the vault is away', async () => {
  const lonely = await openParts()
  const where = await addLocalProject(lonely, 'lonely')
  const identity = await enrolRunner(lonely, 'lonely')
  const runner = createScriptedRunner(lonely, identity)
  opened.push(runner)
  await lonely.stopVault()
  await lonely.runs.startRun(lonely.actor, { project: where })
  const aborted = new AbortController()
  const poll = runner.poll()
  poll.catch(() => aborted.abort())
  const until = Date.now() + 5_000
  const isSeen = async () => (await lonely.runners.list()).items[0]?.status === 'online'
  while (!(await isSeen())) assert.ok(Date.now() < until)
  const { rows } = await sql<{ status: string }>`select status from attempts`.execute(lonely.db)
  assert.deepEqual(rows, [{ status: 'queued' }])
  runner.close()
  await Promise.allSettled([poll])
})

test('a runner that a clock saw which was ahead is not online for that, and is seen again', async () => {
  const lonely = await openParts()
  const runner = createScriptedRunner(lonely, await enrolRunner(lonely, 'ahead'))
  opened.push(runner)
  const stand = async () => (await lonely.runners.list()).items[0]!
  const poll = runner.poll()
  await waitFor('the runner to be seen', async () => (await stand()).status === 'online')
  await sql`update runners set last_seen_at = now() + interval '1 year'`.execute(lonely.db)
  assert.equal((await stand()).status, 'offline')
  const next = runner.poll()
  await waitFor('the runner to be seen again', async () => (await stand()).status === 'online')
  runner.close()
  await Promise.allSettled([poll, next])
})

test('a ticket says what the lease is about', async () => {
  const runner = await open('ticket')
  const run = await start()
  const held = await one(runner)
  const claims = JSON.parse(Buffer.from(fromBase64Url(held.ticket.split('.')[1]!)!).toString())
  assert.deepEqual(
    [
      claims.purpose,
      claims.run,
      claims.attempt,
      claims.runner,
      claims.eph,
      claims.org,
      claims.project,
      claims.commit,
    ],
    ['plan', run, held.attempt, runner.identity.id, held.eph, parts.organisation, project, undefined],
  )
  assert.ok(claims.exp - claims.iat <= 600)
  await runner.finishPlan(held, [])
})
