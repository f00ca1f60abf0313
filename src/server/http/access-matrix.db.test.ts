// Who gets through which route: every route of the table against every kind of caller, on the running server, compared
// with testdata/access-matrix.txt. UPDATE_GOLDEN=1 rewrites that file (test/support/door-verdict.ts); its diff is what a reviewer reads.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { checkGolden, doorVerdict } from '../../../test/support/door-verdict.ts'
import { type Answer, openTestApp, type TestApp } from '../../../test/support/http-app.ts'
import { catalogue, type FaultCode, fault } from '../../base/faults.ts'
import { type Route, routes } from '../../protocol/api/routes.ts'
import { rolesByVerb, tokenScopes, type Verb } from '../access/roles.ts'
import type { UseCases } from './handlers/work.ts'

const golden = fileURLToPath(new URL('./testdata/access-matrix.txt', import.meta.url))

/** Every use case answers 409: seen from outside, that says that the caller got through. */
const reached = (): never => {
  throw fault('E_CONFLICT')
}
const everything = new Proxy(
  {},
  { get: (_, name) => (name === 'onChange' ? () => () => undefined : reached) },
)
const work = {
  runs: everything,
  projects: everything,
  deliveries: everything,
  schedules: everything,
  logs: everything,
  runners: everything,
  secrets: everything,
  identity: everything,
  contexts: everything,
  webhooks: everything,
} as UseCases

type Caller = { readonly name: string; readonly call: (route: Route) => Promise<Answer> }

const callersOf = async (app: TestApp): Promise<readonly Caller[]> => {
  const path = (route: Route) =>
    route.path
      .replace(':run', `run_${'0'.repeat(26)}`)
      .replace(':attempt', `att_${'0'.repeat(26)}`)
      .replace(':job', `job_${'0'.repeat(26)}`)
      .replace(':workflow', `wfl_${'0'.repeat(26)}`)
      .replaceAll(/:[a-z]+/g, 'some')
  const body = (route: Route) => (route.body === undefined ? {} : { body: validBodies[route.path] ?? {} })
  const scoped = await tokenOf(app, 'run.trigger')
  const limited = await tokenOf(app, ...tokenScopes)
  // Of one project, which the routes here need not know: whose things are whose is project-matrix.db.test.ts.
  await sql`update api_tokens set project_ids = array['prj_0'] where scopes = ${[...tokenScopes]}`.execute(
    app.database.db,
  )
  const person = (role: 'viewer' | 'developer' | 'owner'): Caller => ({
    name: role,
    call: async (route) =>
      app.call(route.method, path(route), { ...body(route), cookie: await app.signInAs(role) }),
  })
  return [
    { name: 'nobody', call: (route) => app.call(route.method, path(route), body(route)) },
    person('viewer'),
    person('developer'),
    person('owner'),
    {
      name: 'token',
      call: (route) => app.call(route.method, path(route), { ...body(route), token: scoped, browser: false }),
    },
    {
      name: 'limited',
      call: (route) =>
        app.call(route.method, path(route), { ...body(route), token: limited, browser: false }),
    },
    { name: 'operator', call: (route) => app.callOperator(route.method, path(route), body(route)) },
  ]
}

const validBodies: Readonly<Record<string, unknown>> = {
  '/api/v1/operator/runners': { id: `rnr_${'0'.repeat(26)}`, name: 'r', public_key: 'k' },
  '/api/v1/runs': { project: 'p' },
}

/** A token of an owner with one scope only. */
const tokenOf = async (app: TestApp, ...scopes: Verb[]): Promise<string> => {
  const cookie = await app.signInAs('owner')
  const made = await app.call('POST', '/api/v1/tokens', { cookie, body: { name: 't', scopes } })
  return made.json.secret
}

/** What happened at the door, whatever happened behind it. A route that is not there at all is 404 to everybody. */
const verdict = (route: Route, caller: string, answer: Answer): string => {
  const found = doorVerdict(`${route.method} ${route.path}, ${caller}`, answer, {
    isKnown: caller !== 'nobody',
  })
  return found === '404' && ownThings.test(route.path) ? 'yes' : found
}
const ownThings = /^\/api\/v1\/((tokens|sessions|passkeys|views|members|invitations)\/:|claim)/

