// Runs as people see them: lists, pages, filters, changes since a rev, and what they may not see.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { isFault } from '../../base/faults.ts'
import { parseId, type RunId } from '../../base/ids.ts'
import * as api from '../../protocol/api/shapes.ts'
import { type Actor, scopeOfOrganisation } from '../access/actor.ts'
import type { RunNotice } from '../use-cases.ts'
import { expireApprovals } from './expire-approvals.ts'

const parts = await openParts()
const { runs, scope, actor } = parts
const web = await addLocalProject(parts, 'web')
await addLocalProject(parts, 'docs')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'r'))
after(() => runner.close())
const start = async (input: object = {}): Promise<RunId> =>
  parseId('run', (await runs.startRun(actor, { project: 'web', ...input })).id)!
const refuses = (work: Promise<unknown>, code: Parameters<typeof isFault>[1]) =>
  assert.rejects(work, (error) => isFault(error, code))

test('runs are numbered per project, also when many start at once', async () => {
  const [first] = await Promise.all([...Array.from({ length: 6 }, () => start()), start({ project: 'docs' })])
  const numbers = (await runs.listRuns(scope, { limit: 50, project: web })).items.map(({ number }) => number)
  assert.deepEqual(
    numbers.toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6],
  )
  assert.equal((await runs.listRuns(scope, { limit: 50, project: 'docs' })).items[0]?.number, 1)
  assert.ok(first)
})

test('a list is newest first, in pages, and narrows by what is asked', async () => {
  const all = (await runs.listRuns(scope, { limit: 50 })).items
  assert.deepEqual(
    all.map(({ id }) => id),
    all
      .map(({ id }) => id)
      .toSorted()
      .reverse(),
  )
  const first = await runs.listRuns(scope, { limit: 3 })
  const second = await runs.listRuns(scope, { limit: 50, cursor: first.next_cursor! })
  assert.deepEqual(
    [...first.items, ...second.items].map(({ id }) => id),
    all.map(({ id }) => id),
  )
  assert.equal(second.next_cursor, null)
  const commit = 'ab'.repeat(20)
  const tagged = await start({ ref: 'refs/tags/v1', commit })
  const only = async (query: object) =>
    (await runs.listRuns(scope, { limit: 50, ...query })).items.map(({ id }) => id)
  assert.deepEqual(await only({ commit: 'abab' }), [tagged])
  assert.deepEqual(await only({ project: 'web', number: 7 }), [tagged])
  assert.deepEqual(await only({ branch: 'nowhere' }), [])
  assert.deepEqual(await only({ status: 'passed' }), [])
  assert.deepEqual(await only({ event: 'schedule' }), [])
  assert.equal((await only({ event: 'manual' })).length, 8)
  await sql`update runs set author = 'Grace Hopper' where id = ${tagged}`.execute(parts.db)
  assert.deepEqual(await only({ author: 'Grace Hopper', event: 'manual' }), [tagged])
  assert.deepEqual(await only({ author: 'Grace' }), [])
  assert.equal((await only({ status: 'queued' })).length, 8)
  await refuses(runs.listRuns(scope, { limit: 3, cursor: 'run_x' }), 'E_INPUT')
})

