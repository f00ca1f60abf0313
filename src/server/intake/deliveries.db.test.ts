// Deliveries of other tools than our hook, replays, and what a crash leaves behind: with the real vault and database.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { sql } from 'kysely'
import { addHookedProject, deliver } from '../../../test/support/hooked-project.ts'
import { openParts } from '../../../test/support/parts.ts'
import { isFault } from '../../base/faults.ts'
import { type DeliveryId, parseId } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import type { Places } from '../runs/places.ts'
import { createDeliveries } from './deliveries.ts'
import { createIntake } from './intake.ts'

const parts = await openParts()
const deps = { ...parts, log: silentLog }
const deliveries = createDeliveries(parts)
const web = await addHookedProject(parts, 'web')

let commits = 0
const nextCommit = () => (++commits).toString(16).padStart(40, '0')
const now = (offsetMs = 0) => new Date(Date.now() + offsetMs).toISOString()
const ofTool = (changes: object = {}) => ({ ref: 'main', commit: nextCommit(), sentAt: now(), ...changes })
const runsOf = async (project = 'web') =>
  (await parts.runs.listRuns(parts.scope, { limit: 100, project })).items
const refuses = (work: Promise<unknown>, code: Parameters<typeof isFault>[1], words: RegExp) =>
  assert.rejects(work, (error) => {
    assert.ok(isFault(error, code), String(error))
    assert.match(error.public, words)
    return true
  })
const idOf = (text: unknown): DeliveryId => parseId('delivery', String(text))!

test('any tool that can sign starts a run of a branch, and its delivery says who told us', async () => {
  const body = ofTool()
  const answer = await deliver(deps, web, body)
  assert.deepEqual([answer.status, answer.body.verdict], [202, 'run'])
  const delivery = await deliveries.find(parts.scope, idOf(answer.body.delivery))
  assert.deepEqual(
    [delivery?.source, delivery?.ref, delivery?.new, delivery?.run?.number, delivery?.project.name],
    ['webhook', 'refs/heads/main', body.commit, 1, 'web'],
  )
  assert.equal(delivery?.sent_at, body.sentAt)
})

test('a captured delivery of a tool is good for five minutes and for one time', async () => {
  const body = ofTool({ sentAt: now(-4 * 60_000) })
  assert.equal((await deliver(deps, web, body)).status, 202)
  const again = await deliver(deps, web, body)
  assert.deepEqual([again.status, again.body.verdict], [200, 'duplicate'])
  const old = await deliver(deps, web, ofTool({ sentAt: now(-6 * 60_000) }))
  assert.deepEqual([old.status, old.body.verdict], [400, 'refused'])
  assert.match(old.body.reason!, /^Too old/)
  const early = await deliver(deps, web, ofTool({ sentAt: now(6 * 60_000) }))
  assert.match(early.body.reason!, /^From the future/)
})

test('a message that asks for no run is obeyed, a deleted ref and a note start nothing', async () => {
  const why = async (changes: object) => (await deliver(deps, web, ofTool(changes))).body.reason
  assert.match((await why({ message: 'Docs\n\n[skip ci]' }))!, /\[ci skip\]/)
  assert.equal(await why({ commit: '0'.repeat(40) }), 'refs/heads/main was deleted')
  assert.equal(await why({ ref: 'refs/notes/x' }), 'Only branches and tags start runs')
})

test('signed nonsense is stored as refused, 300 times over; unsigned nonsense says nothing at all', async () => {
  const seed = JSON.stringify(ofTool())
  const before = (await runsOf()).length
  for (let n = 0; n < 300; n++) {
    const bytes = Buffer.from(seed)
    bytes[(n * 7) % bytes.length] = (n * 31) % 256
    const answer = await deliver(deps, web, bytes.subarray(0, bytes.length - (n % 3)))
    assert.ok([200, 202, 400].includes(answer.status), String(answer.status))
    const unsigned = await createIntake(deps).accept({
      ...{ hook: web.hook, body: bytes, headers: { 'x-mayfly-signature': `sha256=${'0'.repeat(64)}` } },
    })
    assert.deepEqual(unsigned, { status: 401, body: { error: 'not accepted' } })
  }
  const started = (await runsOf()).length - before
  const { rows } = await sql<{ n: number }>`
    select count(*) as n from deliveries where verdict = 'run' and source = 'webhook'`.execute(parts.db)
  assert.ok(started <= (rows[0]?.n ?? 0), 'every run has the delivery that started it')
})

test('a replay makes a run of the same commit, names its cause and is audited', async () => {
  const body = ofTool({ message: '[ci skip]' })
  const first = idOf((await deliver(deps, web, body)).body.delivery)
  const again = await deliveries.replay(parts.actor, first)
  assert.deepEqual(
    [again.verdict, again.source, again.replay_of, again.replayed_by?.name, again.new],
    ['run', 'replay', first, 'operator', body.commit],
  )
  const run = (await parts.runs.findRun(parts.scope, parseId('run', again.run_id!)!))!
  assert.deepEqual([run.event.commit, run.delivery_id, run.event.kind], [body.commit, again.id, 'push'])
  assert.equal((await deliveries.find(parts.scope, first))?.replays, 1)
  const { rows } = await sql<{ target: string; run: string; delivery: string }>`
    select target, run_id as run, details ->> 'delivery' as delivery from audit where action = 'delivery.replay'`.execute(
    parts.db,
  )
  assert.deepEqual(rows, [{ target: first, run: run.id, delivery: again.id }])
})

