// Schedules with the real database: each time begins one run, whoever looks; what passed meanwhile is one run that says so.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addHookedProject, deliver } from '../../../test/support/hooked-project.ts'
import { waitFor } from '../../../test/support/installation.ts'
import { enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { isFault } from '../../base/faults.ts'
import { parseId } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import type { Plan } from '../../protocol/plan.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import { createDeliveries } from '../intake/deliveries.ts'
import { fireDueSchedules } from './fire.ts'
import { createSchedules } from './schedules.ts'

const parts = await openParts()
const { db } = parts
const schedules = createSchedules(parts)
const web = await addHookedProject(parts, 'web')

/** Half a day from now: whenever this runs, no time of a schedule comes meanwhile. */
const away = new Date(Date.now() + 12 * 3_600_000)
const awayTime = away.toISOString().slice(11, 16)
const daily = `${away.getUTCMinutes()} ${away.getUTCHours()} * * *`
/** In zones without summer time: a day of its times is always 24 hours. Tokyo is nine hours ahead, so three are left. */
const add = (name: string, changes: object = {}) =>
  schedules.add(parts.actor, 'web', { name, cron: daily, zone: 'Asia/Tokyo', ...changes })
const refuses = (work: Promise<unknown>, code: Parameters<typeof isFault>[1], words: RegExp) =>
  assert.rejects(work, (error) => {
    assert.ok(isFault(error, code), String(error))
    assert.match(error.public, words)
    return true
  })
const find = async (name: string) =>
  (await schedules.list(parts.scope, 'web')).items.find((item) => item.name === name)!
const named = (schedule: string) => ({ project: 'web', schedule })
const runs = async () => (await parts.runs.listRuns(parts.scope, { limit: 100, project: 'web' })).items
const overdue = (name: string, interval: string) =>
  sql`update schedules set next_at = now() - ${interval}::interval where name = ${name}`.execute(db)

test('a schedule says its next five times and begins nothing before', async () => {
  const nightly = await add('nightly', { parameters: { deep: true, level: 3, note: 'x' } })
  assert.equal(nightly.next.length, 5)
  assert.ok(nightly.next.every((at) => Date.parse(at) > Date.now()))
  assert.deepEqual([nightly.ref, nightly.paused, nightly.last], [null, false, null])
  assert.equal(await fireDueSchedules(parts), 0)
})

test('when it is due it begins one run of the default branch, with its parameters, however many servers look', async () => {
  await overdue('nightly', '2 s')
  const begun = await Promise.all(Array.from({ length: 6 }, () => fireDueSchedules(parts)))
  assert.equal(
    begun.reduce((sum, n) => sum + n),
    1,
  )
  const [run, ...others] = await runs()
  assert.equal(others.length, 0)
  assert.deepEqual([run?.event.kind, run?.event.ref], ['schedule', 'refs/heads/main'])
  const whole = (await parts.runs.findRun(parts.scope, parseId('run', run!.id)!))!
  assert.deepEqual(whole.parameters, { deep: true, level: 3, note: 'x' })
  const nightly = await find('nightly')
  assert.deepEqual(whole.schedule, { id: nightly.id, name: 'nightly' })
  assert.deepEqual([nightly.last?.run?.number, nightly.last?.missed], [run?.number, 0])
  assert.ok(Date.parse(nightly.next[0]!) > Date.now())
  assert.equal(await fireDueSchedules(parts), 0)
})

test('the runner hears of the schedule with the plan', async () => {
  const runner = createScriptedRunner(parts, await enrolRunner(parts, 'planner'))
  after(() => runner.close())
  const [held] = await runner.take()
  assert.equal(held?.spec.kind, 'plan')
  const { event } = held!.spec.kind === 'plan' ? held!.spec.run : assert.fail()
  assert.deepEqual([event.kind, event.schedule?.name], ['schedule', 'nightly'])
  // A lease that nobody renews is lost after a minute: on a slow machine its plan would be asked for once more, among those of later tests.
  await runner.finishPlan(held!, [])
})

test('after a downtime of three days there is one run, and the page says what it stands for', async () => {
  const [next] = (await find('nightly')).next
  await sql`update schedules set next_at = ${next}::timestamptz - interval '4 days' where name = 'nightly'`.execute(
    db,
  )
  assert.equal(await fireDueSchedules(parts), 1)
  const nightly = await find('nightly')
  assert.equal(nightly.last?.missed, 3)
  assert.equal(await fireDueSchedules(parts), 0)
})

test('a paused schedule begins nothing, and what it missed is not made up for', async () => {
  const paused = await schedules.set(parts.actor, named('nightly'), { paused: true })
  assert.deepEqual(paused.next, [])
  assert.equal(await fireDueSchedules(parts), 0)
  const again = await schedules.set(parts.actor, named('nightly'), {
    paused: false,
    ref: 'release',
    zone: 'UTC',
  })
  assert.deepEqual(
    [again.ref, again.zone, again.next[0]?.slice(11, 16)],
    ['refs/heads/release', 'UTC', awayTime],
  )
  assert.ok(Date.parse(again.next[0]!) > Date.now())
  await overdue('nightly', '1 s')
  await fireDueSchedules(parts)
  assert.equal((await runs())[0]?.event.branch, 'release')
})

test('what is no time, no zone, no branch or taken is refused in words', async () => {
  await refuses(add('x', { cron: '@daily xx' }), 'E_INPUT', /five fields/)
  await refuses(add('x', { cron: '0 0 31 2 *' }), 'E_INPUT', /never comes/)
  await refuses(add('x', { zone: 'Europe/Nowhere' }), 'E_INPUT', /no time zone/)
  await refuses(add('x', { ref: 'a..b' }), 'E_INPUT', /ref/)
  await refuses(add('nightly'), 'E_CONFLICT', /already/)
  await refuses(schedules.set(parts.actor, named('none'), {}), 'E_NOT_FOUND', /No such schedule/)
  const stranger = { ...parts.actor, scope: scopeOfOrganisation(parts.newId('organisation')) } as never
  await refuses(schedules.set(stranger, named('nightly'), { paused: true }), 'E_NOT_FOUND', /No such project/)
  await refuses(schedules.remove(stranger, named('nightly')), 'E_NOT_FOUND', /No such project/)
})

test('one that cannot be carried out holds up no other, and is told', async () => {
  for (const name of ['broken', 'behind']) await add(name)
  await overdue('broken', '2 s')
  await overdue('behind', '1 s')
  await sql`update schedules set zone = 'No/Where' where name = 'broken'`.execute(db)
  await assert.rejects(fireDueSchedules(parts), RangeError)
  const { rows } = await sql<{ name: string }>`
    select name from schedules where last_run_id is not null and name in ('broken', 'behind')`.execute(db)
  assert.deepEqual(rows, [{ name: 'behind' }])
  await sql`update schedules set zone = 'Asia/Tokyo' where name = 'broken'`.execute(db)
  for (const name of ['broken', 'behind']) await schedules.remove(parts.actor, named(name))
})

test('what a clock that was ahead put off is due at its time again when the clock came back, and began nothing for it', async () => {
  for (const name of ['old', 'kept', 'off']) await add(name)
  await schedules.set(parts.actor, named('off'), { paused: true })
  const [, kept] = (await find('kept')).next
  await sql`update schedules set next_at = ${kept} where name = 'kept'`.execute(db)
  const ahead = sql`interval '30 days'`
  await sql`
    update schedules set created_at = created_at + ${ahead}, reckoned_at = reckoned_at + ${ahead},
      next_at = next_at + ${ahead}, last_at = now() + ${ahead} where name in ('old', 'off')`.execute(db)
  await sql`update schedules set reckoned_at = now() + interval '1 minute' where name = 'kept'`.execute(db)
  const before = (await runs()).length
  assert.equal(await fireDueSchedules(parts), 1)
  assert.equal(await fireDueSchedules(parts), 0)
  assert.equal((await runs()).length, before)
  const [first] = (await find('old')).next
  assert.ok(Date.parse(first!) - Date.now() < 25 * 3_600_000, first)
  assert.deepEqual(
    (await find('kept')).next[0],
    kept,
    'a clock that is set right a little begins nothing twice',
  )
  assert.deepEqual((await find('off')).next, [])
  for (const name of ['old', 'kept', 'off']) await schedules.remove(parts.actor, named(name))
})

test('what is done to schedules is audited, and a removed one begins nothing', async () => {
  await overdue('nightly', '1 s')
  await schedules.remove(parts.actor, named('nightly'))
  assert.equal(await fireDueSchedules(parts), 0)
  assert.deepEqual((await schedules.list(parts.scope, 'web')).items, [])
  const { rows } = await sql<{ action: string }>`
    select distinct action from audit where action like 'schedule.%' order by action`.execute(db)
  assert.deepEqual(
    rows.map(({ action }) => action),
    ['schedule.add', 'schedule.remove', 'schedule.set'],
  )
})

test('a push to the default branch puts the schedules of its configuration in place of those before', async () => {
  const runner = createScriptedRunner(parts, await enrolRunner(parts, 'configured'), {
    free: { 'built-in': 4, small: 4 },
  })
  after(() => runner.close())
  const { rows: queued } = await sql`select 1 from attempts where status = 'queued'`.execute(db)
  for (let taken = 0; taken < queued.length; taken++)
    for (const held of await runner.take({}, 1)) await runner.finishPlan(held, [])
  const nightly = { workflow: 'nightly', cron: daily }
  const weekly = { workflow: 'a rather / odd «name»'.repeat(5), cron: daily.replace(/\*$/, '1') }
  const push = async (ref: string, list: Plan['schedules'], kind: 'push' | 'manual' = 'push') => {
    const { id } = await parts.runs.startRun(parts.actor, { project: 'web', ref })
    await sql`update runs set event_kind = ${kind} where id = ${id}`.execute(db)
    const [held] = await runner.take({}, 1)
    await runner.finishPlan(held!, [], {}, list === undefined ? {} : { schedules: list })
  }
  const configured = async () =>
    (await schedules.list(parts.scope, 'web')).items
      .filter(({ workflow }) => workflow !== null)
      .map(({ workflow, cron }) => ({ workflow, cron }))
  const own = await add('nightly')
  await push('main', [nightly, weekly])
  assert.deepEqual(await configured(), [weekly, nightly], 'beside one of the project with the same name')
  const { items } = await schedules.list(parts.scope, 'web')
  assert.deepEqual(
    items.find(({ workflow }) => workflow === 'nightly')?.next,
    [],
    'its first time is to be found',
  )
  assert.equal(await fireDueSchedules(parts), 2)
  const found = (await schedules.list(parts.scope, 'web')).items.find(
    ({ workflow }) => workflow === 'nightly',
  )!
  assert.equal(found.next.length, 5)
  assert.ok(found.next.every((at) => Date.parse(at) > Date.now() && at.slice(11, 16) === awayTime))

  await push('other', [])
  await push('main', [], 'manual')
  assert.equal((await configured()).length, 2, 'neither another branch nor a person decides about them')
  await push('main', [nightly])
  assert.deepEqual(await configured(), [nightly])
  assert.equal(
    (await schedules.list(parts.scope, 'web')).items.find(({ workflow }) => workflow === 'nightly')?.id,
    found.id,
    'what stays is the same schedule',
  )
  await refuses(schedules.set(parts.actor, named(found.id), { paused: true }), 'E_CONFLICT', /configuration/)
  await refuses(schedules.remove(parts.actor, named(found.id)), 'E_CONFLICT', /configuration/)
  assert.equal((await schedules.set(parts.actor, named('nightly'), { paused: true })).id, own.id)

  const before = (await runs()).length
  await sql`update schedules set next_at = now() - interval '1 s' where id = ${found.id}`.execute(db)
  assert.equal(await fireDueSchedules(parts), 1)
  const all = await runs()
  assert.deepEqual(
    [all.length, all[0]?.event.kind, all[0]?.event.ref],
    [before + 1, 'schedule', 'refs/heads/main'],
  )
  const [held] = await runner.take({}, 1)
  const { event } = held!.spec.kind === 'plan' ? held!.spec.run : assert.fail()
  assert.deepEqual(event.schedule, { id: found.id, name: 'nightly', workflow: 'nightly' })
  await runner.finishPlan(held!, [])
  assert.deepEqual(await configured(), [nightly], 'the plan of a schedule decides nothing about schedules')
  await push('main', undefined)
  assert.deepEqual(await configured(), [])
  await schedules.remove(parts.actor, named('nightly'))
})

test('plans that come in another order than their pushes leave the schedules of the newest push', async () => {
  const runner = createScriptedRunner(parts, await enrolRunner(parts, 'late'), {
    free: { 'built-in': 4, small: 4 },
  })
  after(() => runner.close())
  const push = async () => {
    const { id } = await parts.runs.startRun(parts.actor, { project: 'web', ref: 'main' })
    await sql`update runs set event_kind = 'push' where id = ${id}`.execute(db)
    const [held] = await runner.take({}, 1)
    return held!
  }
  const [older, newer] = [await push(), await push()]
  const weekly = { workflow: 'weekly', cron: daily.replace(/\*$/, '1') }
  await runner.finishPlan(newer, [], {}, { schedules: [weekly] })
  await runner.finishPlan(older, [], {}, { schedules: [{ workflow: 'nightly', cron: daily }] })
  const { items } = await schedules.list(parts.scope, 'web')
  assert.deepEqual(
    items.map(({ workflow, cron }) => ({ workflow, cron })),
    [weekly],
  )
})

test('a plan that ends in the moment in which a push with a known plan comes leaves the schedules of that push', async () => {
  const runner = createScriptedRunner(parts, await enrolRunner(parts, 'slow'), {
    free: { 'built-in': 4, small: 4 },
  })
  after(() => runner.close())
  const deps = { ...parts, log: silentLog }
  const push = (digit: string) =>
    deliver(deps, web, {
      ...{ old: '0'.repeat(40), new: digit.repeat(40), ref: 'refs/heads/main' },
      sentAt: new Date().toISOString(),
    })
  const [weekly, hourly] = [
    { workflow: 'weekly', cron: daily.replace(/\*$/, '1') },
    { workflow: 'hourly', cron: '7 * * * *' },
  ]
  await push('a')
  const [known] = await runner.take({}, 1)
  await runner.finishPlan(known!, [], {}, { schedules: [weekly] })
  const { body: older } = await push('b')
  const [held] = await runner.take({}, 1)
  // Its end is all written but for the row of its job, which somebody looks at for a moment.
  const { promise: looked, resolve: looksAway } = Promise.withResolvers<void>()
  // Whatever becomes of this test: nobody closes a database before its transactions have ended.
  after(() => looksAway())
  const looking = db.transaction().execute(async (tx) => {
    await sql`select 1 from jobs where run_id = ${older.run} for update`.execute(tx)
    await looked
  })
  const waiting = async () => {
    const { rows } = await sql`
      select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
      parts.database.keyed,
    )
    return rows.length
  }
  const ending = runner.finishPlan(held!, [], {}, { schedules: [hourly] })
  await waitFor('the end of the plan to wait', async () => (await waiting()) === 1)
  let isStored = false
  const newer = push('a').then((answer) => {
    isStored = true
    return answer
  })
  await waitFor('the push to be stored, or to wait', async () => isStored || (await waiting()) > 1)
  looksAway()
  await looking
  assert.equal((await ending).status, 200)
  const run = await parts.runs.findRun(parts.scope, parseId('run', (await newer).body.run!)!)
  assert.ok(run?.plan_of, 'its plan was known')
  const { items } = await schedules.list(parts.scope, 'web')
  assert.deepEqual(
    items.map(({ workflow, cron }) => ({ workflow, cron })),
    [weekly],
  )
})

test('a replay decides about schedules unless a push came after the one that it replays', async () => {
  const runner = createScriptedRunner(parts, await enrolRunner(parts, 'again'), {
    free: { 'built-in': 4, small: 4 },
  })
  after(() => runner.close())
  const deliveries = createDeliveries(parts)
  const crons = async () => (await schedules.list(parts.scope, 'web')).items.map(({ cron }) => cron)
  const plan = async (cron: string) => {
    const [held] = await runner.take({}, 1)
    await runner.finishPlan(held!, [], {}, { schedules: [{ workflow: 'nightly', cron }] })
  }
  const push = async (digit: string) => {
    const { body } = await deliver({ ...parts, log: silentLog }, web, {
      ...{ old: '0'.repeat(40), new: digit.repeat(40), ref: 'refs/heads/main' },
      sentAt: new Date().toISOString(),
    })
    return parseId('delivery', body.delivery)!
  }
  const older = await push('e')
  await plan('3 3 * * *')
  await deliveries.replay(parts.actor, older)
  assert.deepEqual(await crons(), ['3 3 * * *'])
  const newer = await push('f')
  await deliveries.replay(parts.actor, older)
  await plan('4 4 * * *')
  assert.deepEqual(await crons(), ['4 4 * * *'], 'what a replay of an older push began holds up no newer one')
  await deliveries.replay(parts.actor, older)
  assert.deepEqual(await crons(), ['4 4 * * *'], 'its plan was known')
  const anew = createDeliveries({ ...parts, compiler: 'another' })
  await anew.replay(parts.actor, older)
  await plan('3 3 * * *')
  assert.deepEqual(await crons(), ['4 4 * * *'], 'it was planned anew')
  await anew.replay(parts.actor, newer)
  await plan('5 5 * * *')
  assert.deepEqual(await crons(), ['5 5 * * *'])
})

test('a push that its hook could tell only later leaves the schedules of the one that was made after it', async () => {
  const runner = createScriptedRunner(parts, await enrolRunner(parts, 'spooled'), {
    free: { 'built-in': 4, small: 4 },
  })
  after(() => runner.close())
  const crons = async () => (await schedules.list(parts.scope, 'web')).items.map(({ cron }) => cron)
  const push = async (digit: string, minutesAgo: number) => {
    const { body } = await deliver({ ...parts, log: silentLog }, web, {
      ...{ old: '0'.repeat(40), new: digit.repeat(40), ref: 'refs/heads/main' },
      sentAt: new Date(Date.now() - minutesAgo * 60_000).toISOString(),
    })
    return parseId('delivery', body.delivery)!
  }
  const plan = async (cron: string) => {
    const [held] = await runner.take({}, 1)
    await runner.finishPlan(held!, [], {}, { schedules: [{ workflow: 'nightly', cron }] })
  }
  await push('1', 50)
  await plan('1 1 * * *')
  const newest = await push('2', 0)
  await plan('2 2 * * *')
  assert.deepEqual(await crons(), ['2 2 * * *'])
  await push('3', 40)
  await plan('3 3 * * *')
  assert.deepEqual(await crons(), ['2 2 * * *'], 'it was planned anew')
  await push('1', 30)
  assert.deepEqual(await crons(), ['2 2 * * *'], 'its plan was known')
  const anew = createDeliveries({ ...parts, compiler: 'another' })
  await anew.replay(parts.actor, newest)
  await plan('4 4 * * *')
  assert.deepEqual(await crons(), ['4 4 * * *'], 'what came late is no newer push')
  const [newer] = [await push('5', 0), await push('6', 20)]
  const [ofNewer] = await runner.take({}, 1)
  await plan('6 6 * * *')
  assert.deepEqual(await crons(), ['4 4 * * *'])
  await runner.finishPlan(ofNewer!, [], {}, { schedules: [{ workflow: 'nightly', cron: '5 5 * * *' }] })
  assert.deepEqual(await crons(), ['5 5 * * *'], `${newer} came before what was made before it`)
})
