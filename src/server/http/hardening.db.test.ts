// What keeps other sites, other programs and malformed requests out (trust-model.md §9), on the running server.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { type Answer, noWork, openTestApp } from '../../../test/support/http-app.ts'
import { formatId } from '../../base/ids.ts'
import { type Route, routes } from '../../protocol/api/routes.ts'
import { admittedAtOnceMax } from '../../protocol/statement.ts'

const headersOfAll = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types mayfly svelte-trusted-html",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-dns-prefetch-control': 'off',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

test('every answer carries the security headers, errors too; HSTS on https only', async () => {
  const app = await openTestApp()
  for (const path of [
    '/api/v1/me',
    '/api/v1/runs',
    '/health',
    '/nothing/here.js',
    '/api//v1',
    '/api/v1/nothing',
    // The router itself refuses these.
    `/api/v1/runs/${'x'.repeat(200)}`,
    '/api/v1/runs/%zz',
  ]) {
    const { headers } = await app.call('GET', path)
    assert.match(headers.get('x-request-id') ?? '', /^req_[0-9a-f]{24}$/, path)
    for (const [name, value] of Object.entries(headersOfAll))
      assert.equal(headers.get(name), value, `${path} ${name}`)
    assert.match(headers.get('permissions-policy') ?? '', /camera=\(\)/)
    assert.equal(headers.get('strict-transport-security'), null)
    assert.equal(headers.get('access-control-allow-origin'), null)
  }
  const secure = await openTestApp({ publicUrl: 'https://ci.example.org' })
  const { headers } = await secure.call('GET', '/api/v1/me')
  assert.equal(headers.get('strict-transport-security'), 'max-age=63072000')
})

test('no change is made for a request that another site sent', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('owner')
  const foreign: readonly Record<string, string>[] = [
    { cookie, origin: 'http://evil.example', 'sec-fetch-site': 'cross-site' },
    { cookie, origin: app.site().origin.replace('localhost', '127.0.0.1'), 'sec-fetch-site': 'same-origin' },
    { cookie, origin: app.site().origin, 'sec-fetch-site': 'same-site' },
    { cookie, origin: app.site().origin },
    { cookie, 'sec-fetch-site': 'same-origin' },
    { cookie },
    { origin: 'null' },
    { 'sec-fetch-site': 'none' },
  ]
  for (const route of Object.values<Route>(routes)) {
    if (route.method === 'GET' || route.access === 'operator') continue
    for (const headers of foreign) {
      const path = route.path.replace(/:[a-z]+/, 'x')
      const answer = await app.call(route.method, path, { browser: false, headers, body: {} })
      assert.deepEqual(
        [answer.status, answer.json.code],
        [403, 'MF4030'],
        `${route.path} ${JSON.stringify(headers)}`,
      )
    }
  }
  assert.equal((await app.call('GET', '/api/v1/runs', { cookie })).status, 200, 'the session still stands')
})

test('a wrong token is refused, whatever cookie comes with it', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('owner')
  for (const authorization of ['Bearer x', 'Bearer ', 'Basic YTpi', `Bearer mfp_${'0'.repeat(49)}`]) {
    const answer = await app.call('GET', '/api/v1/runs', { cookie, headers: { authorization } })
    assert.equal(answer.status, 401, authorization)
  }
})

test('only exact JSON is read, bounded and without tricks', async () => {
  const app = await openTestApp()
  const send = async (body: string, type: string): Promise<[number, string]> => {
    const response = await fetch(`${app.base}/api/v1/sign-in`, {
      method: 'POST',
      body,
      headers: { 'content-type': type },
    })
    return [response.status, ((await response.json()) as Answer['json']).code]
  }
  const good = '{"email":"a@example.org","password":"x"}'
  assert.deepEqual(await send(good, 'application/json'), [401, 'MF4032'])
  for (const type of [
    'text/plain',
    'application/json; charset=utf-16',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'multipart/form-data; boundary=x',
    'application/vnd.api+json',
  ])
    assert.deepEqual(await send(good, type), [415, 'MF4015'], type)
  for (const body of [
    '',
    '{',
    '[]',
    'null',
    '{"email":"a","password":"x","role":"owner"}',
    '{"__proto__":{},"email":"a","password":"x"}',
    '{"constructor":{"prototype":{}},"email":"a","password":"x"}',
  ])
    assert.deepEqual(await send(body, 'application/json'), [400, 'MF4000'], body)
  assert.deepEqual(await send(`{"email":"${'a'.repeat(70_000)}"}`, 'application/json'), [413, 'MF4013'])
})