test('a list is narrowed by time, runner class and whose runs they are', async () => {
  const user = parts.newId('user')
  await sql`insert into users (id, organisation_id, name, email, role)
    values (${user}, ${parts.organisation}, 'Ada', 'ada@example.org', 'owner')`.execute(parts.db)
  const idsOf = async (query: object) =>
    (await runs.listRuns(scope, { limit: 50, ...query })).items.map(({ id }) => id)
  assert.deepEqual(await idsOf({ mine: user }), [])
  assert.deepEqual(await idsOf({ mine: null }), [], 'who is nobody has none')
  const [started, named, mailed] = [await start(), await start(), await start()]
  await sql`update runs set started_by = ${user}, author = 'Ada' where id = ${started}`.execute(parts.db)
  await sql`update runs set author = 'Ada' where id = ${named}`.execute(parts.db)
  await sql`update runs set author = 'ada@example.org', status = 'failed' where id = ${mailed}`.execute(
    parts.db,
  )
  assert.deepEqual(await idsOf({ mine: user }), [mailed, named, started])
  assert.deepEqual(await idsOf({ mine: user, status: 'failed' }), [mailed])
  const [newest, ...rest] = await idsOf({ mine: user, limit: 1 })
  assert.deepEqual([newest, rest], [mailed, []])
  assert.deepEqual(await idsOf({ mine: user, cursor: mailed }), [named, started])

  const everything = await idsOf({})
  assert.deepEqual(await idsOf({ since: '1h' }), everything)
  assert.deepEqual(await idsOf({ until: '1h' }), [])
  assert.deepEqual(await idsOf({ since: '2020-01-01', until: '2020-12-31' }), [])
  for (const wrong of [{ since: 'yesterday' }, { until: '2026-02-30' }])
    await refuses(runs.listRuns(scope, { limit: 5, ...wrong }), 'E_INPUT')

  await sql`update attempts set class = 'large' where run_id = ${named}`.execute(parts.db)
  assert.deepEqual(await idsOf({ class: 'large' }), [named])
  assert.deepEqual(await idsOf({ class: 'large', status: 'failed' }), [])
  assert.deepEqual(await idsOf({ class: 'absent' }), [])
})

test('a class is looked for among a fixed number of runs; a short page says where to go on', async () => {
  const project = await addLocalProject(parts, 'old')
  const filled = sql`
    insert into runs (id, organisation_id, project_id, number, status, event_kind, ref, commit, started_by)
    select 'run_0' || lpad(n::text, 25, '0'), ${parts.organisation}, ${project}, n, 'passed', 'push', 'refs/heads/main',
      repeat('c', 40), 'hook' from generate_series(1, 2100) n`
  await filled.execute(parts.db)
  const oldest = `run_0${'1'.padStart(25, '0')}`
  const { rows } = await sql<{ id: RunId }>`
    update attempts set class = 'rare', run_id = ${oldest} where id = (select min(id) from attempts)
    returning run_id as id`.execute(parts.db)
  assert.equal(rows.length, 1)
  const query = { limit: 50, project: 'old', class: 'rare' }
  const first = await runs.listRuns(scope, query)
  assert.deepEqual(first.items, [])
  assert.equal(first.next_cursor, `run_0${'101'.padStart(25, '0')}`)
  const second = await runs.listRuns(scope, { ...query, cursor: first.next_cursor! })
  assert.deepEqual([second.items.map(({ id }) => id), second.next_cursor], [[oldest], null])
  await sql`delete from runs where project_id = ${project}`.execute(parts.db)
})

test('a run says where it comes from, and refuses names that git would refuse', async () => {
  const { event } = (await runs.findRun(scope, await start({ ref: 'refs/tags/v1' })))!
  assert.deepEqual([event.kind, event.branch, event.tag], ['manual', null, 'v1'])
  for (const ref of ['a b', '-x', 'a..b', 'refs/heads/', 'x\n', 'a.lock', 'refs/x'])
    await refuses(runs.startRun(actor, { project: 'web', ref }), 'E_INPUT')
  await refuses(runs.startRun(actor, { project: 'web', commit: 'abc' }), 'E_INPUT')
  await refuses(runs.startRun(actor, { project: 'absent' }), 'E_NOT_FOUND')
})

