// Proving anew: which routes ask for it, that it is kept to at the door, and what a proof is. Over HTTP and a real database.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { cookieOf, openTestApp, type TestApp } from '../../../test/support/http-app.ts'
import { createSoftwarePasskey } from '../../../test/support/software-passkey.ts'
import { fault } from '../../base/faults.ts'
import { type Access, type Route, type RouteName, routes } from '../../protocol/api/routes.ts'
import type { UseCases } from './handlers/work.ts'

/** Behind the door every use case answers 409. */
const work = new Proxy(
  {},
  {
    get: () => () => {
      throw fault('E_CONFLICT')
    },
  },
)
const behind = { projects: work, schedules: work, orbs: work } as unknown as UseCases

const password = 'correct horse battery'

/** What the owner of an organisation would miss most after somebody sat down at a browser that was left open. */
const verbs: readonly Access[] = [
  'token.own',
  'member.manage',
  'organisation.manage',
  'signer.manage',
  'secret.put',
  'secret.revoke',
  'context.manage',
]

const all = Object.entries<Route>(routes) as [RouteName, Route][]
const pathOf = ({ path }: Route) => path.replaceAll(/:[a-z]+/g, 'some')
const grow = (app: TestApp) =>
  sql`update sessions set proved_at = now() - interval '11 minutes'`.execute(app.database.db)
const bodyOf = (route: Route) => (route.body === undefined ? {} : { body: {} })

test('every change by a verb of power asks for a proof, or carries a signed statement', () => {
  for (const [name, route] of all) {
    if (route.method === 'GET' || !verbs.includes(route.access)) continue
    // A statement was signed by a key at that moment: asking twice for one act teaches people not to look.
    assert.ok(route.provenAnew === true || 'statement' in shapeOf(route), `${name} asks for no proof`)
  }
  for (const [name, route] of all.filter(([, { showsSecret }]) => showsSecret === true))
    if (route.access !== 'operator') assert.equal(route.provenAnew, true, `${name} shows a secret`)
  for (const [name, route] of all.filter(([, { path }]) => path.includes('/passkeys')))
    assert.equal(route.provenAnew === true, route.method !== 'GET', name)
  // What runs inside jobs of others: the source of an orb stands in configurations of every project.
  assert.equal((routes.orbPut as Route).provenAnew, true)
})

const shapeOf = ({ body }: Route): object =>
  (body as unknown as { readonly shape?: object } | undefined)?.shape ?? {}

test('at the door: an older proof is refused on each of those routes, and on no other', async () => {
  const app = await openTestApp({ work: behind })
  const asked = async (route: Route, cookie: string) =>
    (await app.call(route.method, pathOf(route), { ...bodyOf(route), cookie })).json?.code === 'MF4033'
  const cookie = await app.signInAs('owner')
  for (const [name, route] of all.filter(([, { provenAnew }]) => provenAnew === true)) {
    assert.equal(await asked(route, cookie), false, `${name}, just signed in`)
  }
  const older = await app.signInAs('owner')
  await grow(app)
  const quiet: readonly RouteName[] = ['sessionsEnd', 'signOut', 'sessionEnd']
  for (const [name, route] of all) {
    if (route.access === 'operator' || quiet.includes(name) || route.method === 'GET') continue
    assert.equal(await asked(route, older), route.provenAnew === true, name)
  }
})

test('tokens and the operator are not asked', async () => {
  const app = await openTestApp({ work: behind })
  const cookie = await app.signInAs('owner')
  const made = await app.call('POST', '/api/v1/tokens', {
    cookie,
    body: { name: 't', scopes: ['organisation.manage'] },
  })
  await grow(app)
  const call = { token: made.json.secret, browser: false, body: {} }
  assert.notEqual((await app.call('PATCH', '/api/v1/organisation', call)).json?.code, 'MF4033')
  assert.notEqual(
    (await app.callOperator('PATCH', '/api/v1/organisation', { body: {} })).json?.code,
    'MF4033',
  )
})

const invite = (app: TestApp, cookie: string) => app.call('POST', '/api/v1/invitations', { cookie, body: {} })