test('as many projects as one statement may name go into one request', async () => {
  const admissions = { ...noWork.admissions, set: async () => ({ projects: [], head: null }) }
  const app = await openTestApp({ work: { admissions } })
  const cookie = await app.signInAs('owner')
  const host = 'git.example.com'
  const path = `${'group/'.repeat(38)}web.git`
  const admit = Array.from({ length: admittedAtOnceMax }, (_, at) => ({
    project: formatId('project', new Uint8Array(16).fill(at)),
    source: { kind: 'ssh', url: `git@${host}:${path}`, host, port: 22, user: 'git', path },
    host_keys: Array.from({ length: 16 }, () => `SHA256:${'A'.repeat(43)}`),
  }))
  const statement = {
    ...{ v: 1, type: 'project.admit', sub: 'the organisation', iss: formatId('signer', new Uint8Array(16)) },
    ...{ iat: 0, nonce: 'A'.repeat(22), prev: null, body: { admit, withdraw: [] } },
  }
  const body = { statement, proof: { kind: 'ed25519', sig: 'A'.repeat(86) } }
  const { status, text } = await app.call('POST', '/api/v1/admissions', { cookie, body })
  assert.equal(status, 200, text)
})

/** As the bytes of a program that does not tidy up addresses before it sends them. */
const raw = async (base: string, text: string): Promise<string> => {
  const socket = connect(Number(new URL(base).port), '127.0.0.1')
  socket.end(text)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await once(socket, 'close', { signal: AbortSignal.timeout(5_000) })
  return Buffer.concat(chunks).toString()
}

test('addresses that could be read in two ways are 400, and bytes that are no HTTP too', async () => {
  const app = await openTestApp()
  const targets = [
    '//api/v1/me',
    '/api/v1/../v1/me',
    '/api/v1/%2e%2e/me',
    '/api%2fv1/me',
    '/api/v1/me;a',
    '/a%5cb',
    '/a%00',
    '/%zz',
    '/a%25',
    'http://other.example/api/v1/me',
  ]
  for (const target of targets) {
    const answer = await raw(app.base, `GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 400 .*MF4000/s, target)
  }
  assert.match(await raw(app.base, 'NONSENSE\r\n\r\n'), /^HTTP\/1\.1 400 .*MF4000/s)
  assert.match(
    await raw(app.base, `GET / HTTP/1.1\r\nhost: x\r\na: ${'b'.repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1\.1 400 /,
  )
})

test('unknown query fields are refused by name, unknown routes are 404, other methods 405', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('viewer')
  const answer = await app.call('GET', '/api/v1/runs?limit=0&colour=red', { cookie })
  assert.equal(answer.status, 400)
  const wrong = answer.json.errors.map(({ pointer, code }: Record<string, string>) => `${pointer} ${code}`)
  assert.deepEqual(wrong.sort(), ['#/querystring unrecognized_keys', '#/querystring/limit too_small'])
  assert.equal((await app.call('GET', '/api/v1/nothing')).json.code, 'MF4004')
  assert.equal((await app.call('PUT', '/api/v1/runs')).status, 405)
})

test('a body that is no JSON is called so, a refusal names one next step, and a problem has no next page', async () => {
  const one = { id: 'a', name: 'a' }
  const app = await openTestApp({
    work: {
      ...noWork,
      projects: { ...noWork.projects, list: async () => ({ items: [one as never], next_cursor: 'a' }) },
    },
  })
  const cookie = await app.signInAs('owner')
  const { origin } = app.site()
  const headers = { cookie, origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }
  for (const body of ['{"project":', '{"__proto__": {}}', '']) {
    const answer = await fetch(`${app.base}/api/v1/runs`, { method: 'POST', headers, body })
    const { code, detail } = (await answer.json()) as { code: string; detail: string }
    assert.deepEqual([answer.status, code, detail], [400, 'MF4000', 'The body cannot be read as JSON'], body)
  }
  const wrong = await app.call('GET', '/api/v1/projects?fields=nothing', { cookie })
  assert.deepEqual([wrong.status, wrong.headers.get('link')], [400, null])
  const viewer = await app.call('POST', '/api/v1/runs', {
    cookie: await app.signInAs('viewer'),
    body: { project: 'a' },
  })
  assert.deepEqual([viewer.status, viewer.json.hint], [403, undefined])
  assert.match(viewer.json.detail, /owner|developer/)
})

test('a hook gets its raw body without a session; browsers and floods are refused', async () => {
  const seen: { hook: string; text: string }[] = []
  const refused: string[] = []
  const app = await openTestApp({
    intake: {
      accept: async ({ hook, body }) => {
        seen.push({ hook, text: Buffer.from(body).toString() })
        return { status: 503, body: { error: 'sealed' }, retryAfterSeconds: 7 }
      },
      refused: (hook) => void refused.push(hook),
    },
  })
  const post = (headers: Record<string, string>) =>
    fetch(`${app.base}/hooks/generic/hok_1`, { method: 'POST', body: '{"not": parsed', headers })
  const answer = await post({ 'content-type': 'application/json' })
  assert.deepEqual(
    [answer.status, answer.headers.get('retry-after'), await answer.json()],
    [503, '7', { error: 'sealed' }],
  )
  assert.equal((await post({ 'content-type': 'anything/at-all' })).status, 503)
  assert.deepEqual(seen[0], { hook: 'hok_1', text: '{"not": parsed' })
  assert.equal((await post({ origin: 'http://evil.example' })).status, 403)
  const large = { method: 'POST', body: 'x'.repeat(64 * 1024 + 1), headers: { connection: 'close' } }
  assert.equal((await fetch(`${app.base}/hooks/generic/hok_2`, large)).status, 413)
  assert.equal(seen.length, 2, 'what nobody has signed is not kept in memory')
  const statuses = await Promise.all(Array.from({ length: 125 }, async () => (await post({})).status))
  assert.ok(statuses.filter((status) => status === 429).length >= 5)
  assert.ok(seen.length <= 120)
  assert.equal(refused.length, statuses.filter((status) => status === 429).length, 'each is counted')
  assert.deepEqual(new Set(refused), new Set(['hok_1']))
})

test('the type of a problem is the page of its code on this installation, and the API knows all codes', async () => {
  const app = await openTestApp({ publicUrl: 'https://ci.example.org' })
  const { json: missing } = await app.call('GET', '/api/v1/nothing')
  assert.equal(missing.type, 'https://ci.example.org/docs/errors/MF4004')
  assert.match(
    await raw(app.base, 'NONSENSE\r\n\r\n'),
    /"type":"https:\/\/ci\.example\.org\/docs\/errors\/MF4000"/,
  )
  const kinds: { code: string }[] = []
  for (let path = '/api/v1/errors?limit=100'; path !== ''; ) {
    const { json, headers } = await app.call('GET', path)
    kinds.push(...json.items)
    path = /^<(.*)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1] ?? ''
  }
  const known = new Map<string, unknown>(kinds.map((kind) => [kind.code, kind]))
  assert.equal(known.size, kinds.length, 'no code twice')
  const { why, mend, ...rest } = known.get('MF4004') as { why: string; mend: string }
  assert.ok(why.length > 20 && mend.length > 20)
  assert.deepEqual(rest, {
    ...{ code: 'MF4004', symbol: 'E_NOT_FOUND', severity: 'error', title: 'Not found' },
    ...{ http_status: 404, retryable: false, example: null },
  })
  const { example } = known.get('MF2107') as { example: string }
  assert.match(example, /requires/, 'problems of configurations have a page, too')
})

