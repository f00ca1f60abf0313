// Limits and turns: never one job too many, however many runners ask at once; no project waits for another's whole queue.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import {
  createScriptedRunner,
  type Held,
  planJob,
  scriptedFacts,
} from '../../../test/support/scripted-runner.ts'
import { parseId, type RunId } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import { createProjects } from '../projects/projects.ts'
import { createAdmission } from './admission.ts'

const parts = await openParts()
const { runs, scope, actor } = parts
const projects = createProjects({ ...parts, localRepositoryRoots: [], serverUrl: () => 'http://localhost' })
for (const name of ['one', 'two', 'three']) await addLocalProject(parts, name)
/** Another organisation, at the same runners. */
const other = parts.newId('organisation')
await sql`insert into organisations (id, name) values (${other}, 'other')`.execute(parts.db)
await addLocalProject({ ...parts, organisation: other }, 'elsewhere')
const stranger: typeof actor = { ...actor, scope: scopeOfOrganisation(other) }
const made = await Promise.all(['r1', 'r2', 'r3', 'r4'].map((name) => enrolRunner(parts, name)))
const runners = made.map((runner) =>
  createScriptedRunner(parts, runner, { free: { 'built-in': 4, small: 4 } }),
)
const [planner] = runners
after(() => {
  for (const runner of runners) runner.close()
})

const begin = async (project: string, jobs: number, as = actor): Promise<RunId> => {
  const run = parseId('run', (await runs.startRun(as, { project })).id)!
  const [plan] = await planner!.take({ free: { 'built-in': 1 } }, 1)
  await planner!.finishPlan(
    plan!,
    Array.from({ length: jobs }, (_, i) => ({ key: `j${i}` })),
  )
  return run
}
const nameOf = (held: Held) => held.spec.project.name
const running = async () => {
  const { rows } = await sql<{ name: string; n: number }>`
    select p.name, count(*) as n from attempts a join projects p on p.id = a.project_id join jobs j on j.id = a.job_id
    where a.status = 'running' and j.kind = 'job' group by p.name`.execute(parts.db)
  return new Map(rows.map(({ name, n }) => [name, n]))
}
const statusOf = async (run: RunId) =>
  (await Promise.all([scope, stranger.scope].map((each) => runs.findRun(each, run)))).find(
    (found) => found !== null,
  )!.status

/** All runners at once, until the runs are over; the most that ever ran together, by project and in all of the first organisation. */
const drain = async (all: readonly RunId[]) => {
  const most = new Map<string, number>()
  const look = async () => {
    const now = await running()
    const total = [...now].reduce((sum, [name, n]) => (name === 'elsewhere' ? sum : sum + n), 0)
    for (const [name, n] of [...now, ['all', total] as const])
      most.set(name, Math.max(most.get(name) ?? 0, n))
  }
  let isOver = false
  const work = async (runner: (typeof runners)[number]) => {
    while (!isOver) {
      const { status, body } = await runner.poll({ free: { small: 4 } }, 4)
      await look()
      for (const { lease } of status === 200 ? body.leases : [])
        await runner.send(`/runner/v1/leases/${lease}/finish`, {
          ...{ v: 1, outcome: 'passed', reason: null, receipt: null, lastSeq: 0, lastEvent: 0 },
          result: { kind: 'job' },
        })
    }
  }
  const watch = async () => {
    const late = Date.now() + 60_000
    while ((await Promise.all(all.map(statusOf))).some((status) => status !== 'passed')) {
      assert.ok(Date.now() < late, 'it never ended')
      await look()
    }
    isOver = true
  }
  // Polls that are held when all is over end with the listener.
  for (const runner of runners) work(runner).catch(() => undefined)
  await watch()
  return most
}

test('projects that wait take turns; a project of high priority has more of them', async () => {
  await projects.set(actor, 'three', { priority: 'high' })
  const first = await begin('one', 8)
  const second = await begin('two', 3)
  const third = await begin('three', 4)
  const order: string[] = []
  const taken = await planner!.take({ free: { small: 15 } }, 15)
  for (const held of taken) order.push(nameOf(held))
  assert.equal(taken.length, 15)
  assert.ok(order.indexOf('two') <= 3, order.join(' '))
  assert.ok(order.lastIndexOf('two') <= 10, order.join(' '))
  assert.ok(order.lastIndexOf('three') < order.lastIndexOf('two'), order.join(' '))
  for (const held of taken) await planner!.finish(held)
  for (const run of [first, second, third]) assert.equal(await statusOf(run), 'passed')
})

