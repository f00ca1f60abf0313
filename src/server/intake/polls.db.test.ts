// Polling with a scripted runner: what changes is told once, beside a hook, after a downtime and when looks are lost.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addHookedProject, deliver, type HookedProject } from '../../../test/support/hooked-project.ts'
import { enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held } from '../../../test/support/scripted-runner.ts'
import { silentLog } from '../../base/log.ts'
import { limits } from '../limits.ts'
import { createDeliveries } from './deliveries.ts'
import { prunePolls, queueDuePolls } from './polls.ts'

const parts = await openParts()
const { db } = parts
const deps = { ...parts, log: silentLog }
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'looker'))
after(() => runner.close())
const deliveries = createDeliveries(parts)

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(40)) as [string, string, string, string]
const zeros = '0'.repeat(40)

const addPolled = async (name: string, seconds = 60): Promise<HookedProject> => {
  const project = await addHookedProject(parts, name)
  await project.projects.set(parts.actor, name, { poll_seconds: seconds })
  return project
}
const toldOf = async (project: string) =>
  (await deliveries.list(parts.scope, { limit: 100, project })).items
    .map(({ source, verdict, ref, new: commit }) => [source, verdict, ref, commit?.[0]].join(' '))
    .reverse()
const runsOf = async (project: string) =>
  (await parts.runs.listRuns(parts.scope, { limit: 100, project })).items.length
const due = (project: HookedProject) =>
  sql`update projects set poll_next_at = now() - interval '1 s' where id = ${project.id}`.execute(db)
/** The runs that were started are of no interest here: no runner takes their class. */
const clearQueue = () =>
  sql`update attempts set class = 'nowhere' where status = 'queued' and run_id is not null`.execute(db)

const leaseLook = async (project: HookedProject): Promise<Held> => {
  await clearQueue()
  await due(project)
  assert.equal(await queueDuePolls(parts), 1)
  const [held] = await runner.take()
  assert.equal(held?.spec.kind, 'refs')
  return held!
}
const finishLook = async (held: Held, refs: Record<string, string>): Promise<void> => {
  const list = Object.entries(refs).map(([name, commit]) => ({ ref: `refs/${name}`, commit }))
  const { status } = await runner.finish(held, { result: { kind: 'refs', refs: list, hostKeys: [] } })
  assert.equal(status, 200)
}
const look = async (project: HookedProject, refs: Record<string, string>) =>
  finishLook(await leaseLook(project), refs)
const push = (project: HookedProject, old: string, commit: string, ref = 'refs/heads/main') =>
  deliver(deps, project, { old, new: commit, ref, sentAt: new Date().toISOString() })

test('the first look starts nothing; what is new, moved or deleted afterwards is told once', async () => {
  const web = await addPolled('web')
  await look(web, { 'heads/main': a, 'heads/fix': a })
  assert.deepEqual(await toldOf('web'), [])
  await look(web, { 'heads/main': b, 'tags/v1': b })
  const told = ['poll no_run refs/heads/fix 0', 'poll run refs/heads/main b', 'poll run refs/tags/v1 b']
  assert.deepEqual(await toldOf('web'), told)
  await look(web, { 'heads/main': b, 'tags/v1': b })
  assert.deepEqual(await toldOf('web'), told, 'and not again')
  assert.deepEqual((await deliveries.list(parts.scope, { limit: 1, ref: 'main' })).items[0]?.old, a)
})

test('a hook and a look tell of one push, whichever is first', async () => {
  const both = await addPolled('both')
  await look(both, { 'heads/main': a })
  await push(both, a, b)
  await look(both, { 'heads/main': b })
  assert.deepEqual(await toldOf('both'), ['hook run refs/heads/main b'])
  await look(both, { 'heads/main': c })
  const late = await push(both, b, c)
  assert.equal(late.body.verdict, 'duplicate')
  assert.match(late.body.reason!, /^Found by polling before/)
  assert.notEqual(late.body.run, null)
  // Back and forth to a commit that was told before is a push of its own.
  await push(both, c, b)
  await look(both, { 'heads/main': b })
  await look(both, { 'heads/main': c })
  assert.deepEqual((await toldOf('both')).slice(3), [
    'hook run refs/heads/main b',
    'poll run refs/heads/main c',
  ])
})

