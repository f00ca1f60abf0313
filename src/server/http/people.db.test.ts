// Sessions, members and invitations through the real door: who sees what, what ends when, and what cannot happen.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { type Answer, cookieOf, openTestApp, type TestApp } from '../../../test/support/http-app.ts'
import { browserName } from '../access/browser-name.ts'

const meOf = async (app: TestApp, cookie: string) =>
  (await app.call('GET', '/api/v1/me', { cookie })).json.user

const joinBy = (app: TestApp, url: string, email: string): Promise<Answer> =>
  app.call('POST', '/api/v1/join', {
    body: { token: new URL(url).hash.slice(1), name: 'New', email, password: 'a long passphrase' },
    headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' },
  })

const invite = async (app: TestApp, cookie: string, role: string): Promise<string> => {
  const made = await app.call('POST', '/api/v1/invitations', { cookie, body: { role } })
  assert.equal(made.status, 200, made.text)
  return made.json.url
}

const auditOf = async (app: TestApp): Promise<string[]> => {
  const { rows } = await sql<{ action: string }>`select action from audit order by id`.execute(
    app.database.db,
  )
  return rows.map(({ action }) => action)
}

test('an invitation makes one member with its role, once; its link is stored as a hash only', async () => {
  const app = await openTestApp()
  const owner = await app.signInAs('owner')
  const url = await invite(app, owner, 'viewer')
  assert.match(url, /\/join#[A-Za-z0-9_-]{43}$/)
  const joined = await joinBy(app, url, 'new@example.org')
  assert.equal(joined.status, 200, joined.text)
  assert.equal(joined.json.user.role, 'viewer')
  assert.equal((await meOf(app, cookieOf(joined))).email, 'new@example.org')
  const again = await joinBy(app, url, 'other@example.org')
  assert.deepEqual([again.status, again.json.code], [403, 'MF4031'])
  const [listed] = (await app.call('GET', '/api/v1/sessions', { cookie: cookieOf(joined) })).json.items
  assert.deepEqual(
    [listed.browser, listed.how, listed.current, listed.user.name],
    ['Firefox on Linux', 'password', true, 'New'],
  )
  assert.deepEqual((await auditOf(app)).slice(-3), ['member.invite', 'session.start', 'member.join'])
})

test('a link that was taken back or is over lets nobody in, and an address joins once', async () => {
  const app = await openTestApp()
  const owner = await app.signInAs('owner')
  const url = await invite(app, owner, 'developer')
  const [open] = (await app.call('GET', '/api/v1/invitations', { cookie: owner })).json.items
  assert.equal((await app.call('DELETE', `/api/v1/invitations/${open.id}`, { cookie: owner })).status, 200)
  assert.equal((await joinBy(app, url, 'a@example.org')).status, 403)
  const late = await invite(app, owner, 'developer')
  await sql`update invitations set expires_at = now()`.execute(app.database.db)
  assert.equal((await joinBy(app, late, 'a@example.org')).status, 403)
  assert.equal((await joinBy(app, await invite(app, owner, 'developer'), 'a@example.org')).status, 200)
  const next = await invite(app, owner, 'developer')
  assert.equal((await joinBy(app, next, 'A@example.org')).status, 409, 'upper case is no other address')
  assert.equal((await joinBy(app, next, 'b@example.org')).status, 200, 'the link was not used up by that')
  const both = await invite(app, owner, 'developer')
  const two = await Promise.all([joinBy(app, both, 'c@example.org'), joinBy(app, both, 'd@example.org')])
  assert.deepEqual(two.map(({ status }) => status).sort(), [200, 403])
})

test('people see and end their own sessions; a session that ended lets nobody in', async () => {
  const app = await openTestApp()
  const url = await invite(app, await app.signInAs('owner'), 'developer')
  const first = cookieOf(await joinBy(app, url, 'ada@example.org'))
  const signIn = async () =>
    cookieOf(
      await app.call('POST', '/api/v1/sign-in', {
        body: { email: 'ada@example.org', password: 'a long passphrase' },
      }),
    )
  const [second, third] = [await signIn(), await signIn()]
  const list = async (cookie: string) => (await app.call('GET', '/api/v1/sessions', { cookie })).json.items
  const mine: { id: string; current: boolean }[] = await list(second)
  assert.equal(mine.length, 3)
  assert.equal(mine.filter(({ current }) => current).length, 1)
  const stranger = await app.signInAs('owner')
  const other = mine.find(({ current }) => !current)?.id ?? ''
  assert.equal((await app.call('DELETE', `/api/v1/sessions/${other}`, { cookie: stranger })).status, 404)
  assert.equal((await app.call('DELETE', `/api/v1/sessions/${other}`, { cookie: second })).status, 200)
  assert.equal((await list(second)).length, 2)
  const rest = await app.call('POST', '/api/v1/sessions/end', { cookie: second, body: { keep_this: true } })
  assert.equal(rest.json.ended, 1)
  assert.equal(await meOf(app, first), null)
  assert.equal(await meOf(app, third), null)
  assert.equal((await meOf(app, second)).email, 'ada@example.org')
  const all = await app.call('POST', '/api/v1/sessions/end', { cookie: second, body: {} })
  assert.equal(all.json.ended, 1)
  assert.match(all.headers.getSetCookie()[0] ?? '', /Max-Age=0/i)
  assert.equal(await meOf(app, second), null)
  assert.notEqual(await meOf(app, stranger), null, 'nobody else was signed out')
})

test('the operator sees and ends the sessions of everybody', async () => {
  const app = await openTestApp()
  const [owner, viewer] = [await app.signInAs('owner'), await app.signInAs('viewer')]
  assert.equal((await app.callOperator('GET', '/api/v1/sessions')).json.items.length, 2)
  const ended = await app.callOperator('POST', '/api/v1/sessions/end', { body: {} })
  assert.equal(ended.json.ended, 2)
  for (const cookie of [owner, viewer]) assert.equal(await meOf(app, cookie), null)
})

test('a role that changes ends the sessions of a member; disabling ends sessions and tokens for good', async () => {
  const app = await openTestApp()
  const owner = await app.signInAs('owner')
  const joined = await joinBy(app, await invite(app, owner, 'developer'), 'dev@example.org')
  const cookie = cookieOf(joined)
  const made = await app.call('POST', '/api/v1/tokens', { cookie, body: { name: 't', scopes: ['run.view'] } })
  const byToken = async () =>
    (await app.call('GET', '/api/v1/runs', { token: made.json.secret, browser: false })).status
  const change = (body: object) =>
    app.call('PATCH', `/api/v1/members/${joined.json.user.id}`, { cookie: owner, body })
  assert.equal((await change({ role: 'viewer' })).json.role, 'viewer')
  assert.equal(await meOf(app, cookie), null)
  assert.equal(await byToken(), 200, 'what a viewer may, too')
  assert.equal((await change({ disabled: true })).json.disabled, true)
  assert.equal(await byToken(), 401)
  const again = await app.call('POST', '/api/v1/sign-in', {
    body: { email: 'dev@example.org', password: 'a long passphrase' },
  })
  assert.equal(again.status, 401)
  assert.equal((await change({ disabled: false })).json.disabled, false)
  assert.equal(await byToken(), 401, 'who is let in again makes new ones')
  assert.equal(await meOf(app, cookie), null)
  const { rows } = await sql<{ target: string; details: object }>`
    select target, details from audit where action = 'token.revoke-all'`.execute(app.database.db)
  assert.deepEqual(rows, [{ target: joined.json.user.id, details: { tokens: 1 } }])
  assert.equal((await change({ role: 'admin' })).status, 400)
})

test('who is disabled in the moment of a sign-in or of a new token has neither, also when enabled again', async () => {
  const app = await openTestApp()
  const owner = await app.signInAs('owner')
  const joined = await joinBy(app, await invite(app, owner, 'developer'), 'dev@example.org')
  const [cookie, { id }] = [cookieOf(joined), joined.json.user]
  const { db, keyed } = app.database
  const [begun, decided] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const disabling = db.transaction().execute(async (tx) => {
    await sql`update users set disabled_at = now() where id = ${id}`.execute(tx)
    await sql`update api_tokens set revoked_at = now() where user_id = ${id}`.execute(tx)
    await sql`delete from sessions where user_id = ${id}`.execute(tx)
    begun.resolve()
    await decided.promise
  })
  await begun.promise
  let answered = 0
  const asked = [
    app.call('POST', '/api/v1/tokens', { cookie, body: { name: 't', scopes: ['run.view'] } }),
    app.call('POST', '/api/v1/sign-in', {
      body: { email: 'dev@example.org', password: 'a long passphrase' },
    }),
  ].map((call) => call.finally(() => answered++))
  // Over other connections: these may all be in use.
  const waiting = async () => {
    const { rows } = await sql`
      select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
      keyed,
    )
    return rows.length
  }
  while (answered + (await waiting()) < asked.length) await new Promise((resolve) => setTimeout(resolve, 10))
  decided.resolve()
  await disabling
  assert.deepEqual(
    (await Promise.all(asked)).map(({ status }) => status),
    [401, 401],
  )
  await sql`update users set disabled_at = null where id = ${id}`.execute(db)
  const { rows } = await sql`
    select 1 from api_tokens where user_id = ${id} and revoked_at is null
    union all select 1 from sessions where user_id = ${id}`.execute(db)
  assert.deepEqual(rows, [])
})

test('the last owner stays one, also when two give it up at once', async () => {
  const app = await openTestApp()
  const [one, two] = [await app.signInAs('owner'), await app.signInAs('owner')]
  const ids = await Promise.all([one, two].map(async (cookie) => (await meOf(app, cookie)).id as string))
  const change = (cookie: string, id: string | undefined, body: object) =>
    app.call('PATCH', `/api/v1/members/${id}`, { cookie, body })
  const both = await Promise.all([
    change(one, ids[0], { role: 'viewer' }),
    change(two, ids[1], { disabled: true }),
  ])
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409])
  const members = (await app.callOperator('GET', '/api/v1/members')).json.items
  const isOwner = (member: { role: string; disabled: boolean }) => member.role === 'owner' && !member.disabled
  assert.equal(members.filter(isOwner).length, 1)
})

test('an owner signs a member out everywhere; developers and viewers manage nobody', async () => {
  const app = await openTestApp()
  const [owner, developer] = [await app.signInAs('owner'), await app.signInAs('developer')]
  const { id } = await meOf(app, developer)
  const signOut = (cookie: string) => app.call('POST', `/api/v1/members/${id}/sign-out`, { cookie, body: {} })
  assert.equal((await signOut(developer)).status, 403)
  assert.equal((await signOut(owner)).json.ended, 1)
  assert.equal(await meOf(app, developer), null)
})

test('browsers are named coarsely', () => {
  const agents = [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0',
    'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36',
    'curl/8.1',
    'x'.repeat(5000),
    undefined,
  ]
  assert.deepEqual(agents.map(browserName), [
    ...['Safari on macOS', 'Edge on Windows', 'Chrome on Android', 'curl', null, null],
  ])
})