test('answers have the shapes of the API', async () => {
  await sql`update attempts set status = 'cancelled', finished_at = now() where status = 'queued'`.execute(
    parts.db,
  )
  const run = await start()
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [
    { key: 'a', shards: 2 },
    { key: 'b', needs: [{ job: 'a', on: ['passed'] }] },
  ])
  const [held] = await runner.take({}, 1)
  await runner.events(held!, [
    { seq: 1, atMs: Date.now(), kind: 'step-started', step: 0, name: 's', type: 'run' },
  ])
  const found = (await runs.findRun(scope, run))!
  assert.deepEqual(api.run.parse(found), found)
  const attempt = (await runs.findAttempt(scope, held!.attempt))!
  assert.deepEqual(api.attempt.parse(attempt), attempt)
  const list = await runs.listRuns(scope, { limit: 50 })
  assert.deepEqual(api.page(api.runSummary).parse(list), list)
  const [, a0, a1, b] = found.jobs
  assert.deepEqual([a0?.shard, a0?.shards, a1?.shard], [0, 2, 1])
  assert.deepEqual(b?.needs, [
    { job_id: a0?.id, on: ['passed'] },
    { job_id: a1?.id, on: ['passed'] },
  ])
  assert.deepEqual([a0?.status, a1?.status, found.status], ['running', 'queued', 'running'])
  await runner.finish(held!)
  for (const rest of await runner.take()) await runner.finish(rest)
  for (const rest of await runner.take()) await runner.finish(rest)
  const done = (await runs.findRun(scope, run))!
  assert.equal(done.status, 'passed')
})

test('how long a run usually takes is said from three passed runs on', async () => {
  const project = 'usual'
  await addLocalProject(parts, project)
  const usualAfter = async (seconds: number, status: string): Promise<number | null> => {
    const run = await start({ project })
    await sql`update attempts set status = 'cancelled', finished_at = now() where run_id = ${run}`.execute(
      parts.db,
    )
    await sql`update runs set status = ${status}, started_at = now() - make_interval(secs => ${seconds}),
      finished_at = now() where id = ${run}`.execute(parts.db)
    return (await runs.findRun(scope, run))!.usual_ms
  }
  assert.equal(await usualAfter(10, 'passed'), null)
  assert.equal(await usualAfter(40, 'passed'), null)
  assert.equal(await usualAfter(99, 'failed'), null, 'only passed runs count')
  assert.equal(await usualAfter(20, 'passed'), 20_000)
})

test('a follower gets the jobs above its rev, and a notice for every change', async () => {
  await sql`update attempts set status = 'cancelled', finished_at = now() where status = 'queued'`.execute(
    parts.db,
  )
  const notices: (RunNotice | null)[] = []
  const stop = runs.onChange((notice) => notices.push(notice))
  const run = await start()
  const first = (await runs.jobsSince(scope, run, -1))!
  assert.deepEqual(
    first.jobs.map(({ key }) => key),
    ['plan'],
  )
  assert.deepEqual((await runs.jobsSince(scope, run, first.rev))!.jobs, [])
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [{ key: 'a' }, { key: 'b' }])
  const second = (await runs.jobsSince(scope, run, first.rev))!
  assert.deepEqual(
    second.jobs.map(({ key }) => key),
    ['plan', 'a', 'b'],
  )
  const [a] = await runner.take({}, 1)
  await runner.finish(a!)
  const third = (await runs.jobsSince(scope, run, second.rev))!
  assert.deepEqual(
    third.jobs.map(({ key, status }) => [key, status]),
    [['a', 'passed']],
  )
  assert.ok(third.rev > second.rev)
  const until = Date.now() + 5_000
  const revs = () => notices.flatMap((notice) => (notice?.run === run ? [notice.rev] : []))
  while (!revs().includes(third.rev)) {
    assert.ok(Date.now() < until)
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.deepEqual(
    revs(),
    revs().toSorted((x, y) => x - y),
  )
  stop()
  await runs.cancelRun(actor, run)
})

