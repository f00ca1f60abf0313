// Every route of the API, over a whole server with a real database and a real vault: queries, paths and bodies made from the shapes of
// the route, some of them with something hostile inside. Whatever comes, the answer comes soon, is below 500 and is one that the route
// describes. That what is asked for is there matters: most of a server lies behind the first 404.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { leak } from '../../../test/support/hostile.ts'
import type { JsonShape as Shape } from '../../../test/support/json-shape.ts'
import { createRandom, type Random } from '../../../test/support/random.ts'
import { type Got, openWholeServer, type WholeServer } from '../../../test/support/whole-server.ts'
import { toBase64Url } from '../../base/bytes.ts'
import { idPrefixes } from '../../base/ids.ts'
import { type Route, routes } from '../../protocol/api/routes.ts'
import { problemJson } from '../../protocol/api/shapes.ts'
import { generateSealingKey } from '../../seal/index.ts'

const rounds = 8

const texts: readonly string[] = [
  ...[
    '',
    ' ',
    'x',
    '\0',
    'a\0b',
    '\ud800',
    'x\udfff',
    '\u202e',
    '😀',
    '-1',
    '0',
    "'",
    '%',
    '_',
    '\\',
    '*',
    '"',
    '\n',
    '..',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'x'.repeat(300),
    '😀'.repeat(40),
    'null',
    'NaN',
    '1e400',
    'refs/heads/main',
  ],
  ...[
    '2026-11-01',
    '0001-01-01',
    '9999-12-31',
    '9999w',
    '0m',
    '[a-z',
    '(a+)+$',
    'main',
    'web',
    'UTC',
    '* * * * *',
  ],
]
const numbers: readonly unknown[] = [
  ...[
    0,
    1,
    -1,
    2,
    0.5,
    100,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
    -Number.MAX_SAFE_INTEGER,
    1e21,
    1e308,
  ],
]
const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)] as T

type Known = readonly string[]

const made = (random: Random, shape: Shape, known: Known, hostility: number): unknown => {
  const isHostile = random(100) < hostility
  if (isHostile && random(6) === 0)
    return pick<unknown>(random, [null, [], {}, true, [[]], ...numbers, ...texts])
  if (shape.const !== undefined) return shape.const
  if (shape.enum !== undefined) return pick(random, shape.enum)
  const one = shape.anyOf ?? shape.oneOf
  if (one !== undefined) return made(random, pick(random, one), known, hostility)
  if (shape.type === 'object') return object(random, shape, known, hostility)
  if (shape.type === 'array')
    return Array.from({ length: (shape.minItems ?? 0) + random(3) }, () =>
      made(random, shape.items ?? {}, known, hostility),
    )
  if (shape.type === 'integer' || shape.type === 'number') {
    const fit = numbers.filter(
      (n) =>
        Number(n) >= (shape.minimum ?? 0) && Number(n) <= (shape.maximum ?? Infinity) && Number.isInteger(n),
    )
    return isHostile || fit.length === 0 ? pick(random, numbers) : pick(random, fit)
  }
  if (shape.type === 'boolean') return random(2) === 0
  if (shape.type === 'null') return null
  return text(random, shape, known, isHostile)
}

const object = (random: Random, shape: Shape, known: Known, hostility: number): unknown => {
  const names = Object.keys(shape.properties ?? {}).filter(
    (name) => shape.required?.includes(name) || random(2) === 0,
  )
  const own = names.map(
    (name) => [name, made(random, shape.properties?.[name] ?? {}, known, hostility)] as const,
  )
  const more =
    typeof shape.additionalProperties === 'object'
      ? [0, 1].map(
          () =>
            [
              pick(random, texts),
              made(random, shape.additionalProperties as Shape, known, hostility),
            ] as const,
        )
      : []
  return Object.fromEntries([...own, ...more])
}

const text = (
  random: Random,
  { pattern, maxLength = 300, minLength = 0 }: Shape,
  known: Known,
  isHostile: boolean,
): string => {
  const fits = (one: string) =>
    one.length <= maxLength &&
    one.length >= minLength &&
    (pattern === undefined || new RegExp(pattern, 'u').test(one))
  const candidates = [
    ...texts,
    ...known,
    '2026-11-01T09:30:00Z',
    'somebody@example.org',
    'ci/web@1.0.0',
    'A'.repeat(43),
    'https://example.org/x',
    'run.view',
    'log.read',
  ]
  const fitting = candidates.filter(fits)
  if (isHostile || fitting.length === 0) return pick(random, candidates)
  return pick(random, fitting)
}

