// Claim, sign-in, sessions and tokens as a browser and a program see them, over HTTP and a real database.
import assert from 'node:assert/strict'
import { createHook } from 'node:async_hooks'
import { once } from 'node:events'
import { test } from 'node:test'
import { sql } from 'kysely'
import { type Answer, cookieOf, openTestApp, type TestApp } from '../../../test/support/http-app.ts'
import { createSoftwarePasskey } from '../../../test/support/software-passkey.ts'

const password = 'correct horse battery'
const owner = { name: 'Ada', email: 'Ada@example.org' }

const claimToken = async (app: TestApp): Promise<string> => {
  const link = await app.access.claim.issue(null)
  return new URL(link?.reveal('the test follows the link') ?? '').hash.slice(1)
}

const claim = async (app: TestApp) =>
  app.call('POST', '/api/v1/claim', { body: { token: await claimToken(app), ...owner, password } })

const signIn = (app: TestApp, email: string, attempt: string, headers: Record<string, string> = {}) =>
  app.call('POST', '/api/v1/sign-in', { body: { email, password: attempt }, headers })

const isProblem = (answer: Answer, status: number, code: string) => {
  assert.deepEqual([answer.status, answer.json?.code], [status, code], answer.text)
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  assert.equal(answer.json.request_id, answer.headers.get('x-request-id'))
}

const auditOf = async (app: TestApp, action: string) => {
  const { rows } = await sql<{ actor_id: string; result: string; code: string | null }>`
    select actor_id, result, code from audit where action = ${action} order by id`.execute(app.database.db)
  return rows
}

test('from the claim to a session, an empty list of runs and a live socket', async () => {
  const app = await openTestApp()
  assert.equal((await app.call('GET', '/api/v1/me')).json.claimed, false)
  const claimed = await claim(app)
  assert.equal(claimed.status, 200, claimed.text)
  assert.deepEqual(claimed.json.user.role, 'owner')
  const cookie = cookieOf(claimed)
  const me = await app.call('GET', '/api/v1/me', { cookie })
  assert.deepEqual(
    [me.json.claimed, me.json.user.email, me.json.organisation.name],
    [true, owner.email, 'acme'],
  )
  const runs = await app.call('GET', '/api/v1/runs', { cookie })
  assert.deepEqual([runs.status, runs.json], [200, { items: [], next_cursor: null }])
  const socket = app.connect({ cookie, origin: app.site().origin })
  await once(socket, 'open')
  socket.send('{"t":"ping"}')
  const [message] = await once(socket, 'message')
  assert.equal(String(message), '{"t":"pong"}')
  socket.terminate()
})

test('a claim link works once, for one person, and afterwards the claim is not there', async () => {
  const app = await openTestApp()
  const body = { token: await claimToken(app), ...owner, password }
  isProblem(await app.call('POST', '/api/v1/claim', { body: { ...body, token: 'other' } }), 403, 'MF4031')
  const answers = await Promise.all([0, 1, 2].map(() => app.call('POST', '/api/v1/claim', { body })))
  const statuses = answers.map((answer) => answer.status).sort()
  assert.equal(statuses[0], 200)
  assert.ok(
    statuses.slice(1).every((status) => status === 403 || status === 404),
    String(statuses),
  )
  isProblem(await app.call('POST', '/api/v1/claim', { body }), 404, 'MF4004')
  const options = { token: body.token, ...owner }
  isProblem(await app.call('POST', '/api/v1/claim/passkey-options', { body: options }), 404, 'MF4004')
  assert.equal(await app.access.claim.issue(null), null)
  const { rows } = await sql`select 1 from users`.execute(app.database.db)
  assert.equal(rows.length, 1)
})

test('a new claim link ends the one before, and a link lives 30 minutes', async () => {
  const app = await openTestApp()
  const older = await claimToken(app)
  const newer = await claimToken(app)
  const attempt = (token: string) =>
    app.call('POST', '/api/v1/claim', { body: { token, ...owner, password } })
  isProblem(await attempt(older), 403, 'MF4031')
  const left = await sql<{ minutes: number }>`
    select extract(epoch from expires_at - now())::float8 / 60 as minutes from claims`.execute(
    app.database.db,
  )
  assert.ok(Math.abs((left.rows[0]?.minutes ?? 0) - 30) < 1)
  await sql`update claims set expires_at = now()`.execute(app.database.db)
  isProblem(await attempt(newer), 403, 'MF4031')
})

