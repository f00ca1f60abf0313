// What holds for every route of the API, asked of the route table, so that a route that is added is asked, too: rates,
// keys of requests, sparse answers, preconditions, the description of it all.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { noWork, openTestApp, type TestApp } from '../../../test/support/http-app.ts'
import type { JsonShape as Shape } from '../../../test/support/json-shape.ts'
import { someProject } from '../../../test/support/some-project.ts'
import { fault } from '../../base/faults.ts'
import { type Route, type RouteName, routes } from '../../protocol/api/routes.ts'
import type { UseCases } from './handlers/work.ts'
import { readingOf } from './precondition.ts'
import { fieldsOf } from './sparse.ts'

/** Every use case refuses: that says that it was reached, and that nothing was carried out. */
const refused = (): never => {
  throw fault('E_CONFLICT')
}
const everything = new Proxy(
  {},
  { get: (_, name) => (name === 'onChange' ? () => () => undefined : refused) },
)
const names = [
  ...['runs', 'projects', 'deliveries', 'schedules', 'orbs', 'logs', 'artifacts', 'tests', 'runners'],
  ...['secrets', 'identity', 'contexts', 'audit'],
]
// SAFE: whatever is called of it refuses.
const work = Object.fromEntries(names.map((name) => [name, everything])) as unknown as UseCases

const all = Object.entries<Route>(routes).map(([name, route]) => ({ name: name as RouteName, route }))
const ofPeople = all.filter(({ route }) => route.access !== 'operator')
const pathOf = (route: Route): string =>
  route.path
    .replace(
      /:(run|attempt|job|workflow|delivery)\b/g,
      (_, kind: string) => `${prefixes[kind]}_${'0'.repeat(26)}`,
    )
    .replaceAll(/:[a-z]+/g, 'some')
const prefixes: Readonly<Record<string, string>> = {
  ...{ run: 'run', attempt: 'att', job: 'job', workflow: 'wfl', delivery: 'dlv' },
}