test('jobs of another class get their share of places, however many of the first wait', async () => {
  const small = await begin('one', 24)
  const medium = parseId('run', (await runs.startRun(actor, { project: 'two' })).id)!
  const [plan] = await planner!.take({ free: { 'built-in': 1 } }, 1)
  const job = planJob({ key: 'm' })
  await planner!.finishPlan(plan!, [{ ...job, spec: { ...job.spec!, resourceClass: 'medium' } }])
  const begun: string[] = []
  while (begun.length < 25) {
    const [held] = await planner!.take({ free: { small: 1, medium: 1 } }, 1)
    begun.push(nameOf(held!))
    await planner!.finish(held!)
  }
  assert.ok(begun.indexOf('two') < 24, 'it came when all others had ended')
  for (const run of [small, medium]) assert.equal(await statusOf(run), 'passed')
})

test('jobs of the smallest size wait as all others do; plans come before both', async () => {
  const tiny = parseId('run', (await runs.startRun(actor, { project: 'one' })).id)!
  const [plan] = await planner!.take({ free: { 'built-in': 1 } }, 1)
  const sized = (resourceClass: string) => (key: string) => {
    const job = planJob({ key })
    return { ...job, spec: { ...job.spec!, resourceClass } }
  }
  await planner!.finishPlan(
    plan!,
    Array.from({ length: 24 }, (_, i) => sized('tiny')(`t${i}`)),
  )
  const small = await begin('two', 1)
  const all = { 'built-in': 1, tiny: 1, small: 1 }
  for (let times = 0; times < 6; times++) {
    const { id } = await runs.startRun(actor, { project: 'three' })
    const [next] = await planner!.take({ free: all }, 1)
    assert.equal(next?.spec.kind, 'plan')
    await planner!.finishPlan(next!, [])
    assert.equal(await statusOf(parseId('run', id)!), 'skipped')
  }
  const begun: string[] = []
  while (begun.length < 25) {
    const [held] = await planner!.take({ free: all }, 1)
    begun.push(nameOf(held!))
    await planner!.finish(held!)
  }
  assert.ok(begun.indexOf('two') < 24, 'it came when all others had ended')
  for (const run of [tiny, small]) assert.equal(await statusOf(run), 'passed')
})

// Known: turns are given to projects. An installation has one organisation; of several, those with more projects would get more (0022).
test('organisations with as many projects share fairly, and one with twice as many that wait has twice the turns', async () => {
  const all = [await begin('one', 6), await begin('elsewhere', 6, stranger)]
  const share = async (places: number) => {
    const taken: Held[] = []
    while (taken.length < places)
      taken.push(...(await planner!.take({ free: { small: places - taken.length } }, places - taken.length)))
    for (const held of taken) await planner!.finish(held)
    return taken.filter((held) => nameOf(held) === 'elsewhere').length
  }
  assert.equal(await share(4), 2)
  all.push(await begin('two', 6))
  assert.equal(await share(6), 2)
  assert.equal(await share(8), 2, 'what is left')
  for (const run of all) assert.equal(await statusOf(run), 'passed')
})

test('a limit that is lowered counts for what has not begun; without one everything goes on', async () => {
  const run = await begin('one', 5)
  const changed = await projects.set(actor, 'one', { jobs_max: 2 })
  assert.equal(changed.settings.jobs_max, 2)
  const taken = await planner!.take({ free: { small: 9 } }, 9)
  assert.equal(taken.length, 2)
  const reasons = (await runs.findRun(scope, run))!.jobs.map(({ reason }) => reason)
  assert.deepEqual(
    reasons.flatMap((reason) => (reason === null ? [] : [[reason.code, reason.text.split('; likely')[0]]])),
    ['next', '1 before it', '2 before it'].map((before) => [
      'concurrency_limit',
      `At most 2 jobs of the project one at once; ${before}`,
    ]),
  )
  assert.ok(reasons.every((reason) => reason === null || reason.expected_ms !== undefined))
  await planner!.finish(taken[0]!)
  const [next, ...more] = await planner!.take({ free: { small: 9 } }, 9)
  assert.equal(more.length, 0)
  await projects.set(actor, 'one', { jobs_max: null })
  const rest = await planner!.take({ free: { small: 9 } }, 9)
  assert.equal(rest.length, 2)
  for (const held of [taken[1]!, next!, ...rest]) await planner!.finish(held)
  assert.equal(await statusOf(run), 'passed')
})

const wanting = (resourceClass: string) => {
  const { spec } = planJob({ key: resourceClass })
  return { key: resourceClass, spec: spec && { ...spec, resourceClass } }
}