test('another organisation sees and changes nothing', async () => {
  const stranger = scopeOfOrganisation(parts.newId('organisation'))
  const run = await start()
  const attempt = parseId('attempt', (await runs.findRun(scope, run))!.jobs[0]!.attempts[0]!.id)!
  assert.deepEqual((await runs.listRuns(stranger, { limit: 50 })).items, [])
  assert.equal(await runs.findRun(stranger, run), null)
  assert.equal(await runs.jobsSince(stranger, run, -1), null)
  assert.equal(await runs.findAttempt(stranger, attempt), null)
  await refuses(runs.cancelRun({ kind: 'operator', name: 'operator', scope: stranger }, run), 'E_NOT_FOUND')
  await refuses(
    runs.startRun({ kind: 'operator', name: 'operator', scope: stranger }, { project: 'web' }),
    'E_NOT_FOUND',
  )
})

test('starting and cancelling are in the audit log, in the same transaction', async () => {
  const run = await start()
  await runs.cancelRun(actor, run)
  await runs.cancelRun(actor, run)
  const { rows } = await sql<{ action: string; actor_id: string }>`
    select action, actor_id from audit where run_id = ${run} order by id`.execute(parts.db)
  assert.deepEqual(rows, [
    { action: 'run.start', actor_id: 'operator' },
    { action: 'run.cancel', actor_id: 'operator' },
  ])
})

test('a rerun adds attempts to the same jobs, by the same plan; what passed stays; history stays', async () => {
  await sql`update attempts set status = 'cancelled', finished_at = now() where status = 'queued'`.execute(
    parts.db,
  )
  const run = await start()
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [{ key: 'a' }, { key: 'b', needs: [{ job: 'a', on: ['passed'] }] }])
  const [a] = await runner.take()
  await runner.finish(a!, { outcome: 'failed', reason: { code: null, message: 'exit code 1' } })
  const failed = (await runs.findRun(scope, run))!
  assert.deepEqual([failed.status, failed.headline, failed.rerun], ['failed', 'a: exit code 1', null])
  await refuses(runs.rerunJob(actor, parseId('job', failed.jobs[0]!.id)!), 'E_CONFLICT')
  const again = await runs.rerunRun(actor, run, 'failed')
  assert.deepEqual(
    [again.status, again.headline, again.finished_at, again.duration_ms, again.rerun?.by.name],
    ['queued', null, null, null, 'operator'],
  )
  await refuses(runs.rerunRun(actor, run, 'all'), 'E_CONFLICT')
  const [second] = await runner.take()
  assert.equal(second!.spec.kind === 'job' && second!.spec.planDigest, failed.plan_digest)
  assert.deepEqual(
    [second!.spec.kind === 'job' && second!.spec.number, second!.attempt !== a!.attempt],
    [2, true],
  )
  await runner.finish(second!)
  const [b] = await runner.take()
  await runner.finish(b!)
  const done = (await runs.findRun(scope, run))!
  assert.deepEqual(
    [done.status, ...done.jobs.map(({ attempts }) => attempts.map((each) => `${each.cause} ${each.status}`))],
    ['passed', ['start passed'], ['start failed', 'rerun passed'], ['start passed']],
  )
  const [, jobA, jobB] = done.jobs
  await runs.rerunJob(actor, parseId('job', jobB!.id)!)
  for (const held of await runner.take()) await runner.finish(held)
  await runs.rerunRun(actor, run, 'all')
  for (const held of await runner.take()) await runner.finish(held)
  for (const held of await runner.take()) await runner.finish(held)
  const last = (await runs.findRun(scope, run))!
  assert.deepEqual([last.status, ...last.jobs.map(({ attempts }) => attempts.length)], ['passed', 1, 3, 3])
  const { rows } = await sql<{ target: string }>`
    select target from audit where run_id = ${run} and action = 'run.rerun' order by id`.execute(parts.db)
  assert.deepEqual(
    rows.map(({ target }) => target),
    [run, jobB!.id, run],
  )
  assert.ok(jobA)
})

