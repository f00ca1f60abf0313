// Deliveries with the real vault: who is believed, what starts a run, what is said when nothing starts.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { addHookedProject } from '../../../test/support/hooked-project.ts'
import { enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { fromBase64Url, toBase64Url, utf8Decode } from '../../base/bytes.ts'
import { type HookId, parseId, type RunId } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import { generateSealingKey, openHookSecret } from '../../seal/index.ts'
import { createProjects } from '../projects/projects.ts'
import { createVaultClient } from '../vault-client.ts'
import { createDeliveries } from './deliveries.ts'
import { createIntake } from './intake.ts'

const parts = await openParts()
const intake = createIntake({ ...parts, log: silentLog })
const projects = createProjects({
  ...parts,
  localRepositoryRoots: [],
  serverUrl: () => 'http://localhost:8420',
})
const deliveries = createDeliveries(parts)

const addProject = (name: string) => addHookedProject(parts, name)
const web = await addProject('web')

const commit = 'a'.repeat(40)
const pushed = (changes: object = {}) =>
  Buffer.from(
    JSON.stringify({
      old: '0'.repeat(40),
      new: commit,
      ref: 'refs/heads/main',
      sentAt: new Date().toISOString(),
      ...changes,
    }),
  )
const send = (body: Uint8Array, { hook = web.hook as string, secret = web.secret, signature = '' } = {}) => {
  const mac = signature || `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
  return intake.accept({ hook, body, headers: { 'x-mayfly-signature': mac } })
}
const runsOf = async (project: string) =>
  (await parts.runs.listRuns(parts.scope, { limit: 100, project })).items
const count = async (table: 'runs' | 'deliveries' | 'delivery_signatures') =>
  (await parts.db.selectFrom(table).select(sql<number>`count(*)`.as('n')).executeTakeFirstOrThrow()).n

test('a signed push starts a run, and the delivery names it', async () => {
  const answer = await send(pushed())
  assert.equal(answer.status, 202)
  const [run] = await runsOf('web')
  assert.equal(answer.body.run, run?.id)
  assert.equal(run?.number, 1)
  assert.deepEqual(run?.event, {
    kind: 'push',
    ref: 'refs/heads/main',
    branch: 'main',
    tag: null,
    commit,
    subject: null,
    author: null,
  })
  const [delivery] = (await deliveries.list(parts.scope, { limit: 1 })).items
  assert.deepEqual([delivery?.verdict, delivery?.run_id, delivery?.ref], ['run', run?.id, 'refs/heads/main'])
})

test('the same delivery again is a duplicate and names the same run; five at once are one run', async () => {
  const body = pushed({ new: 'b'.repeat(40) })
  const before = (await runsOf('web')).length
  const answers = await Promise.all(Array.from({ length: 5 }, () => send(body)))
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 200, 202])
  assert.equal(new Set(answers.map(({ body }) => body.run)).size, 1)
  assert.equal((await runsOf('web')).length, before + 1)
})

test('after a day the signature is forgotten, and the delivery is too old by then', async () => {
  const body = pushed({ new: 'c'.repeat(40), sentAt: new Date(Date.now() - 23 * 3_600_000).toISOString() })
  assert.equal((await send(body)).status, 202)
  await sql`update delivery_signatures set received_at = now() - interval '26 hours'`.execute(parts.db)
  assert.equal((await send(body)).body.verdict, 'run')
  const old = await send(pushed({ sentAt: new Date(Date.now() - 25 * 3_600_000).toISOString() }))
  assert.deepEqual([old.status, old.body.verdict], [200, 'no_run'])
  const early = await send(pushed({ sentAt: new Date(Date.now() + 3_600_000).toISOString() }))
  assert.deepEqual([early.status, early.body.verdict], [400, 'refused'])
})

test('a delivery of a sender whose clock is ahead is remembered for as long as it is believed', async () => {
  // As it is a day and two minutes after it came: it was sent four minutes after that, by its own clock.
  const sentAt = new Date(Date.now() - (24 * 60 - 2) * 60_000).toISOString()
  const body = pushed({ new: '9'.repeat(40), sentAt })
  assert.equal((await send(body)).status, 202)
  await sql`update delivery_signatures set received_at = now() - interval '24 hours 2 minutes'`.execute(
    parts.db,
  )
  assert.equal((await send(body)).body.verdict, 'duplicate')
})

test('a delivery that starts nothing says why', async () => {
  const why = async (changes: object) => (await send(pushed(changes))).body.reason
  assert.equal(await why({ new: '0'.repeat(40) }), 'refs/heads/main was deleted')
  assert.equal(await why({ ref: 'refs/notes/commits' }), 'Only branches and tags start runs')
  assert.match((await why({ ref: 'refs/heads/a..b' }))!, /^Malformed/)
  assert.match((await why({ more: 1 }))!, /^Malformed: unknown member/)
  const tag = await send(pushed({ ref: 'refs/tags/v1', new: 'd'.repeat(40) }))
  assert.equal(tag.status, 202)
})

test('a branch name is text, whatever it looks like', async () => {
  const branch = ['x$(touch$', '{IFS}pwn)`id`;"\'<b>'].join('')
  const answer = await send(pushed({ ref: `refs/heads/${branch}`, new: 'e'.repeat(40) }))
  assert.equal(answer.status, 202)
  assert.equal((await runsOf('web'))[0]?.event.branch, branch)
})

test('nobody without the secret is believed, and it all looks the same', async () => {
  const other = await addProject('other')
  const before = await count('runs')
  const body = pushed({ new: 'f'.repeat(40) })
  const answers = await Promise.all([
    send(body, { secret: 'wrong' }),
    send(body, { secret: other.secret }),
    send(body, { hook: parts.newId('hook') }),
    send(body, { hook: 'nonsense' }),
    send(body, { signature: 'sha1=00' }),
    intake.accept({ hook: web.hook, body, headers: {} }),
  ])
  for (const answer of answers) assert.deepEqual(answer, { status: 401, body: { error: 'not accepted' } })
  assert.equal(await count('runs'), before)
})

test('a wrong secret is shown to people, once a minute', async () => {
  const wrong = await addProject('wrong')
  for (let i = 0; i < 3; i++) await send(pushed(), { hook: wrong.hook, secret: 'not it' })
  const { items } = await deliveries.list(parts.scope, { limit: 10, project: 'wrong' })
  assert.equal(items.length, 1)
  assert.equal(items[0]?.verdict, 'refused')
  assert.match(items[0]?.reason ?? '', /signature is wrong/)
})

test('a rotated hook accepts only the new secret at the new address', async () => {
  const eph = await generateSealingKey()
  const rotating = await addProject('rotating')
  const fresh = await projects.rotateHook(parts.actor, 'rotating', toBase64Url(eph.publicKey))
  const hook = fresh.project.hook.id as HookId
  const secret = utf8Decode((await openHookSecret(eph, fromBase64Url(fresh.hook_secret_sealed)!, hook))!)
  assert.equal((await send(pushed(), { hook: rotating.hook, secret: rotating.secret })).status, 401)
  assert.equal((await send(pushed(), { hook, secret })).status, 202)
})

test('while the vault is away nothing is acknowledged', async () => {
  const vault = createVaultClient({ socket: '/nonexistent/vault.sock' })
  const away = createIntake({ ...parts, vault, log: silentLog })
  const before = await count('deliveries')
  const body = pushed({ new: '9'.repeat(40) })
  const headers = {
    'x-mayfly-signature': `sha256=${createHmac('sha256', web.secret).update(body).digest('hex')}`,
  }
  const answer = await away.accept({ hook: web.hook, body, headers })
  assert.equal(answer.status, 503)
  assert.ok((answer.retryAfterSeconds ?? 0) > 0)
  assert.equal(await count('deliveries'), before)
  vault.close()
})

test('deliveries are listed newest first, page by page', async () => {
  const all = (await deliveries.list(parts.scope, { limit: 100 })).items.map(({ id }) => id)
  assert.deepEqual(all, all.toSorted().reverse())
  const first = await deliveries.list(parts.scope, { limit: 3 })
  const second = await deliveries.list(parts.scope, { limit: 3, cursor: first.next_cursor! })
  assert.deepEqual(
    [...first.items, ...second.items].map(({ id }) => id),
    all.slice(0, 6),
  )
  await assert.rejects(deliveries.list(parts.scope, { limit: 3, cursor: 'x' }))
})

test('a push ends the runs of earlier pushes to its branch, where the project wants that, and says so', async () => {
  const auto = await addProject('auto-cancel')
  const push = async (n: number, ref: string, sentAt = new Date().toISOString(), to = auto) => {
    const body = pushed({ ref, new: n.toString(16).padStart(40, '0'), sentAt })
    const { body: answer } = await send(body, to)
    return (await parts.runs.findRun(parts.scope, parseId('run', answer.run)!))!
  }
  const elsewhere = await push(1, 'refs/heads/fix', undefined, await addProject('another'))
  const again = async (run: { id: string }) =>
    (await parts.runs.findRun(parts.scope, parseId('run', run.id)!))!
  const before = await push(1, 'refs/heads/fix')
  await push(2, 'refs/heads/fix')
  assert.equal((await again(before)).status, 'queued', 'off until somebody wants it')

  const changed = await projects.set(parts.actor, 'auto-cancel', { auto_cancel: true })
  assert.equal(changed.settings.auto_cancel, true)
  const byHand = await parts.runs.startRun(parts.actor, { project: 'auto-cancel', ref: 'refs/heads/fix' })
  const [main, tag] = [await push(3, 'refs/heads/main'), await push(4, 'refs/tags/v1')]
  const third = await push(5, 'refs/heads/fix')
  await push(6, 'refs/heads/main')
  await push(7, 'refs/tags/v1')
  for (const kept of [main, tag, byHand, third]) assert.equal((await again(kept)).status, 'queued')
  const old = await again(before)
  assert.deepEqual(
    [old.status, old.cancelled],
    [
      'cancelled',
      {
        by: { id: 'auto-cancel', name: 'auto-cancel' },
        superseded_by: { id: third.id, number: third.number },
      },
    ],
  )
  await parts.runs.rerunRun(parts.actor, parseId('run', before.id)!, 'all')
  assert.equal((await again(before)).cancelled, null)
  // What else stands in the audit of a run, or was refused there, is nobody who wants it again.
  await sql`
    insert into audit (organisation_id, actor_kind, actor_id, action, target, project_id, run_id, result)
    select organisation_id, 'user', 'usr_x', told.action, id, project_id, id, told.result
    from runs, (values ('run.cancel', 'ok'), ('run.rerun', 'denied')) as told (action, result) where id = ${third.id}`.execute(
    parts.db,
  )
  // Whichever is stored first is not older than the other.
  const now = new Date().toISOString()
  const both = await Promise.all([push(8, 'refs/heads/fix', now), push(9, 'refs/heads/fix', now)])
  const statuses = await Promise.all(both.map(async (run) => (await again(run)).status))
  assert.deepEqual(statuses.toSorted(), ['cancelled', 'queued'])
  assert.equal((await again(third)).status, 'cancelled')
  assert.equal((await again(before)).status, 'queued', 'what a person wanted again goes on')
  assert.equal((await again(elsewhere)).status, 'queued', 'a branch of the same name of another project')
  const { rows } = await sql<{ n: number }>`
    select count(*) as n from audit where actor_kind = 'service' and actor_id = 'auto-cancel' and action = 'run.cancel'`.execute(
    parts.db,
  )
  assert.equal(rows[0]?.n, 4)
  const { rows: others } = await sql`
    select 1 from runs where superseded_by is not null and cancelled_by is null and id <> ${before.id}`.execute(
    parts.db,
  )
  assert.equal(others.length, 0, 'nobody else is said to be overtaken')
})

test('a push that comes late, after a newer one of its branch, ends nothing of that', async () => {
  const late = await addProject('late')
  await projects.set(parts.actor, 'late', { auto_cancel: true })
  const push = async (digit: string, secondsAgo: number) => {
    const sentAt = new Date(Date.now() - secondsAgo * 1000).toISOString()
    const { body } = await send(pushed({ ref: 'refs/heads/fix', new: digit.repeat(40), sentAt }), late)
    return parseId('run', body.run)!
  }
  const statusOf = async (run: RunId) => (await parts.runs.findRun(parts.scope, run))?.status
  const first = await push('1', 90)
  const newest = await push('3', 30)
  // Its hook could not reach us a minute ago.
  const second = await push('2', 60)
  assert.deepEqual(await Promise.all([first, second, newest].map(statusOf)), [
    'cancelled',
    'queued',
    'queued',
  ])
  const next = await push('4', 0)
  const all = await Promise.all([second, newest, next].map(statusOf))
  assert.deepEqual(all, ['cancelled', 'cancelled', 'queued'])
})

test('a replay that somebody wanted goes on when its branch is pushed to', async () => {
  const wanted = await addProject('wanted')
  await projects.set(parts.actor, 'wanted', { auto_cancel: true })
  const push = async (digit: string) =>
    (await send(pushed({ ref: 'refs/heads/fix', new: digit.repeat(40) }), wanted)).body
  const first = await push('1')
  const { run_id: again } = await deliveries.replay(parts.actor, parseId('delivery', first.delivery)!)
  await push('2')
  const statuses = await Promise.all(
    [first.run, again].map(
      async (run) => (await parts.runs.findRun(parts.scope, parseId('run', run)!))?.status,
    ),
  )
  assert.deepEqual(statuses, ['cancelled', 'queued'])
})

test('a run of which somebody wanted a job again while it was under way goes on when its branch is pushed to', async () => {
  const partly = await addProject('partly')
  await projects.set(parts.actor, 'partly', { auto_cancel: true })
  const push = async (digit: string) =>
    parseId('run', (await send(pushed({ ref: 'refs/heads/fix', new: digit.repeat(40) }), partly)).body.run)!
  const first = await push('1')
  await parts.db.updateTable('attempts').set({ class: 'elsewhere' }).where('run_id', '<>', first).execute()
  const runner = createScriptedRunner(parts, await enrolRunner(parts, 'partly'))
  after(() => runner.close())
  const [plan] = await runner.take({}, 1)
  await runner.finishPlan(plan!, [{ key: 'a' }, { key: 'b' }])
  const jobs = async () =>
    (await parts.runs.findRun(parts.scope, first))!.jobs.filter(({ kind }) => kind === 'job')
  const [job] = await jobs()
  await parts.runs.cancelJobs(parts.actor, parseId('job', job!.id)!)
  await parts.runs.rerunJob(parts.actor, parseId('job', job!.id)!)
  await push('2')
  assert.deepEqual(
    (await jobs()).map(({ status }) => status),
    ['queued', 'queued'],
  )
})

test('a commit whose message asks for no run gets none, and the delivery says so', async () => {
  const before = (await runsOf('web')).length
  const answer = await send(pushed({ new: 'ab'.repeat(20), skip: true }))
  assert.deepEqual([answer.status, answer.body.verdict], [200, 'no_run'])
  assert.match(answer.body.reason!, /\[ci skip\]/)
  assert.equal((await runsOf('web')).length, before)
  const [delivery] = (await deliveries.list(parts.scope, { limit: 1 })).items
  assert.deepEqual([delivery?.verdict, delivery?.run_id], ['no_run', null])
  assert.equal((await send(pushed({ skip: 'yes' }))).status, 400)
})
