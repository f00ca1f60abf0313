// A request with an Idempotency-Key is carried out once, whatever happens to its answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { cookieOf, noWork, openTestApp } from '../../../test/support/http-app.ts'
import { someProject as project } from '../../../test/support/some-project.ts'
import { fault } from '../../base/faults.ts'
import { forgetOldRequests } from '../answered-requests.ts'

/** An installation where `contact` counts how often it was really asked, and does what the test wants. */
const open = async (contact: (asked: number) => Promise<void> = async () => undefined) => {
  const count = { asked: 0 }
  const projects = {
    ...noWork.projects,
    contact: async () => {
      count.asked++
      await contact(count.asked)
      return { attempt_id: `att_${count.asked}` }
    },
    confirmHostKey: async () => project,
  }
  const app = await openTestApp({ work: { projects } })
  const cookie = await app.signInAs('owner')
  const ask = (key: string, options: { name?: string; cookie?: string } = {}) =>
    app.call('POST', `/api/v1/projects/${options.name ?? 'web'}/refs`, {
      cookie: options.cookie ?? cookie,
      headers: { 'idempotency-key': key },
      body: {},
    })
  return { app, cookie, count, ask }
}

test('a repeated request gets the first answer; another key is another request', async () => {
  const { ask, count, app, cookie } = await open()
  const first = await ask('k1')
  assert.deepEqual([first.status, first.json], [200, { attempt_id: 'att_1' }])
  assert.deepEqual((await ask('k1')).json, first.json)
  assert.deepEqual((await ask('k2')).json, { attempt_id: 'att_2' })
  assert.equal(count.asked, 2)
  const without = { cookie, body: {} }
  for (const n of [3, 4])
    assert.equal((await app.call('POST', '/api/v1/projects/web/refs', without)).json.attempt_id, `att_${n}`)
})

test('a key belongs to one person and to one request', async () => {
  const { ask, app, cookie } = await open()
  await ask('k')
  const reused = await ask('k', { name: 'docs' })
  assert.deepEqual([reused.status, reused.json.code], [422, 'MF4022'])
  const body = (fingerprint: string) => ({
    ...{ cookie, headers: { 'idempotency-key': 'b' }, body: { fingerprint } },
  })
  const path = '/api/v1/projects/web/host-keys'
  assert.equal((await app.call('POST', path, body('SHA256:a'))).status, 200)
  assert.equal((await app.call('POST', path, body('SHA256:b'))).status, 422)
  assert.deepEqual((await ask('k', { cookie: await app.signInAs('owner') })).json, { attempt_id: 'att_2' })
})

test('what was refused may be tried again with its key; what broke halfway may not', async () => {
  const failures = [fault('E_SEALED'), new Error('halfway')]
  const { ask, count } = await open(async (asked) => {
    const failure = failures[asked - 1]
    if (failure !== undefined) throw failure
  })
  assert.equal((await ask('k')).status, 503)
  assert.equal((await ask('k')).status, 500)
  const open_ = await ask('k')
  assert.deepEqual([open_.status, open_.json.code], [409, 'MF4023'])
  assert.equal(count.asked, 2)
})

test('of two at once one is carried out, and the other is told to wait', async () => {
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  const { ask, count } = await open(() => {
    reached.resolve()
    return gate.promise
  })
  const first = ask('k')
  await reached.promise
  assert.equal((await ask('k')).json.code, 'MF4023')
  gate.resolve()
  assert.deepEqual((await first).json, { attempt_id: 'att_1' })
  assert.deepEqual((await ask('k')).json, { attempt_id: 'att_1' })
  assert.equal(count.asked, 1)
})

test('a secret that is shown once is made once and kept nowhere', async () => {
  const { app, cookie } = await open()
  const make = () =>
    app.call('POST', '/api/v1/tokens', {
      ...{ cookie, headers: { 'idempotency-key': 'k' }, body: { name: 't', scopes: ['run.view'] } },
    })
  const { secret } = (await make()).json
  const again = await make()
  assert.deepEqual([again.status, again.json.code], [409, 'MF4009'])
  assert.match(again.json.detail, /shown once/)
  assert.equal((await app.call('GET', '/api/v1/tokens', { cookie })).json.items.length, 1)
  const { rows } = await sql<{ text: string }>`select a::text as text from answered_requests a`.execute(
    app.database.db,
  )
  assert.equal(rows.length, 1)
  assert.ok(!rows[0]?.text.includes(secret))
})

test('keys are forgotten after a day, and malformed ones refused', async () => {
  const { ask, app, count } = await open()
  await ask('k')
  await forgetOldRequests(app.database.db)
  await ask('k')
  assert.equal(count.asked, 1)
  await sql`update answered_requests set begun_at = begun_at - interval '25 hours'`.execute(app.database.db)
  await forgetOldRequests(app.database.db)
  await ask('k')
  assert.equal(count.asked, 2)
  for (const bad of ['two words', 'x'.repeat(256)]) assert.equal((await ask(bad)).status, 400, bad)
})

test('nobody may fill the table with keys', async () => {
  const { ask, app } = await open()
  await ask('first')
  await sql`insert into answered_requests (actor, key_hash, request_digest, answered_at)
    select a.actor, sha256(n::text::bytea), a.request_digest, now()
    from answered_requests a, generate_series(1, 9999) n`.execute(app.database.db)
  assert.equal((await ask('more')).status, 429)
  assert.equal((await ask('first')).status, 200)
})

test('who signs in while signed in leaves no digest of the password', async () => {
  const app = await openTestApp()
  const owner = { name: 'Ada', email: 'ada@example.org', password: 'correct horse battery' }
  const link = (await app.callOperator('POST', '/api/v1/operator/claim-link', { body: {} })).json.url
  const headers = { 'idempotency-key': 'k' }
  const token = new URL(link).hash.slice(1)
  const claim = await app.call('POST', '/api/v1/claim', { headers, body: { token, ...owner } })
  const { name: _, ...body } = owner
  const cookie = cookieOf(claim)
  assert.equal((await app.call('POST', '/api/v1/sign-in', { cookie, headers, body })).status, 200)
  const { rows } = await sql`select 1 from answered_requests`.execute(app.database.db)
  assert.equal(rows.length, 0)
})