/** The smallest thing of this shape; patterns are not read, so some bodies are refused as they are. */
const smallest = (shape: Shape): unknown => {
  if (shape.const !== undefined) return shape.const
  if (shape.enum !== undefined) return shape.enum[0]
  const [one] = shape.anyOf ?? shape.oneOf ?? []
  if (one !== undefined) return smallest(one)
  if (shape.type === 'object')
    return Object.fromEntries(
      (shape.required ?? []).map((key) => [key, smallest(shape.properties?.[key] ?? {})] as const),
    )
  if (shape.type === 'array')
    return Array.from({ length: shape.minItems ?? 0 }, () => smallest(shape.items ?? {}))
  if (shape.type === 'number' || shape.type === 'integer') return Math.max(1, shape.minimum ?? 1)
  if (shape.type === 'boolean') return true
  return 'x'.repeat(Math.max(1, shape.minLength ?? 1))
}
const bodyOf = ({ body }: Route): object =>
  body === undefined
    ? {}
    : { body: smallest(z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' }) as Shape) }

const ask = (app: TestApp, route: Route, options: object) =>
  app.call(route.method, pathOf(route), { ...bodyOf(route), ...options })

test('every answer to somebody says how often they may still ask, whatever the answer is', async () => {
  const app = await openTestApp({ work })
  for (const { name, route } of ofPeople) {
    if (name === 'signOut' || name === 'sessionsEnd') continue
    const { headers, status } = await ask(app, route, { cookie: await app.signInAs('owner') })
    assert.equal(headers.get('ratelimit-policy'), '"credential";q=600;w=60', `${name}: ${status}`)
    assert.match(headers.get('ratelimit') ?? '', /^"credential";r=\d+;t=\d+$/, name)
  }
})

test('whoever asks too often is told when to come back, on every kind of route alike', async () => {
  const app = await openTestApp({ work })
  const cookie = await app.signInAs('owner')
  const me = () => app.call('GET', '/api/v1/me', { cookie })
  /** The window may end in between: then it is used up again. */
  const refusedAsk = async (route: Route) => {
    for (const late = AbortSignal.timeout(150_000); !late.aborted; ) {
      const answer = await ask(app, route, { cookie })
      if (answer.status === 429) return answer
      await Promise.all(Array.from({ length: 50 }, me))
    }
    return assert.fail('it may ask for ever')
  }
  const wanted = ofPeople.filter(({ route }) => route.access !== 'public')
  for (const { name, route } of wanted.filter(({ route }) => route.method !== 'DELETE').slice(0, 40)) {
    if (['sessionsEnd', 'signOut'].includes(name)) continue
    const { headers } = await refusedAsk(route)
    assert.ok(Number(headers.get('retry-after')) >= 1 && Number(headers.get('retry-after')) <= 60, name)
    assert.match(headers.get('ratelimit') ?? '', /^"credential";r=0;t=\d+$/, name)
  }
})

test('every POST knows the key of another request', async () => {
  const app = await openTestApp({
    work: {
      ...work,
      // SAFE: the one that is called.
      projects: { contact: async () => ({ attempt_id: 'att_1' }) } as unknown as UseCases['projects'],
    },
  })
  const unread: string[] = []
  for (const { name, route } of ofPeople.filter(({ route }) => route.method === 'POST')) {
    if (name === 'projectRefs' || route.access === 'public') continue
    const cookie = await app.signInAs('owner')
    const headers = { 'idempotency-key': 'one' }
    const first = await app.call('POST', '/api/v1/projects/some/refs', { cookie, headers, body: {} })
    assert.equal(first.status, 200)
    const answer = await ask(app, route, { cookie, headers })
    // A body that the schema refuses is not looked at any further.
    if (answer.status === 400 || (answer.status === 422 && answer.json.code === 'MF4024')) unread.push(name)
    else assert.deepEqual([answer.status, answer.json.code], [422, 'MF4022'], name)
  }
  assert.ok(unread.length <= 12, `of these nothing is known: ${unread.join()}`)
})

test('every GET of objects takes the names of their fields, and says which there are', async () => {
  const app = await openTestApp({ work })
  for (const { name, route } of ofPeople) {
    const fields = fieldsOf(route)
    if (fields === null) continue
    assert.ok(fields.length > 0, name)
    const query = route.query?.extend({}) ?? z.strictObject({})
    assert.ok(!('fields' in query.shape), `${name}: has a query of this name already`)
    const answer = await app.call('GET', `${pathOf(route)}?fields=No!`, {
      cookie: await app.signInAs('owner'),
    })
    const wrong = (answer.json.errors ?? []).map((each: { pointer: string }) => each.pointer)
    assert.ok(answer.status === 400 && wrong.includes('#/querystring/fields'), `${name}: ${answer.text}`)
  }
})

test('sparse objects and lists have these fields only, in that order, and no tag', async () => {
  const projects = { ...noWork.projects, find: async () => someProject }
  const app = await openTestApp({ work: { projects } })
  const cookie = await app.signInAs('owner')
  const get = (path: string) => app.call('GET', path, { cookie })
  for (const name of ['a', 'b', 'c'])
    await app.call('POST', '/api/v1/tokens', { cookie, body: { name, scopes: ['run.view'] } })
  const list = await get('/api/v1/tokens?fields=name,id&limit=2')
  assert.deepEqual(Object.keys(list.json), ['items', 'next_cursor'])
  assert.deepEqual(list.json.items.map(Object.keys), [
    ['name', 'id'],
    ['name', 'id'],
  ])
  assert.match(list.headers.get('link') ?? '', /fields=name%2Cid.*cursor=|cursor=.*fields=name%2Cid/)
  const whole = await get('/api/v1/projects/web')
  assert.ok(whole.headers.get('etag'))
  const sparse = await get('/api/v1/projects/web?fields=name')
  assert.deepEqual([sparse.json, sparse.headers.get('etag')], [{ name: whole.json.name }, null])
  assert.match(sparse.headers.get('content-type') ?? '', /^application\/json/)
  const wrong = await get('/api/v1/projects/web?fields=name,nmae')
  assert.deepEqual([wrong.status, wrong.json.code], [400, 'MF4000'])
  assert.match(wrong.json.detail, /^There is no field nmae; there are .*name/)
})

test('If-Match is described where it counts, refused where nothing has a tag, and taken nowhere else', async () => {
  const app = await openTestApp({ work })
  const { json } = await app.call('GET', '/api/v1/openapi.json', { cookie: await app.signInAs('viewer') })
  for (const { name, route } of ofPeople) {
    const operation = json.paths[route.path.replaceAll(/:([a-z]+)/g, '{$1}')]?.[route.method.toLowerCase()]
    assert.ok(operation, name)
    const inHeader = (operation.parameters ?? []).flatMap((each: { in: string; name: string }) =>
      each.in === 'header' ? [each.name] : [],
    )
    const changes = route.method === 'PATCH' || route.method === 'DELETE'
    const isGuarded = changes && readingOf(route) !== undefined
    assert.deepEqual(
      inHeader,
      route.method === 'POST' ? ['idempotency-key'] : isGuarded ? ['if-match'] : [],
      name,
    )
    if (!changes || isGuarded) continue
    const headers = { 'if-match': '"any"' }
    const answer = await ask(app, route, { cookie: await app.signInAs('owner'), headers })
    assert.deepEqual([answer.status, answer.json.code], [412, 'MF4012'], name)
  }
})