test('the operator gets a new link while unclaimed, which is audited, and none afterwards', async () => {
  const app = await openTestApp()
  const ask = async () => (await app.callOperator('POST', '/api/v1/operator/claim-link', { body: {} })).json
  const { claimed, url } = await ask()
  assert.equal(claimed, false)
  const body = { token: new URL(url).hash.slice(1), ...owner, password }
  assert.equal((await app.call('POST', '/api/v1/claim', { body })).status, 200)
  assert.deepEqual(await ask(), { claimed: true, url: null })
  assert.deepEqual(await auditOf(app, 'claim.issue'), [{ actor_id: 'operator', result: 'ok', code: null }])
})

test('the database holds no claim link, session or token that could be used', async () => {
  const app = await openTestApp()
  const link = await claimToken(app)
  const cookie = cookieOf(
    await app.call('POST', '/api/v1/claim', { body: { token: link, ...owner, password } }),
  )
  const made = await app.call('POST', '/api/v1/tokens', {
    cookie,
    body: { name: 'ci', scopes: ['run.view'] },
  })
  const { rows } = await sql<{ dump: string }>`
    select (select json_agg(s)::text from sessions s) || (select json_agg(t)::text from api_tokens t)
      || coalesce((select json_agg(c)::text from claims c), '') || (select json_agg(p)::text from passwords p)
      || (select json_agg(a)::text from audit a) as dump`.execute(app.database.db)
  const dump = rows[0]?.dump ?? ''
  for (const value of [link, cookie.split('=')[1] ?? '', made.json.secret, password])
    assert.ok(value.length > 10 && !dump.includes(value))
  assert.match(dump, /\$argon2id\$v=19\$m=65536,t=3,p=1\$/)
})

test('a password needs 12 characters, and exactly one first factor is sent', async () => {
  const app = await openTestApp()
  const token = await claimToken(app)
  const attempt = (more: object) => app.call('POST', '/api/v1/claim', { body: { token, ...owner, ...more } })
  const short = await attempt({ password: 'elevenchars' })
  isProblem(short, 400, 'MF4000')
  assert.deepEqual(short.json.errors[0].pointer, '#/password')
  isProblem(await attempt({}), 400, 'MF4000')
  isProblem(await attempt({ password, passkey: {} }), 400, 'MF4000')
  isProblem(await attempt({ password, admin: true }), 400, 'MF4000')
})

test('wrong password, unknown person and person without password get one answer', async () => {
  const app = await openTestApp()
  await claim(app)
  await app.signInAs('viewer')
  const wrong = await signIn(app, owner.email, 'not the password')
  const unknown = await signIn(app, 'nobody@example.org', password)
  const withoutPassword = await signIn(app, 'person1@example.org', password)
  for (const answer of [wrong, unknown, withoutPassword]) isProblem(answer, 401, 'MF4032')
  const text = (answer: Answer) => ({ ...answer.json, request_id: '', instance: '' })
  assert.deepEqual(text(wrong), text(unknown))
  assert.deepEqual(text(wrong), text(withoutPassword))
  const right = await signIn(app, 'ADA@EXAMPLE.ORG', password)
  assert.equal(right.status, 200)
  assert.deepEqual(
    (await auditOf(app, 'session.start')).filter((row) => row.result === 'denied'),
    [0, 1, 2].map(() => ({ actor_id: '-', result: 'denied', code: 'MF4032' })),
  )
})

test('unknown person, no password and wrong password cost the same work: one derivation each, before the answer', async () => {
  const app = await openTestApp()
  await claim(app)
  await app.signInAs('viewer')
  const jobs: string[] = []
  const hook = createHook({ init: (_, type) => void (/argon/i.test(type) && jobs.push(type)) }).enable()
  const workOf = async (email: string, attempt: string) => {
    const before = jobs.length
    await signIn(app, email, attempt)
    return jobs.length - before
  }
  const right = await workOf(owner.email, password)
  assert.ok(right > 0, 'the hook sees derivations')
  assert.equal(await workOf(owner.email, 'not the password'), right)
  assert.equal(await workOf('nobody@example.org', password), right)
  assert.equal(await workOf('person1@example.org', password), right)
  hook.disable()
})