test('what a tool tells of a change goes with its run, and with a replay of it; forks start none', async () => {
  const pullRequest = { number: 7, url: 'https://code.example/acme/web/pull/7', title: 'Say "hello"' }
  const before = 'e'.repeat(40)
  const commit = { url: 'https://code.example/acme/web/commit/1', author: 'ada' }
  const first = (await deliver(deps, web, ofTool({ before, ...commit, pullRequest }))).body
  const delivery = await deliveries.find(parts.scope, idOf(first.delivery))
  assert.deepEqual([delivery?.old, delivery?.pull_request], [before, pullRequest])
  const again = await deliveries.replay(parts.actor, idOf(first.delivery))
  for (const run of [first.run, again.run_id]) {
    const { rows } = await sql`select change from runs where id = ${run}`.execute(parts.db)
    assert.deepEqual(rows, [{ change: { base: before, commit, pullRequest } }])
  }
  const { run } = (await deliver(deps, web, ofTool())).body
  assert.deepEqual((await sql`select change from runs where id = ${run}`.execute(parts.db)).rows, [
    { change: null },
  ])
  const fork = (await deliver(deps, web, ofTool({ pullRequest: { ...pullRequest, fork: true } }))).body
  assert.deepEqual([fork.verdict, fork.reason], ['no_run', 'Pull requests from forks start no runs'])
  await refuses(deliveries.replay(parts.actor, idOf(fork.delivery)), 'E_CONFLICT', /from forks/)
})

test('what named no commit, or a deleted one, cannot be replayed, nor what is somebody else’s', async () => {
  const gone = idOf((await deliver(deps, web, ofTool({ commit: '0'.repeat(40) }))).body.delivery)
  await refuses(deliveries.replay(parts.actor, gone), 'E_CONFLICT', /was deleted/)
  const malformed = idOf((await deliver(deps, web, { x: 1 })).body.delivery)
  await refuses(deliveries.replay(parts.actor, malformed), 'E_CONFLICT', /named no commit/)
  const stranger = scopeOfOrganisation(parts.newId('organisation'))
  const theirs = { kind: 'operator', name: 'operator', scope: stranger } as const
  await refuses(deliveries.replay(theirs, gone), 'E_NOT_FOUND', /No such delivery/)
  assert.equal(await deliveries.find(stranger, gone), null)
})

test('a replay ends no newer run of its branch', async () => {
  await web.projects.set(parts.actor, 'web', { auto_cancel: true })
  const old = idOf((await deliver(deps, web, ofTool({ ref: 'fix' }))).body.delivery)
  const newer = parseId('run', (await deliver(deps, web, ofTool({ ref: 'fix' }))).body.run!)!
  await deliveries.replay(parts.actor, old)
  assert.equal((await parts.runs.findRun(parts.scope, newer))?.status, 'queued')
})

test('deliveries are found by verdict, source, ref and commit', async () => {
  const body = ofTool({ ref: 'refs/tags/v9' })
  await deliver(deps, web, body)
  const find = async (query: object) => (await deliveries.list(parts.scope, { limit: 100, ...query })).items
  assert.ok((await find({ verdict: 'refused' })).every(({ verdict }) => verdict === 'refused'))
  assert.equal((await find({ source: 'replay' })).length, 3)
  assert.deepEqual(
    (await find({ ref: 'v9' })).map(({ ref }) => ref),
    ['refs/tags/v9'],
  )
  assert.equal((await find({ commit: body.commit })).length, 1)
  assert.equal((await find({ project: 'nowhere' })).length, 0)
})

test('a server that dies before the commit has acknowledged nothing; sent again, it is one run', async () => {
  const body = ofTool()
  const broken = new Error('killed')
  const places: Places = {
    ...parts.places,
    placing: () => ({
      ...parts.places.placing(),
      take: () => {
        throw broken
      },
    }),
  }
  const before = (await runsOf()).length
  await assert.rejects(deliver({ ...deps, places }, web, body), (error) => error === broken)
  assert.equal((await deliveries.list(parts.scope, { limit: 1, commit: body.commit })).items.length, 0)
  const bytes = Buffer.from(JSON.stringify(body))
  const mac = `sha256=${createHmac('sha256', web.secret).update(bytes).digest('hex')}`
  const send = () =>
    createIntake(deps).accept({ hook: web.hook, body: bytes, headers: { 'x-mayfly-signature': mac } })
  assert.deepEqual(
    (await Promise.all([send(), send(), send()])).map(({ status }) => status).toSorted(),
    [200, 200, 202],
  )
  assert.equal((await runsOf()).length, before + 1)
})