test('a run without a plan is planned again; one that was cancelled goes on', async () => {
  const run = await start()
  const [plan] = await runner.take()
  await runner.finish(plan!, {
    outcome: 'failed',
    result: { kind: 'plan', plan: null, planDigest: null, origins: {}, problems: [], commit: null },
  })
  assert.equal((await runs.findRun(scope, run))!.status, 'failed')
  await runs.rerunRun(actor, run, 'failed')
  await runs.cancelRun(actor, run)
  const again = await runs.rerunRun(actor, run, 'all')
  assert.equal(again.status, 'queued')
  const [second] = await runner.take()
  await runner.finishPlan(second!, [{ key: 'a' }])
  for (const held of await runner.take()) await runner.finish(held)
  assert.equal((await runs.findRun(scope, run))!.status, 'passed')
  const stranger = {
    kind: 'operator',
    name: 'operator',
    scope: scopeOfOrganisation(parts.newId('organisation')),
  } as const
  await refuses(runs.rerunRun(stranger, run, 'all'), 'E_NOT_FOUND')
})

test('a job that waits for a person says so; yes and no are recorded with who and when', async () => {
  const answered = async (decision: 'approved' | 'rejected', comment: string | null) => {
    const run = await start()
    const [plan] = await runner.take()
    await runner.finishPlan(plan!, [
      { key: 'ok', kind: 'approval' },
      { key: 'ship', needs: [{ job: 'ok', on: ['passed'] }] },
    ])
    const held = (await runs.findRun(scope, run))!
    assert.deepEqual(
      [held.status, held.jobs[1]?.status, held.jobs[1]?.reason?.code],
      ['on_hold', 'on_hold', 'approval'],
    )
    const job = parseId('job', held.jobs[1]!.id)!
    await refuses(
      runs.decideApproval(actor, parseId('job', held.jobs[2]!.id)!, { decision, comment }),
      'E_CONFLICT',
    )
    const stranger = {
      kind: 'operator',
      name: 'operator',
      scope: scopeOfOrganisation(parts.newId('organisation')),
    } as const
    await refuses(runs.decideApproval(stranger, job, { decision, comment }), 'E_NOT_FOUND')
    const [first, second] = await Promise.allSettled([
      runs.decideApproval(actor, job, { decision, comment }),
      runs.decideApproval(actor, job, { decision, comment }),
    ])
    assert.deepEqual([first!.status, second!.status].toSorted(), ['fulfilled', 'rejected'], 'once')
    return { run, job, after: (await runs.findRun(scope, run))! }
  }
  const yes = await answered('approved', 'looks good')
  assert.deepEqual(api.run.parse(yes.after), yes.after)
  const [approval] = yes.after.jobs[1]!.approvals
  assert.deepEqual(
    [yes.after.status, approval?.decision, approval?.by.name, approval?.comment],
    ['queued', 'approved', 'operator', 'looks good'],
  )
  assert.ok(Math.abs(Date.parse(approval!.at) - Date.now()) < 60_000)
  for (const held of await runner.take()) await runner.finish(held)
  assert.equal((await runs.findRun(scope, yes.run))!.status, 'passed')

  const no = await answered('rejected', null)
  assert.deepEqual(
    no.after.jobs.slice(1).map(({ status, reason }) => [status, reason?.text]),
    [
      ['cancelled', undefined],
      ['skipped', 'Skipped because ok was not approved'],
    ],
  )
  const again = await runs.rerunRun(actor, no.run, 'failed')
  assert.deepEqual([again.status, again.jobs[1]?.approvals.length], ['on_hold', 1])
  const last = await runs.decideApproval(actor, no.job, { decision: 'approved', comment: null })
  assert.deepEqual(
    last.jobs[1]?.approvals.map(({ decision }) => decision),
    ['rejected', 'approved'],
  )
  for (const held of await runner.take()) await runner.finish(held)
  const { rows } = await sql<{ action: string }>`
    select action from audit where target = ${no.job} order by id`.execute(parts.db)
  assert.deepEqual(
    rows.map(({ action }) => action),
    ['job.reject', 'job.approve'],
  )
})