test('a passkey of one’s own proves it: the session goes on under another cookie', async () => {
  const app = await openTestApp()
  const [cookie, other] = [await app.signInAs('owner'), await app.signInAs('owner')]
  const passkey = await addPasskey(app, cookie)
  const foreign = await addPasskey(app, other)
  await grow(app)
  assert.equal((await invite(app, cookie)).json.code, 'MF4033')
  const start = async () => (await app.call('POST', '/api/v1/proof/options', { cookie, body: {} })).json
  const finish = (challenge: string, response: unknown) =>
    app.call('POST', '/api/v1/proof', { cookie, body: { challenge, passkey: response } })

  const first = await start()
  assert.equal(first.password, false)
  const wrong = await finish(first.passkey.challenge, foreign.assert(first.passkey.options))
  assert.deepEqual([wrong.status, wrong.json.code], [400, 'MF4000'], 'the passkey of somebody else')
  assert.equal((await invite(app, cookie)).json.code, 'MF4033')

  const { challenge, options } = (await start()).passkey
  const answer = passkey.assert(options)
  const proven = await finish(challenge, answer)
  assert.equal(proven.status, 200, proven.text)
  const renewed = cookieOf(proven)
  assert.notEqual(renewed, cookie)
  assert.equal((await invite(app, renewed)).status, 200)

  // What was under way with the older cookie goes on for a moment, but proves nothing; then it is nobody's.
  assert.equal((await app.call('GET', '/api/v1/sessions', { cookie })).status, 200)
  assert.equal((await invite(app, cookie)).json.code, 'MF4033')
  await sql`update sessions set proved_at = now() - interval '1 minute'`.execute(app.database.db)
  assert.equal((await app.call('GET', '/api/v1/sessions', { cookie })).status, 401)
  assert.equal((await finish(challenge, answer)).status, 401)
  const again = await app.call('POST', '/api/v1/proof', {
    ...{ cookie: renewed, body: { challenge, passkey: answer } },
  })
  assert.equal(again.status, 400, 'a challenge counts once')
})

const addPasskey = async (app: TestApp, cookie: string) => {
  const { options } = (await app.call('POST', '/api/v1/passkeys/options', { cookie, body: {} })).json
  const passkey = createSoftwarePasskey(app.site())
  const body = { name: 'key', passkey: passkey.register(options) }
  assert.equal((await app.call('POST', '/api/v1/passkeys', { cookie, body })).status, 200)
  return passkey
}

test('a sign-in challenge is no proof, and a proof no sign-in', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('owner')
  const passkey = await addPasskey(app, cookie)
  const ofSignIn = (await app.call('POST', '/api/v1/sign-in/passkey-options', { body: {} })).json
  const proof = await app.call('POST', '/api/v1/proof', {
    cookie,
    body: { challenge: ofSignIn.challenge, passkey: passkey.assert(ofSignIn.options) },
  })
  assert.equal(proof.status, 400)
  const ofProof = (await app.call('POST', '/api/v1/proof/options', { cookie, body: {} })).json.passkey
  const signIn = await app.call('POST', '/api/v1/sign-in/passkey', {
    body: { challenge: ofProof.challenge, passkey: passkey.assert(ofProof.options) },
  })
  assert.equal(signIn.status, 401)
})

test('who has a password proves it with that; wrong ones are counted, recorded, and leave no trace of what was typed', async () => {
  const app = await openTestApp()
  const link = await app.access.claim.issue(null)
  const token = new URL(link?.reveal('the test follows the link') ?? '').hash.slice(1)
  const owner = { name: 'Ada', email: 'ada@example.org', password }
  const cookie = cookieOf(await app.call('POST', '/api/v1/claim', { body: { token, ...owner } }))
  await grow(app)
  const start = await app.call('POST', '/api/v1/proof/options', { cookie, body: {} })
  assert.deepEqual(start.json, { passkey: null, password: true })
  const prove = (typed: string) =>
    app.call('POST', '/api/v1/proof', {
      ...{ cookie, body: { password: typed }, headers: { 'idempotency-key': 'one' } },
    })
  assert.deepEqual(
    [(await prove('not the password')).json.code, (await invite(app, cookie)).json.code],
    ['MF4000', 'MF4033'],
  )
  const proven = await prove(password)
  assert.equal(proven.status, 200, 'the key of the request keeps nothing')
  assert.equal((await invite(app, cookieOf(proven))).status, 200)
  const { rows } = await sql<{ result: string; details: object }>`
    select result, details from audit where action = 'session.prove' order by id`.execute(app.database.db)
  assert.deepEqual(rows, [
    { result: 'denied', details: { how: 'password' } },
    { result: 'ok', details: { how: 'password' } },
  ])
  const kept = await sql`select 1 from answered_requests`.execute(app.database.db)
  assert.equal(kept.rows.length, 0, 'no digest of a password is stored')
  for (let i = 0; i < 4; i++) await prove('not the password')
  const refused = await prove(password)
  assert.deepEqual([refused.status, refused.json.code], [429, 'MF4029'])
})

test('nobody proves for a token or the operator', async () => {
  const app = await openTestApp()
  assert.equal((await app.callOperator('POST', '/api/v1/proof/options', { body: {} })).status, 403)
  assert.equal((await app.call('POST', '/api/v1/proof', { body: { password } })).status, 401)
})
