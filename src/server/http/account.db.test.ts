// What somebody keeps for their own pages, over HTTP and a real database: preferences, saved views, where they last came from.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cookieOf, openTestApp, type TestApp } from '../../../test/support/http-app.ts'

const userOf = async (app: TestApp, cookie: string) =>
  (await app.call('GET', '/api/v1/me', { cookie })).json.user

test('how times and keys are for somebody is kept with them, and read with every page', async () => {
  const app = await openTestApp()
  const [cookie, other] = [await app.signInAs('viewer'), await app.signInAs('viewer')]
  const fresh = { time_zone: null, clock_hours: null, letter_keys: true }
  assert.deepEqual((await userOf(app, cookie)).preferences, fresh)
  const set = (body: object, headers = {}) =>
    app.call('PATCH', '/api/v1/preferences', { cookie, body, headers })
  const chosen = { time_zone: 'Europe/Vienna', clock_hours: 24, letter_keys: false }
  assert.deepEqual((await set({ time_zone: 'Europe/Vienna', clock_hours: 24 })).json, {
    ...chosen,
    letter_keys: true,
  })
  assert.deepEqual((await set({ letter_keys: false })).json, chosen)
  assert.deepEqual((await userOf(app, cookie)).preferences, chosen)
  assert.deepEqual((await userOf(app, other)).preferences, fresh)
  for (const wrong of [
    { time_zone: 'Nowhere/At_all' },
    { time_zone: '' },
    { clock_hours: 23 },
    { role: 'owner' },
  ])
    assert.equal((await set(wrong)).status, 400, JSON.stringify(wrong))
  const read = await app.call('GET', '/api/v1/preferences', { cookie })
  const tag = read.headers.get('etag') ?? ''
  assert.equal((await set({ clock_hours: 12 }, { 'if-match': tag })).status, 200)
  assert.equal((await set({ clock_hours: null }, { 'if-match': tag })).status, 412)
  assert.deepEqual((await set({ time_zone: null, clock_hours: null })).json, { ...fresh, letter_keys: false })
})

test('a view has a name and an address; one of the same name is replaced; nobody has another’s', async () => {
  const app = await openTestApp()
  const [cookie, other] = [await app.signInAs('viewer'), await app.signInAs('viewer')]
  const save = (name: string, query: string, by = cookie) =>
    app.call('POST', '/api/v1/views', { cookie: by, body: { name, query } })
  const list = async (by = cookie) => (await app.call('GET', '/api/v1/views', { cookie: by })).json.items
  const red = (await save('Red', 'status=failed')).json
  await save('a week', 'since=7d')
  assert.deepEqual(await list(), [(await list())[0], red])
  const again = (await save('Red', 'status=failed&branch=main')).json
  assert.deepEqual([again.id, again.query], [red.id, 'status=failed&branch=main'])
  assert.equal((await list()).length, 2)
  assert.deepEqual(await list(other), [])
  const remove = (by: string) => app.call('DELETE', `/api/v1/views/${red.id}`, { cookie: by })
  assert.equal((await remove(other)).status, 404)
  assert.equal((await remove(cookie)).status, 200)
  assert.equal((await remove(cookie)).status, 404)
  for (const wrong of [save('', 'a=b'), save('x', 'a b'), save('x', 'a=\u0000'), save('y'.repeat(65), 'a=b')])
    assert.equal((await wrong).status, 400)
})

test('somebody has fifty views at most, also when several are saved at once', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('viewer')
  const save = (name: string) => app.call('POST', '/api/v1/views', { cookie, body: { name, query: '' } })
  for (let n = 0; n < 48; n++) assert.equal((await save(`v${n}`)).status, 200)
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map(save))
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 409, 409])
  assert.equal((await save('v0')).status, 200, 'one that is there may change')
})

test('tokens and the operator have no account', async () => {
  const app = await openTestApp()
  for (const path of ['/api/v1/preferences', '/api/v1/views'])
    assert.equal((await app.callOperator('GET', path)).status, 403, path)
})

test('who signs in learns when, how and from where they last did', async () => {
  const app = await openTestApp()
  const link = await app.access.claim.issue(null)
  const token = new URL(link?.reveal('the test follows the link') ?? '').hash.slice(1)
  const owner = { email: 'ada@example.org', password: 'correct horse battery' }
  const first = cookieOf(await app.call('POST', '/api/v1/claim', { body: { token, name: 'Ada', ...owner } }))
  assert.equal((await userOf(app, first)).last_sign_in, null)
  const headers = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' }
  const signIn = () => app.call('POST', '/api/v1/sign-in', { body: owner, headers })
  const second = await signIn()
  const { at, ...facts } = second.json.user.last_sign_in
  assert.deepEqual(facts, { how: 'password', browser: null, address: '127.0.0.1' })
  assert.ok(Math.abs(Date.parse(at) - Date.now()) < 600_000)
  const third = await signIn()
  assert.equal(third.json.user.last_sign_in.browser, 'Firefox on Linux')
  assert.equal(
    (await userOf(app, cookieOf(second))).last_sign_in.browser,
    null,
    'each session has its own before',
  )
  const sessions = (await app.call('GET', '/api/v1/sessions', { cookie: cookieOf(third) })).json.items
  assert.deepEqual(
    new Set(sessions.map(({ address }: { address: string }) => address)),
    new Set(['127.0.0.1']),
  )
})