test('the API describes itself as OpenAPI 3.1 from the route table', async () => {
  const app = await openTestApp()
  const { json } = await app.call('GET', '/api/v1/openapi.json')
  assert.equal(json.openapi, '3.1.0')
  const failure = json.paths['/api/v1/runs'].get.responses.default.content['application/problem+json'].schema
  assert.ok(failure.required.includes('request_id'))
  const described = Object.entries<Record<string, { operationId: string }>>(json.paths).flatMap(
    ([, operations]) => Object.values(operations).map((operation) => operation.operationId),
  )
  const wanted = Object.entries<Route>(routes).filter(([, route]) => route.access !== 'operator')
  assert.deepEqual(described.sort(), [...wanted.map(([name]) => name), 'events', 'live'].sort())
  assert.match(json.paths['/api/v1/runs'].get.description, /run\.view/)
  for (const [path, operations] of Object.entries<Record<string, { responses: object }>>(json.paths))
    for (const { responses } of Object.values(operations))
      assert.ok('200' in responses || '101' in responses, `${path} says what it answers when all is well`)
  assert.ok(json.paths['/api/v1/attempts/{attempt}/log'].get.responses['206'])
  assert.equal(json.components.securitySchemes.session.name, 'mf_s')
  const secure = await openTestApp({ publicUrl: 'https://ci.example.org' })
  const ofSecure = (await secure.call('GET', '/api/v1/openapi.json')).json
  assert.equal(ofSecure.components.securitySchemes.session.name, '__Host-mf_s')
  // The live topics say what they send.
  const sent = json.paths['/events'].get.responses['200'].content['text/event-stream'].schema
  const kinds = sent.oneOf.map(
    (message: { properties: { t: { const: string } } }) => message.properties.t.const,
  )
  assert.deepEqual(kinds, ['run', 'runs', 'log-end', 'refused', 'pong'])
  assert.ok(json.paths['/api/v1/live'].get['x-client-message'])
})