test('who tries too often is told when to try again', async () => {
  const app = await openTestApp()
  await claim(app)
  const answers = []
  for (let n = 0; n < 6; n++) answers.push(await signIn(app, owner.email, 'not the password'))
  const last = answers.at(-1)
  assert.equal(last?.status, 429)
  const seconds = Number(/in (\d+) seconds/.exec(last?.json.detail)?.[1])
  assert.ok(seconds >= 1 && seconds <= 60, last?.json.detail)
})

test('five tries a minute for an account, ten for an address, wherever they come from', async () => {
  const app = await openTestApp({ trustedProxies: ['127.0.0.1'] })
  await claim(app)
  const from = (address: string, email: string, attempt = 'wrong') =>
    signIn(app, email, attempt, { 'x-forwarded-for': address })
  for (let i = 1; i <= 5; i++) isProblem(await from(`192.0.2.${i}`, owner.email), 401, 'MF4032')
  const sixth = await from('192.0.2.6', owner.email, password)
  isProblem(sixth, 429, 'MF4029')
  assert.equal(sixth.headers.get('retry-after'), '60')
  for (let i = 1; i <= 10; i++) isProblem(await from('198.51.100.1', `x${i}@example.org`), 401, 'MF4032')
  isProblem(await from('198.51.100.1', 'x11@example.org'), 429, 'MF4029')
  // Another replica or a restart gives no more tries: the count is in the database.
  await sql`update attempt_counters set window_start = window_start - interval '1 minute'`.execute(
    app.database.db,
  )
  assert.equal((await from('192.0.2.6', owner.email, password)).status, 200)
})

test('without a configured proxy nobody chooses the address they are counted by', async () => {
  const app = await openTestApp()
  for (let i = 1; i <= 10; i++)
    isProblem(
      await signIn(app, `x${i}@example.org`, 'w', { 'x-forwarded-for': `192.0.2.${i}` }),
      401,
      'MF4032',
    )
  isProblem(await signIn(app, 'y@example.org', 'w', { 'x-forwarded-for': '192.0.2.99' }), 429, 'MF4029')
})

test('a session ends by signing out, by 12 idle hours, by age, and with its person', async () => {
  const app = await openTestApp()
  const isAlive = async (cookie: string) => (await app.call('GET', '/api/v1/runs', { cookie })).status === 200
  const change = (statement: string) => sql.raw(statement).execute(app.database.db)

  const signedOut = await app.signInAs('owner')
  assert.ok(await isAlive(signedOut))
  const answer = await app.call('POST', '/api/v1/sign-out', { cookie: signedOut, body: {} })
  assert.match(answer.headers.getSetCookie()[0] ?? '', /^mf_s=; Max-Age=0/)
  assert.ok(!(await isAlive(signedOut)))

  const idle = await app.signInAs('owner')
  await change(`update sessions set last_seen_at = now() - interval '11 hours 59 minutes'`)
  assert.ok(await isAlive(idle), 'and being used keeps it alive')
  await change(`update sessions set last_seen_at = last_seen_at - interval '11 hours 59 minutes'`)
  assert.ok(await isAlive(idle))
  await change(`update sessions set last_seen_at = now() - interval '12 hours'`)
  assert.ok(!(await isAlive(idle)))

  const old = await app.signInAs('owner')
  await change(`update sessions set expires_at = now()`)
  assert.ok(!(await isAlive(old)))

  const disabled = await app.signInAs('owner')
  await change(`update users set disabled_at = now()`)
  assert.ok(!(await isAlive(disabled)))
})

test('a clock that was ahead and came back keeps nobody out, and no session in or proven', async () => {
  const app = await openTestApp()
  await claim(app)
  const ahead = (statement: string) => sql.raw(statement).execute(app.database.db)
  const isAlive = async (cookie: string) => (await app.call('GET', '/api/v1/runs', { cookie })).status === 200
  for (let n = 0; n < 6; n++) await signIn(app, owner.email, 'not the password')
  await ahead(`update attempt_counters set window_start = now() + interval '1 year'`)
  assert.equal((await signIn(app, owner.email, 'not the password')).status, 401)
  await ahead('delete from sessions')
  const used = await app.signInAs('owner')
  await ahead(
    `update sessions set last_seen_at = now() + interval '1 year', proved_at = now() + interval '1 year'`,
  )
  assert.ok(await isAlive(used), 'it goes on')
  const { rows } = await sql`select 1 from sessions where last_seen_at > now() + interval '1 hour'`.execute(
    app.database.db,
  )
  assert.equal(rows.length, 0, 'and is seen now')
  const made = await app.call('POST', '/api/v1/tokens', {
    cookie: used,
    body: { name: 'x', scopes: ['run.read'], days: 1 },
  })
  assert.equal(made.json.code, 'MF4033', 'its person has not proven anything lately')
  await ahead(`update sessions set expires_at = now() + interval '1 year'`)
  assert.equal(await isAlive(used), false)
})