test('an answer that no rule about callers gives is no line of the table', () => {
  const route: Route = routes.tokenCreate
  const answer = (status: number, code: FaultCode) =>
    ({ status, json: { code: catalogue[code].number }, text: code }) as Answer
  const told = (caller: string, status: number, code: FaultCode) =>
    verdict(route, caller, answer(status, code))
  assert.deepEqual(
    [
      told('owner', 409, 'E_CONFLICT'),
      told('viewer', 403, 'E_FORBIDDEN'),
      told('nobody', 401, 'E_UNAUTHENTICATED'),
    ],
    ['yes', '403', '401'],
  )
  for (const [caller, status, code] of [
    ['owner', 403, 'E_STEP_UP'],
    ['owner', 403, 'E_CSRF'],
    ['owner', 401, 'E_UNAUTHENTICATED'],
    ['nobody', 429, 'E_RATE_LIMIT'],
    ['nobody', 503, 'E_DATABASE'],
    ['owner', 500, 'E_INTERNAL'],
    ['owner', 404, 'E_INTERNAL'],
  ] as const)
    assert.throws(() => told(caller, status, code), /no rule about callers/, code)
  assert.throws(() => verdict(route, 'owner', { status: 400, json: null, text: '' } as Answer), /no rule/)
})

test('every route lets in exactly the callers of the golden table', async () => {
  const app = await openTestApp({ work })
  const callers = await callersOf(app)
  await checkGolden(golden, async () => {
    const lines = [
      row(
        'route',
        'access',
        callers.map(({ name }) => name),
      ),
    ]
    for (const route of Object.values<Route>(routes)) {
      const verdicts: string[] = []
      for (const { name, call } of callers) verdicts.push(verdict(route, name, await call(route)))
      lines.push(row(`${route.method} ${route.path.slice('/api/v1'.length)}`, route.access, verdicts))
    }
    return `${lines.join('\n')}\n`
  })
})

const row = (route: string, access: string, cells: readonly string[]): string =>
  [route.padEnd(36), access.padEnd(15), ...cells.map((cell) => cell.padEnd(9))].join(' ').trimEnd()

test('a token may what its scopes and its creator may, and nothing about tokens', async () => {
  assert.deepEqual(
    Object.keys(rolesByVerb).filter((verb) => !tokenScopes.includes(verb as Verb)),
    ['token.own', 'member.manage', 'signer.manage'],
  )
  const app = await openTestApp()
  const cookie = await app.signInAs('viewer')
  const make = (scopes: string[]) =>
    app.call('POST', '/api/v1/tokens', { cookie, body: { name: 't', scopes } })
  for (const scopes of [['run.trigger'], ['token.own'], ['operator'], ['run.view', 'everything'], []])
    assert.equal((await make(scopes)).status, 400, scopes.join())
  const { secret, token } = (await make(['run.view'])).json
  const runs = () => app.call('GET', '/api/v1/runs', { token: secret, browser: false })
  assert.equal((await runs()).status, 200)
  assert.equal((await app.call('GET', '/api/v1/projects', { token: secret, browser: false })).status, 403)
  const listed = await app.call('GET', '/api/v1/tokens', { cookie })
  assert.deepEqual([listed.json.items[0].id, listed.json.items[0].secret], [token.id, undefined])
  const stranger = await app.signInAs('developer')
  const revoke = (by: string) => app.call('DELETE', `/api/v1/tokens/${token.id}`, { cookie: by })
  assert.equal((await revoke(stranger)).status, 404, 'the token of somebody else is not there')
  assert.equal((await revoke(cookie)).status, 200)
  assert.equal((await runs()).status, 401)
})

test('a token loses with its creator: role and account count now, not at its making', async () => {
  const app = await openTestApp({ work })
  const secret = await tokenOf(app, 'run.trigger')
  const start = async () =>
    (await app.call('POST', '/api/v1/runs', { token: secret, browser: false, body: { project: 'p' } })).status
  const change = (statement: string) => sql.raw(statement).execute(app.database.db)
  assert.equal(await start(), 409)
  await change(`update users set role = 'viewer'`)
  assert.equal(await start(), 403)
  await change(`update users set role = 'owner', disabled_at = now()`)
  assert.equal(await start(), 401)
  await change(`update users set disabled_at = null`)
  await change(`update api_tokens set expires_at = now()`)
  assert.equal(await start(), 401)
})

test('the operator makes service tokens; owners see and revoke them, others do not', async () => {
  const app = await openTestApp()
  const made = await app.callOperator('POST', '/api/v1/tokens', {
    body: { name: 'deploy', scopes: ['run.view'] },
  })
  assert.match(made.json.secret, /^mfs_[0-9A-Za-z]{49}$/)
  const call = { token: made.json.secret, browser: false }
  assert.equal((await app.call('GET', '/api/v1/runs', call)).status, 200)
  const seenBy = async (role: 'viewer' | 'owner') =>
    (await app.call('GET', '/api/v1/tokens', { cookie: await app.signInAs(role) })).json.items.length
  assert.deepEqual([await seenBy('viewer'), await seenBy('owner')], [0, 1])
  const cookie = await app.signInAs('owner')
  assert.equal((await app.call('DELETE', `/api/v1/tokens/${made.json.token.id}`, { cookie })).status, 200)
  assert.equal((await app.call('GET', '/api/v1/runs', call)).status, 401)
})