test('a job waits for a person as long as its project says, and then nobody has answered', async () => {
  const waits = (seconds: number | null) =>
    sql`update projects set approval_seconds = ${seconds} where name = 'web'`.execute(parts.db)
  await waits(3_600)
  const run = await start()
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [
    { key: 'ok', kind: 'approval' },
    { key: 'ship', needs: [{ job: 'ok', on: ['passed'] }] },
  ])
  const shown = async () => (await runs.findRun(scope, run))!
  const until = /^Waits for a person to approve, until (\S+ \S+) UTC$/.exec(
    (await shown()).jobs[1]?.reason?.text ?? '',
  )
  const left = Date.parse(`${until?.[1]?.replace(' ', 'T')}Z`) - Date.now()
  assert.ok(Math.abs(left - 3_600_000) < 120_000, `${left}`)
  await expireApprovals(parts)
  assert.equal((await shown()).status, 'on_hold', 'not before its time')
  const pass = () =>
    sql`update jobs set hold_until = now() where run_id = ${run} and hold_until is not null`.execute(parts.db)
  await pass()
  await Promise.all([expireApprovals(parts), expireApprovals(parts)])
  const { status, jobs } = await shown()
  assert.deepEqual(
    [status, jobs[1]?.status, jobs[1]?.approvals.map(({ decision, by }) => [decision, by.name])],
    ['cancelled', 'cancelled', [['expired', 'server']]],
  )
  assert.equal(jobs[2]?.reason?.text, 'Skipped because ok was not approved')
  const { rows: audited } = await sql`
    select actor_kind, actor_id, action, project_id is not null as project, run_id = ${run} as run from audit
    where target = ${jobs[1]?.id}`.execute(parts.db)
  const expiry = { actor_kind: 'service', actor_id: 'approval-expiry', action: 'job.expire' }
  assert.deepEqual(audited, [{ ...expiry, project: true, run: true }], 'said once, by whom')
  await refuses(
    runs.decideApproval(actor, parseId('job', jobs[1]!.id)!, { decision: 'approved', comment: null }),
    'E_CONFLICT',
  )
  await waits(null)
  const again = await runs.rerunRun(actor, run, 'failed')
  assert.deepEqual(
    [again.jobs[1]?.status, again.jobs[1]?.reason?.text],
    ['on_hold', 'Waits for a person to approve'],
    'asked again, and now for as long as it takes',
  )
  await pass()
  await expireApprovals(parts)
  assert.equal((await shown()).status, 'on_hold')
  await runs.cancelRun(actor, run)
})

test('a job that cannot be told that nobody answered holds up no other', async () => {
  await sql`update projects set approval_seconds = 3600 where name = 'web'`.execute(parts.db)
  const hold = async () => {
    const run = await start()
    const [plan] = await runner.take()
    await runner.finishPlan(plan!, [{ key: 'ok', kind: 'approval' }])
    return run
  }
  const [broken, other] = [await hold(), await hold()]
  await sql`
    update jobs set hold_until = now() - interval '1 s' * (run_id = ${broken})::integer
    where run_id in (${broken}, ${other}) and hold_until is not null`.execute(parts.db)
  await sql`
    create function refuse() returns trigger language plpgsql as $$ begin raise 'broken'; end $$`.execute(
    parts.db,
  )
  // SAFE: an id of ours.
  await sql`
    create trigger refuse before update on jobs for each row when (old.run_id = ${sql.lit(broken)})
    execute function refuse()`.execute(parts.db)
  await assert.rejects(expireApprovals(parts), /broken/)
  await sql`drop trigger refuse on jobs; drop function refuse`.execute(parts.db)
  const statusOf = async (run: RunId) => (await runs.findRun(scope, run))?.status
  assert.deepEqual([await statusOf(broken), await statusOf(other)], ['on_hold', 'cancelled'])
  await expireApprovals(parts)
  assert.equal(await statusOf(broken), 'cancelled')
  await sql`update projects set approval_seconds = null where name = 'web'`.execute(parts.db)
})