const kinds: Readonly<Record<string, string>> = { ...idPrefixes, member: idPrefixes.user }

const pathOf = (random: Random, { path }: Route, known: Known): string =>
  path.replaceAll(/:([a-z]+)/g, (_, name: string) => {
    const right = known.filter((id) => id.startsWith(`${kinds[name] ?? name}_`))
    const words =
      right.length > 0 && random(5) > 0
        ? right
        : [...texts, ...known].filter((word) => word !== '' && word !== '.' && word !== '..')
    return encodeURIComponent(
      pick(random, words)
        .toWellFormed()
        .replaceAll(/[\0\n/\\%;]/g, 'x'),
    )
  })

const queryOf = (random: Random, { query }: Route, known: Known): string => {
  if (query === undefined || random(4) === 0) return ''
  const shape = z.toJSONSchema(query, { io: 'input', unrepresentable: 'any' }) as Shape
  const pairs = Object.entries(shape.properties ?? {})
    .filter(() => random(3) === 0)
    .map(([name, one]) => {
      const isNumber =
        /^(number|attempt|except|step|timeout|limit|after|until|from|to|failure_in|max_bytes)$/.test(name)
      const hostility = 40
      const value =
        isNumber && random(3) > 0
          ? pick(random, numbers)
          : made(random, { type: 'string', ...one }, known, hostility)
      return `${name}=${encodeURIComponent(String(typeof value === 'string' ? value.toWellFormed() : value))}`
    })
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

const bodyOf = (random: Random, { body }: Route, known: Known): unknown => {
  if (body === undefined) return undefined
  return made(
    random,
    z.toJSONSchema(body, { io: 'input', unrepresentable: 'any' }) as Shape,
    known,
    pick(random, [0, 0, 3, 10, 50]),
  )
}

const idsIn = (text: string): readonly string[] => text.match(/\b[a-z]{3}_[0-9a-v]{26}\b/g) ?? []

/** What the description promises of an answer. */
const judge = (route: Route, method: string, { status, headers, text }: Got, what: string): void => {
  assert.ok(status < 500, `${status} ${what}: ${text.slice(0, 500)}`)
  assert.match(String(headers['x-request-id']), /^req_/, `id ${status} ${what}`)
  assert.equal(headers['x-content-type-options'], 'nosniff', what)
  // Those two name places on purpose.
  if (!/\/(errors|hook-script)$/.test(route.path)) assert.doesNotMatch(text, leak, `leak ${what}`)
  if (method === 'HEAD') {
    assert.equal(text, '', what)
  } else if (status >= 400) {
    assert.equal(headers['content-type'], 'application/problem+json', `${status} ${what}`)
    const problem = z.strictObject(problemJson.shape).parse(JSON.parse(text))
    assert.equal(problem.status, status, what)
  } else if (!(route.answer instanceof z.ZodString)) {
    assert.match(String(headers['content-type']), /^application\/json/, what)
    route.answer.parse(JSON.parse(text))
  }
}

const seed = async (server: WholeServer): Promise<void> => {
  const eph = toBase64Url((await generateSealingKey()).publicKey)
  for (const name of ['web', 'docs']) {
    const body = { name, source: { kind: 'ssh', url: `ssh://git@127.0.0.1:1/srv/${name}.git` }, eph }
    const { status, text } = await server.callOperator('POST', '/api/v1/projects', { body })
    assert.equal(status, 200, text)
    for (const ref of ['main', 'refs/tags/v1']) {
      const run = await server.callOperator('POST', '/api/v1/runs', {
        body: { project: name, ref, commit: 'a'.repeat(40) },
      })
      assert.equal(run.status, 200, run.text)
    }
    const made = await server.callOperator('POST', `/api/v1/projects/${name}/schedules`, {
      body: { name: 'nightly', cron: '0 3 * * *', parameters: { a: 'b' } },
    })
    assert.equal(made.status, 200, made.text)
    const hook = await server.callOperator('POST', `/api/v1/projects/${name}/webhooks`, {
      body: { name: 'chat', url: 'https://example.org/x', eph },
    })
    assert.equal(hook.status, 200, hook.text)
  }
}

/** How a request of one route looks in one round; null: it would wait, or end the session that asks. */
const requestOf = (name: string, route: Route, round: number, known: Known) => {
  const random = createRandom(round * 7_919 + Object.keys(routes).indexOf(name))
  const target = pathOf(random, route, known) + queryOf(random, route, known)
  const body = bodyOf(random, route, known)
  const method = route.method === 'GET' && random(8) === 0 ? 'HEAD' : route.method
  const headers: Record<string, string> = {}
  if (method === 'POST' && random(3) === 0) headers['idempotency-key'] = pick(random, ['a', 'b', `k${round}`])
  if ((method === 'PATCH' || method === 'DELETE') && random(4) === 0)
    headers['if-match'] = pick(random, ['*', '"x"', 'W/"x"', ',', ''])
  const isOfPerson = route.access !== 'operator' && (route.access === 'session' || random(4) === 0)
  const waits = target.includes('follow=1') || (name === 'runWait' && !target.includes('timeout=0'))
  const ends = isOfPerson && ['signOut', 'sessionsEnd', 'sessionEnd'].includes(name)
  return waits || ends ? null : { target, body, method, headers, isOfPerson }
}

test('every route answers what it describes, whatever is asked', { timeout: 300_000 }, async () => {
  const server = await openWholeServer()
  await seed(server)
  const known = new Set(['web', 'docs', 'main', 'refs/heads/main'])
  let taken = 0
  for (let round = 0; round < rounds; round++) {
    const cookie = await server.signInAs('owner')
    for (const [name, route] of Object.entries<Route>(routes)) {
      const asked = requestOf(name, route, round, [...known])
      if (asked === null) continue
      const { target, body, method, isOfPerson } = asked
      const headers = { ...asked.headers, ...(isOfPerson ? { cookie } : {}) }
      const what = `${name}, round ${round}: ${method} ${target} ${JSON.stringify([asked.headers, body])}`
      const got = await (isOfPerson ? server.call : server.callOperator)(method, target, { headers, body })
      judge(route, method, got, what.slice(0, 1_000))
      if (got.status >= 300) continue
      taken++
      for (const id of idsIn(got.text)) if (known.size < 400) known.add(id)
    }
  }
  assert.ok(taken > rounds * 40, `${taken} were taken: behind the refusals nothing was tried`)
})

test('what no table stores and nothing digests is refused, with and without a key', async () => {
  const server = await openWholeServer()
  await seed(server)
  const cookie = await server.signInAs('owner')
  const deep = JSON.parse(`${'['.repeat(1_000)}${']'.repeat(1_000)}`)
  const bodies: readonly (readonly [string, object])[] = [
    ['/api/v1/sign-in', { email: 'a\0b', password: 'x' }],
    ['/api/v1/tokens', { name: '\0', scopes: ['run.view'] }],
    ['/api/v1/runs', { project: 'web', ref: '\ud800' }],
    ['/api/v1/projects/web/host-keys', { fingerprint: 'a\0b' }],
    ['/api/v1/passkeys', { name: 'x', passkey: { '\udfff': 1 } }],
    ['/api/v1/passkeys', { name: 'x', passkey: { deep } }],
    ['/api/v1/passkeys', { name: 'x', passkey: { half: 0.5 } }],
  ]
  for (const [nth, [path, body]] of bodies.entries())
    for (const key of [{}, { 'idempotency-key': `k${nth}` }]) {
      const { status, text } = await server.call('POST', path, { body, headers: { cookie, ...key } })
      assert.equal(status, 400, `${path} ${JSON.stringify(key)}: ${text}`)
    }
  const { items } = JSON.parse((await server.call('GET', '/api/v1/runs', { headers: { cookie } })).text)
  const run = JSON.parse(
    (await server.call('GET', `/api/v1/runs/${items[0].id}`, { headers: { cookie } })).text,
  )
  const targets = [
    '/api/v1/runs?branch=%00',
    '/api/v1/audit?target=a%00',
    '/api/v1/projects/web/parameters?ref=%00',
    '/api/v1/runs?project=web&number=4294967296',
    `/api/v1/jobs/${run.jobs[0].id}/tests?attempt=4294967296`,
  ]
  for (const target of targets) {
    const { status, text } = await server.call('GET', target, { headers: { cookie } })
    assert.equal(status, 400, `${target}: ${text}`)
  }
})