test('a job of a class that no runner takes has no place of those that one takes', async () => {
  await projects.set(actor, 'one', { jobs_max: 1 })
  const admission = createAdmission({ database: parts.database, log: silentLog })
  after(() => admission.close())
  const offering = (...classes: string[]) => ({ facts: { ...scriptedFacts, classes } })
  const plan = async (offer: ReturnType<typeof offering>, ...classes: string[]) => {
    const run = parseId('run', (await runs.startRun(actor, { project: 'one' })).id)!
    const [held] = await planner!.take({ ...offer, free: { 'built-in': 1 } }, 1)
    await planner!.finishPlan(held!, classes.map(wanting))
    return run
  }
  // Let in before its runner went.
  const run = await plan(offering('tiny', 'small', 'large'), 'large')
  await admission.sweep()
  const later = await plan(offering('tiny', 'small'), 'large', 'small')
  await admission.sweep()
  const taken = await planner!.take({ ...offering('small'), free: { small: 9 } }, 9)
  assert.deepEqual(taken.map(nameOf), ['one'])
  const waiting = (await runs.findRun(scope, run))!.jobs.find(({ key }) => key === 'large')
  assert.equal(waiting?.reason?.code, 'no_matching_runner')
  // Its runner comes: at most one job at once, as ever.
  const both = offering('small', 'large')
  await planner!.finish(taken[0]!)
  for (let i = 0; i < 2; i++) {
    await admission.sweep()
    const [next, ...more] = await planner!.take({ ...both, free: { large: 9 } }, 9)
    assert.equal(more.length, 0)
    await planner!.finish(next!)
  }
  for (const each of [run, later]) assert.equal(await statusOf(each), 'passed')
  await projects.set(actor, 'one', { jobs_max: null })
})

test('what is held can be cancelled, and nothing is left behind', async () => {
  await projects.set(actor, 'two', { jobs_max: 1 })
  const run = await begin('two', 3)
  const [held] = await planner!.take({ free: { small: 9 } }, 9)
  await runs.cancelRun(actor, run)
  await planner!.finish(held!, { outcome: 'cancelled' })
  assert.equal(await statusOf(run), 'cancelled')
  const { rows } = await sql`select 1 from attempts where status = 'queued'`.execute(parts.db)
  assert.equal(rows.length, 0)
  const again = await begin('two', 1)
  for (const each of await planner!.take({ free: { small: 9 } }, 9)) await planner!.finish(each)
  assert.equal(await statusOf(again), 'passed')
})

test('the limit of an organisation holds back nothing of another, which takes its turns beside it', async () => {
  await projects.set(actor, 'one', { jobs_max: null })
  await projects.setOrganisation(actor, { jobs_max: 1 })
  const all = [await begin('one', 3), await begin('elsewhere', 4, stranger)]
  const taken: Held[] = []
  while (taken.length < 5) taken.push(...(await planner!.take({ free: { small: 9 } }, 9)))
  const names = taken.map(nameOf)
  assert.deepEqual(names.toSorted(), [...Array(4).fill('elsewhere'), 'one'])
  const { rows } = await sql`select 1 from attempts where status = 'queued' and not held`.execute(parts.db)
  assert.equal(rows.length, 0, 'the rest of the first waits for its own limit')
  assert.equal(await runs.findRun(scope, all[1]!), null, 'a run of another organisation is not there')
  await Promise.all(taken.map((held) => planner!.finish(held)))
  for (let left = 2; left > 0; left--)
    for (const held of await planner!.take({ free: { small: 9 } }, 9)) await planner!.finish(held)
  for (const run of all) assert.equal(await statusOf(run), 'passed')
})

test('where places of the organisation become free one by one, projects take turns by their priority', async () => {
  await projects.set(actor, 'three', { priority: 'low' })
  await projects.set(actor, 'two', { jobs_max: null, priority: 'high' })
  await projects.setOrganisation(actor, { jobs_max: 1 })
  const all = [await begin('one', 24), await begin('three', 24), await begin('two', 24)]
  const order: string[] = []
  while (order.length < 72)
    for (const held of await planner!.take({ free: { small: 9 } }, 9)) {
      order.push(nameOf(held))
      await planner!.finish(held)
    }
  const early = order.slice(0, 36)
  const count = (name: string) => early.filter((each) => each === name).length
  assert.ok(count('one') < 24, `the first is no wall: ${early}`)
  assert.ok(count('one') > 0 && count('two') > count('three'), `nor does the important one wait: ${early}`)
  for (const run of all) assert.equal(await statusOf(run), 'passed')
  for (const name of ['two', 'three']) await projects.set(actor, name, { priority: 'normal' })
})

test('limits of projects and organisations hold exactly while four runners claim at once', async () => {
  await projects.set(actor, 'one', { jobs_max: 3 })
  await projects.set(actor, 'two', { jobs_max: 1 })
  const set = await projects.setOrganisation(actor, { jobs_max: 5 })
  assert.equal(set.settings.jobs_max, 5)
  await projects.setOrganisation(stranger, { jobs_max: 2 })
  const all = [await begin('one', 30), await begin('two', 10), await begin('three', 30)]
  all.push(await begin('elsewhere', 20, stranger))
  const most = await drain(all)
  assert.ok(most.get('one')! <= 3, `one: ${most.get('one')}`)
  assert.ok(most.get('two')! <= 1, `two: ${most.get('two')}`)
  assert.ok(most.get('all')! <= 5, `all: ${most.get('all')}`)
  assert.ok(most.get('all')! >= 3, 'they did run at once')
  assert.ok(most.get('elsewhere')! <= 2, `elsewhere: ${most.get('elsewhere')}`)
})