test('parameters go to the plan as they were given, and a plan for others is refused', async () => {
  const parameters = { deploy: true, target: 'a "b" ü', copies: 3 }
  const begin = async () => {
    const run = await start({ commit: 'd0'.repeat(20), parameters })
    const [plan] = await runner.take()
    assert.deepEqual(plan!.spec.kind === 'plan' && plan!.spec.parameters, parameters)
    return { run, plan: plan! }
  }
  const { run: refused, plan } = await begin()
  await runner.finishPlan(
    { ...plan, spec: { ...plan.spec, kind: 'plan', parameters: {} } as typeof plan.spec },
    [{ key: 'a' }],
  )
  const failure = (await runs.findRun(scope, refused))!.jobs[0]!.attempts[0]!.failure
  assert.match(failure!.message, /for other parameters/)
  await runs.cancelRun(actor, refused)

  const { run, plan: second } = await begin()
  await runner.finishPlan(second, [{ key: 'a' }])
  for (const held of await runner.take()) await runner.finish(held)
  const found = (await runs.findRun(scope, run))!
  assert.deepEqual([found.status, found.parameters], ['passed', parameters])
  assert.deepEqual(api.run.parse(found), found)
  const known = await start({
    commit: 'd0'.repeat(20),
    parameters: { copies: 3, target: 'a "b" ü', deploy: true },
  })
  assert.equal((await runs.findRun(scope, known))!.plan_of?.id, run, 'the same in another order')
  const other = await start({ commit: 'd0'.repeat(20), parameters: { ...parameters, copies: 4 } })
  assert.equal((await runs.findRun(scope, other))!.plan_of, null)
  for (const id of [known, other]) await runs.cancelRun(actor, id)
})

test('a job or a workflow is cancelled beside others; a runner hears of it within a second', async () => {
  const run = await start()
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [
    { key: 'a' },
    { key: 'b' },
    { key: 'c', needs: [{ job: 'b', on: ['passed'] }] },
  ])
  const [a] = await runner.take({}, 1)
  const jobOf = async (key: string) =>
    parseId('job', (await runs.findRun(scope, run))!.jobs.find((job) => job.key === key)!.id)!
  const held = runner.poll({ free: {}, held: [a!.lease] }, 0)
  const begin = performance.now()
  await runs.cancelJobs(actor, await jobOf('a'))
  const { body } = await held
  const tookMs = performance.now() - begin
  assert.deepEqual(body.control, [{ lease: a!.lease, cancel: { by: 'operator' } }])
  assert.ok(tookMs < 1_000, `${tookMs} ms`)
  console.log(`a cancel reached its runner after ${Math.round(tookMs)} ms`)
  await runner.finish(a!, { outcome: 'cancelled' })
  const ended = await runs.findAttempt(scope, parseId('attempt', a!.attempt)!)
  assert.deepEqual([ended?.status, ended?.cancelled_by?.name], ['cancelled', 'operator'])
  const beside = (await runs.findRun(scope, run))!
  assert.deepEqual(
    beside.jobs.slice(1).map(({ status }) => status),
    ['cancelled', 'queued', 'waiting'],
  )
  const after = await runs.cancelJobs(actor, parseId('workflow', beside.workflows[0]!.id)!)
  assert.deepEqual(
    [after.status, after.cancelled, ...after.jobs.slice(1).map(({ status }) => status)],
    ['cancelled', null, 'cancelled', 'cancelled', 'cancelled'],
  )
  const stranger: Actor = {
    ...actor,
    scope: scopeOfOrganisation(parts.newId('organisation')),
  }
  await refuses(runs.cancelJobs(stranger, await jobOf('a')), 'E_NOT_FOUND')
  const { rows } = await sql<{ target: string }>`
    select target from audit where run_id = ${run} and action = 'run.cancel' order by id`.execute(parts.db)
  assert.deepEqual(
    rows.map(({ target }) => target),
    [await jobOf('a'), beside.workflows[0]!.id],
  )
})