test('a hook that comes while a look is under way is neither lost nor told twice', async () => {
  const race = await addPolled('race')
  await look(race, { 'heads/main': a })
  const held = await leaseLook(race)
  await Promise.all([push(race, a, b), finishLook(held, { 'heads/main': b })])
  assert.equal((await toldOf('race')).filter((line) => line.includes(' run ')).length, 1)
  // This look read before the push and answers after it.
  const early = await leaseLook(race)
  await push(race, b, c)
  await finishLook(early, { 'heads/main': b })
  await look(race, { 'heads/main': c })
  assert.equal((await toldOf('race')).filter((line) => line.includes(' run ')).length, 2)
})

test('pushes that a hook kept back come late and in order, after a look has found the last of them', async () => {
  const spool = await addPolled('spool')
  await look(spool, { 'heads/main': a })
  await look(spool, { 'heads/main': c })
  await push(spool, a, b)
  await push(spool, b, c)
  await look(spool, { 'heads/main': c })
  assert.deepEqual(await toldOf('spool'), [
    'poll run refs/heads/main c',
    'hook run refs/heads/main b',
    'hook duplicate refs/heads/main c',
  ])
})

test('a lost look is made again later, further and further away, and what it would have found is found', async () => {
  const lost = await addPolled('lost')
  await look(lost, { 'heads/main': a })
  const waits: number[] = []
  for (let n = 0; n < 3; n++) {
    const held = await leaseLook(lost)
    await runner.finish(held, {
      ...{ outcome: 'failed', reason: { code: 'E_SOURCE_UNREACHABLE', message: 'It cannot be reached' } },
      result: { kind: 'refs', refs: [], hostKeys: [] },
    } as never)
    const { polling } = (await lost.projects.find(parts.scope, 'lost'))!
    assert.deepEqual([polling?.failures, polling?.problem], [n + 1, 'It cannot be reached'])
    waits.push(Date.parse(polling!.next_at) - Date.now())
  }
  assert.ok(waits[1]! > waits[0]! * 1.5 && waits[2]! > waits[1]! * 1.5, String(waits))
  await look(lost, { 'heads/main': d })
  assert.deepEqual(await toldOf('lost'), ['poll run refs/heads/main d'])
  assert.equal((await lost.projects.find(parts.scope, 'lost'))?.polling?.failures, 0)
})

test('one look at a time for a project, a few for all, also when two servers look at the same time', async () => {
  await clearQueue()
  await sql`update projects set poll_next_at = now() + interval '1 hour' where poll_seconds is not null`.execute(
    db,
  )
  for (let n = 0; n < limits.pollsAtOnceMax + 2; n++) await addPolled(`many-${n}`)
  await Promise.all([queueDuePolls(parts), queueDuePolls(parts), queueDuePolls(parts)])
  await queueDuePolls(parts)
  const live = async () => {
    const { rows } = await sql<{ projects: number; looks: number }>`
      select count(distinct project_id) as projects, count(*) as looks from attempts
      where run_id is null and status in ('queued', 'running')`.execute(db)
    return [rows[0]?.projects, rows[0]?.looks]
  }
  assert.deepEqual(await live(), [limits.pollsAtOnceMax, limits.pollsAtOnceMax])
  await sql`update projects set poll_next_at = now() - interval '1 s' where name like 'many-%'`.execute(db)
  assert.equal(await queueDuePolls(parts), 0)
  for (const held of await runner.take()) await finishLook(held, { 'heads/main': a })
  assert.equal(await queueDuePolls(parts), 2, 'whose turn it is then')
  for (let left = limits.pollsAtOnceMax; left > 0; ) {
    const leases = await runner.take()
    for (const held of leases) await finishLook(held, { 'heads/main': a })
    left -= leases.length
  }
})