test('a method that an address does not have is 405 with those it has, and what is not there is 404', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('owner')
  const id = '0'.repeat(26)
  const asked = [
    ['DELETE', '/api/v1/runs', 'GET, HEAD, POST'],
    ['PUT', `/api/v1/runs/run_${id}`, 'GET, HEAD'],
    ['GET', `/api/v1/runs/run_${id}/cancel`, 'POST'],
    ['HEAD', `/api/v1/runs/run_${id}/cancel?x=1`, 'POST'],
    ['OPTIONS', `/api/v1/attempts/att_${id}/pin`, 'DELETE, POST'],
    ['POST', '/health', 'GET, HEAD'],
    ['POST', '/events', 'GET, HEAD'],
  ] as const
  for (const [method, path, allow] of asked) {
    const answer = await app.call(method, path, { cookie })
    assert.deepEqual([answer.status, answer.headers.get('allow')], [405, allow], `${method} ${path}`)
    if (method !== 'HEAD') assert.equal(answer.json.code, 'MF4005')
  }
  for (const path of ['/api/v1/nothing', '/api/v1/runs/a/b/c'])
    for (const method of ['GET', 'POST', 'DELETE']) {
      const answer = await app.call(method, path, { cookie })
      assert.deepEqual([answer.status, answer.headers.get('allow')], [404, null], `${method} ${path}`)
    }
  const unread = await fetch(`${app.base}/api/v1/runs`, {
    method: 'PUT',
    body: 'x',
    headers: { 'content-type': 'text/x' },
  })
  assert.equal(unread.status, 405, 'the body is not looked at')
})

test('HEAD answers what GET answers, without the body', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('owner')
  for (const path of [
    '/api/v1/me',
    '/api/v1/runs',
    '/health',
    '/api/v1/openapi.json',
    '/api/v1/runs/nothing',
  ]) {
    const get = await app.call('GET', path, { cookie })
    const head = await app.call('HEAD', path, { cookie })
    assert.deepEqual([head.status, head.text], [get.status, ''], path)
    for (const name of ['content-type', 'content-length', 'etag', 'cache-control'])
      assert.equal(head.headers.get(name), get.headers.get(name), `${path} ${name}`)
  }
  assert.equal((await app.call('HEAD', '/api/v1/runs')).status, 401)
})

test('who offers another protocol is answered in this one; only a WebSocket at its address is one', async () => {
  const app = await openTestApp()
  const ask = async (path: string, upgrade: string) => {
    const socket = connect(Number(new URL(app.base).port), 'localhost')
    const lines = [`GET ${path} HTTP/1.1`, 'host: localhost', 'connection: Upgrade', `upgrade: ${upgrade}`]
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    const [answer] = (await once(socket, 'data', { signal: AbortSignal.timeout(10_000) })) as [Buffer]
    socket.destroy()
    return String(answer).split(' ')[1]
  }
  // As Java's client and `curl --http2` begin.
  assert.equal(await ask('/health', 'h2c'), '200')
  assert.equal(await ask('/health', 'websocket'), '200')
  assert.equal(await ask('/api/v1/live', 'h2c'), '404')
  assert.equal(await ask('/api/v1/live', 'websocket'), '403', 'from no origin of ours')
})

test('who takes nothing of an answer is let go; who waits for a late one is not', async () => {
  const late = Promise.withResolvers<{ status: 202; body: Record<string, null> }>()
  const bytes = Buffer.alloc(64 * 1024 * 1024)
  const app = await openTestApp({
    intake: { accept: () => late.promise, refused: () => undefined },
    pages: {
      find: () => ({
        ...{ contentType: 'text/plain', cacheControl: 'no-store', etag: '"x"' },
        bytes: { br: bytes, gzip: bytes, identity: bytes },
      }),
    },
  })
  const { server } = app.people
  assert.ok(server.timeout > 0 && server.maxConnections > 0)
  server.timeout = 200
  const socket = connect(Number(new URL(app.base).port), 'localhost')
  const [held] = (await once(server, 'connection')) as [Socket]
  socket.pause()
  socket.write('GET /large.txt HTTP/1.1\r\nhost: localhost\r\n\r\n')
  // Begun before the other is let go, and silent for longer.
  const waiting = app.call('POST', '/hooks/generic/hok_1', { browser: false, body: {} })
  await once(held, 'close', { signal: AbortSignal.timeout(10_000) })
  await setTimeout(3 * server.timeout)
  late.resolve({ status: 202, body: {} })
  assert.equal((await waiting).status, 202)
  socket.destroy()
  server.keepAliveTimeout = 200
  const idle = connect(Number(new URL(app.base).port), 'localhost')
  idle.write('GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n')
  idle.resume()
  await once(idle, 'close', { signal: AbortSignal.timeout(10_000) })
})