test('signing in again ends the session the browser had', async () => {
  const app = await openTestApp()
  const first = cookieOf(await claim(app))
  const body = { email: owner.email, password }
  const second = cookieOf(await app.call('POST', '/api/v1/sign-in', { body, cookie: first }))
  assert.notEqual(first, second)
  assert.equal((await app.call('GET', '/api/v1/runs', { cookie: first })).status, 401)
  assert.equal((await app.call('GET', '/api/v1/runs', { cookie: second })).status, 200)
})

test('an owner claims and signs in with a passkey', async () => {
  const app = await openTestApp()
  const passkey = createSoftwarePasskey(app.site())
  const asked = { token: await claimToken(app), ...owner }
  const { options } = (await app.call('POST', '/api/v1/claim/passkey-options', { body: asked })).json
  assert.deepEqual(
    [options.rp.id, options.attestation, options.authenticatorSelection.userVerification],
    ['localhost', 'none', 'required'],
  )
  const registration = passkey.register(options)
  const claimed = await app.call('POST', '/api/v1/claim', { body: { ...asked, passkey: registration } })
  assert.equal(claimed.status, 200, claimed.text)
  assert.equal(Buffer.from(options.user.id, 'base64url').toString(), claimed.json.user.id)

  const start = await app.call('POST', '/api/v1/sign-in/passkey-options', { body: {} })
  const body = { challenge: start.json.challenge, passkey: passkey.assert(start.json.options) }
  const signedIn = await app.call('POST', '/api/v1/sign-in/passkey', { body })
  assert.equal(signedIn.json.user?.email, owner.email, signedIn.text)
  isProblem(await app.call('POST', '/api/v1/sign-in/passkey', { body }), 401, 'MF4032')
})

test('a passkey answer for another site, another challenge, without verification or out of time is refused', async () => {
  const app = await openTestApp()
  const passkey = createSoftwarePasskey(app.site())
  const asked = { token: await claimToken(app), ...owner }
  const startClaim = async () =>
    (await app.call('POST', '/api/v1/claim/passkey-options', { body: asked })).json.options
  const tryClaim = (registration: object) =>
    app.call('POST', '/api/v1/claim', { body: { ...asked, passkey: registration } })
  isProblem(await tryClaim(passkey.register(await startClaim(), { verified: false })), 401, 'MF4032')
  isProblem(
    await tryClaim(passkey.register(await startClaim(), { origin: 'http://evil.example' })),
    401,
    'MF4032',
  )
  isProblem(await tryClaim({ id: 'x' }), 401, 'MF4032')
  assert.equal((await tryClaim(passkey.register(await startClaim()))).status, 200, 'failures used no link up')

  const startSignIn = async () =>
    (await app.call('POST', '/api/v1/sign-in/passkey-options', { body: {} })).json
  const trySignIn = (challenge: string, assertion: object) =>
    app.call('POST', '/api/v1/sign-in/passkey', { body: { challenge, passkey: assertion } })
  const one = await startSignIn()
  isProblem(await trySignIn(one.challenge, passkey.assert(one.options, { verified: false })), 401, 'MF4032')
  const two = await startSignIn()
  isProblem(await trySignIn(two.challenge, passkey.assert({ challenge: one.challenge })), 401, 'MF4032')
  const three = await startSignIn()
  await sql`update passkey_challenges set expires_at = now()`.execute(app.database.db)
  isProblem(await trySignIn(three.challenge, passkey.assert(three.options)), 401, 'MF4032')
  const other = createSoftwarePasskey(app.site())
  const four = await startSignIn()
  isProblem(await trySignIn(four.challenge, other.assert(four.options)), 401, 'MF4032')
})