test('a thousand branches at once become deliveries a few at a time; polling that was off starts anew', async () => {
  await sql`update projects set poll_next_at = now() + interval '1 hour' where poll_seconds is not null`.execute(
    db,
  )
  const bulk = await addPolled('bulk')
  await look(bulk, { 'heads/main': a })
  const count = limits.deliveriesPerLookMax + 10
  const branches = Object.fromEntries(Array.from({ length: count }, (_, n) => [`heads/b${n}`, b]))
  await look(bulk, { 'heads/main': a, ...branches })
  assert.equal(await runsOf('bulk'), limits.deliveriesPerLookMax)
  const { polling } = (await bulk.projects.find(parts.scope, 'bulk'))!
  assert.ok(Date.parse(polling!.next_at) <= Date.now(), 'the rest follows at once')
  await look(bulk, { 'heads/main': a, ...branches })
  assert.equal((await toldOf('bulk')).length, count)
  await bulk.projects.set(parts.actor, 'bulk', { poll_seconds: null })
  assert.equal((await bulk.projects.find(parts.scope, 'bulk'))?.polling, null)
  await bulk.projects.set(parts.actor, 'bulk', { poll_seconds: 30 })
  await look(bulk, { 'heads/main': d })
  assert.equal((await toldOf('bulk')).length, count)
})

test('a host whose key nobody confirmed shows no refs: that is no answer', async () => {
  const shy = await addPolled('shy')
  await look(shy, {})
  const { polling } = (await shy.projects.find(parts.scope, 'shy'))!
  assert.deepEqual([polling?.failures, polling?.last_at], [1, null])
  assert.match(polling?.problem ?? '', /confirm its key/)
  assert.deepEqual(await toldOf('shy'), [])
})

test('old looks are forgotten, the last ones are kept', async () => {
  await sql`
    insert into jobs (id, organisation_id, project_id, number, key, name, kind, status, class)
    select 'job_' || lpad(n::text, 26, '0'), p.organisation_id, p.id, 0, key, key, 'refs', 'passed', 'built-in'
    from projects p, generate_series(1, 80) n, lateral (select case when n > 40 then 'poll' else 'refs' end as key) k
    where p.name = 'web'`.execute(db)
  await sql`
    insert into attempts (id, organisation_id, project_id, job_id, number, class, status, finished_at)
    select replace(id, 'job_', 'att_'), organisation_id, project_id, id, 1, 'built-in', 'passed', now() - interval '1 day'
    from jobs where id like 'job_0000000%'`.execute(db)
  await prunePolls(db, parts.objects)
  const { rows } = await sql<{ key: string; n: number }>`
    select j.key, count(*) as n from jobs j join projects p on p.id = j.project_id
    where j.kind = 'refs' and p.name = 'web' group by j.key order by j.key`.execute(db)
  assert.deepEqual(rows, [
    { key: 'poll', n: limits.pollsKept },
    { key: 'refs', n: limits.pollsKept },
  ])
  assert.equal(zeros.length, 40)
})

test('an empty repository is looked at as often as any other, and its first push is told', async () => {
  const fresh = await addPolled('fresh')
  const polling = async () => (await fresh.projects.find(parts.scope, 'fresh'))!.polling!
  await sql`
    insert into host_keys (project_id, fingerprint, line, confirmed_at, confirmed_by)
    values (${fresh.id}, 'SHA256:x', 'git.example ssh-ed25519 x', now(), 'operator')`.execute(db)
  for (let n = 0; n < 3; n++) await look(fresh, {})
  const { failures, problem, last_at } = await polling()
  assert.deepEqual([failures, problem], [0, null])
  assert.notEqual(last_at, null)
  await look(fresh, { 'heads/main': a })
  assert.deepEqual(await toldOf('fresh'), ['poll run refs/heads/main a'])
  await look(fresh, {})
  assert.deepEqual(
    await toldOf('fresh'),
    ['poll run refs/heads/main a'],
    'all of it gone at once is no answer',
  )
  assert.equal((await polling()).failures, 1)
})

test('a look that a clock which was ahead put off is due when the clock came back', async () => {
  const late = await addPolled('late')
  await look(late, { 'heads/main': a })
  const rare = await addPolled('rare', 86_400)
  await look(rare, { 'heads/main': a })
  assert.equal(await queueDuePolls(parts), 0)
  await sql`
    update projects set poll_next_at = now() + interval '3 hours' where id in (${late.id}, ${rare.id})`.execute(
    db,
  )
  assert.equal(
    await queueDuePolls(parts),
    1,
    'of those that look once a day the next may well be as far away',
  )
  const { rows } = await sql<{ project: string }>`
    select project_id as project from attempts where run_id is null and status = 'queued'`.execute(db)
  assert.deepEqual(rows, [{ project: late.id }])
})
