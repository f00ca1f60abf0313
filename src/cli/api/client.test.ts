// What the client does when answers get lost and lists are long.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeCertificate } from '../../../test/support/certificate.ts'
import { isFault } from '../../base/faults.ts'
import { Secret } from '../../base/secret.ts'
import { createApiClient, readAll } from './client.ts'

type Asked = { readonly line: string; readonly key: string | undefined }

const open = async (answer: (asked: Asked, count: number) => object | null, status = 200) => {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    const key = request.headers['idempotency-key']
    const one = { line: `${request.method} ${request.url}`, key: Array.isArray(key) ? key[0] : key }
    const found = answer(one, asked.push(one))
    request.resume().on('end', () => {
      if (found === null) request.socket.destroy()
      else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(found))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const token = new Secret('mfp_x')
  const cut: number[] = []
  const target = { kind: 'token', url: `http://127.0.0.1:${port}`, token } as const
  return { asked, cut, api: createApiClient(target, { onCut: (items) => cut.push(items) }) }
}

test('a POST whose answer was lost is sent once more with the same key; the next one has another', async () => {
  const { asked, api } = await open((_, count) => (count === 1 ? null : { ended: count }))
  const end = () => api.call('sessionsEnd', { body: { keep_this: false } })
  assert.deepEqual(await end(), { ended: 2 })
  assert.deepEqual(await end(), { ended: 3 })
  const [first, second, third] = asked.map(({ key }) => key)
  assert.match(first ?? '', /^[0-9a-f-]{36}$/)
  assert.equal(first, second)
  assert.notEqual(second, third)
})

test('it is sent once more, not for ever, and what changes nothing by itself is not', async () => {
  const { asked, api } = await open(() => null)
  const isUnreachable = (error: unknown) => isFault(error, 'E_UNREACHABLE')
  await assert.rejects(api.call('sessionsEnd', { body: { keep_this: false } }), isUnreachable)
  assert.equal(asked.length, 2)
  await assert.rejects(api.call('sessionEnd', { params: { session: 'ses_1' } }), isUnreachable)
  assert.equal(asked.length, 3)
  assert.equal(asked[2]?.key, undefined)
})

test('a certificate that nobody here believes is said to be that, and no server that does not answer', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'mayfly-tls-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const server = createTlsServer(await makeCertificate(directory))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => void server.close())
  const { port } = server.address() as AddressInfo
  const url = `https://localhost:${port}`
  const api = createApiClient({ kind: 'token', url, token: new Secret('mfp_x') })
  await assert.rejects(api.call('me', {}), (error: unknown) => {
    assert.ok(isFault(error, 'E_FORBIDDEN'))
    assert.match(
      error.public,
      /certificate is not believed here: self-signed certificate; NODE_EXTRA_CA_CERTS=/,
    )
    return true
  })
})

test('what is no address of a server is said to be none', () => {
  for (const url of ['ci.example.org', 'localhost:8420', '/srv', 'ftp://ci.example.org'])
    assert.throws(
      () => createApiClient({ kind: 'token', url, token: new Secret('mfp_x') }),
      (error: unknown) => isFault(error, 'E_INPUT') && error.public.startsWith(`"${url}" is no address`),
    )
})

const runner = (id: string) => ({
  id,
  name: id,
  status: 'online',
  last_seen_at: null,
  facts: null,
  running: 0,
})

test('all pages of a list are one', async () => {
  const { asked, cut, api } = await open((_, count) =>
    count === 1
      ? { items: [runner('a'), runner('b')], next_cursor: 'b' }
      : { items: [runner('c')], next_cursor: null },
  )
  const { items, next_cursor } = await api.all('runners', {})
  assert.deepEqual([items.map(({ id }) => id), next_cursor], [['a', 'b', 'c'], null])
  assert.deepEqual(cut, [])
  assert.deepEqual(
    asked.map(({ line }) => line),
    ['GET /api/v1/runners?limit=100', 'GET /api/v1/runners?limit=100&cursor=b'],
  )
})

test('a list without an end is fetched to a bound, and who asks hears of it', async () => {
  const items = Array.from({ length: 5_000 }, () => runner('a'))
  const { asked, cut, api } = await open((_, count) => ({ items, next_cursor: String(count) }))
  const page = await api.all('runners', {})
  assert.deepEqual([asked.length, page.items.length, page.next_cursor, cut], [2, 10_000, '2', [10_000]])
})

test('an answer of another version is called so, and is no defect of the command line', async () => {
  const { api } = await open(() => ({ items: [{ id: 'a' }], next_cursor: null }))
  await assert.rejects(api.all('runners', {}), (error: unknown) => {
    assert.ok(isFault(error, 'E_PROTOCOL'))
    assert.match(`${error.public} ${error.detail}`, /same version.*items\.0\.name/)
    return true
  })
})

test('a request that was not valid names its fields, each on a line of its own and as text', async () => {
  const problem = {
    ...{ code: 'MF4000', title: 'The request is not valid', detail: 'Some fields are not valid' },
    errors: [
      { pointer: '#/querystring/limit', detail: 'Too big' },
      { pointer: '#', detail: 'Unrecognized\nkey' },
      { pointer: 7 },
      null,
    ],
  }
  const { api } = await open(() => problem, 400)
  await assert.rejects(api.call('runs', {}), (error: unknown) => {
    assert.ok(isFault(error, 'E_INPUT'))
    assert.equal(error.public, 'Some fields are not valid\nlimit: Too big\nUnrecognized key')
    return true
  })
})

/** What stands after the head, and whether the connection breaks then. */
const openCut = async (parts: readonly { readonly text: string; readonly breaks: boolean }[]) => {
  let count = 0
  const server = createServer((request, response) => {
    const { text, breaks } = parts[Math.min(count++, parts.length - 1)] ?? { text: '', breaks: true }
    request.resume().on('end', () => {
      response.write(text, () => (breaks ? response.destroy() : response.end()))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => void server.close())
  const { port } = server.address() as AddressInfo
  const target = { kind: 'token', url: `http://127.0.0.1:${port}`, token: new Secret('mfp_x') } as const
  return { api: createApiClient(target), asked: () => count }
}

test('an answer that breaks off is a server that cannot be reached, of a POST it is asked for again', async () => {
  const half = { text: '{"ended":', breaks: true }
  const { api, asked } = await openCut([half, { text: '{"ended":2}', breaks: false }, half])
  assert.deepEqual(await api.call('sessionsEnd', { body: { keep_this: false } }), { ended: 2 })
  assert.equal(asked(), 2)
  const isCut = (error: unknown) => isFault(error, 'E_UNREACHABLE') && /broke off/.test(error.public)
  await assert.rejects(api.call('runners', {}), isCut)
  const never = new AbortController().signal
  const bytes = await api.stream('attemptLog', { params: { attempt: 'att_1' } }, never)
  await assert.rejects(readAll({ bytes }), isCut)
  const raw = await api.raw({ method: 'GET', path: '/api/v1/me', payload: null }, never)
  await assert.rejects(readAll(raw), isCut)
})

test('an answer that nothing more comes of is a server that cannot be reached; a log that is followed may be silent', async () => {
  const server = createServer((request, response) => {
    if (request.url?.includes('follow=1') === true) {
      response.write('first')
      setTimeout(() => response.end('second'), 600)
    } else if (request.url?.includes('artifacts') === true) response.write('half')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const target = { kind: 'token', url: `http://127.0.0.1:${port}`, token: new Secret('mfp_x') } as const
  const api = createApiClient(target, { stallMs: 200 })
  const never = new AbortController().signal
  const isUnreachable = (error: unknown) => isFault(error, 'E_UNREACHABLE')
  const half = await api.stream('artifact', { params: { artifact: 'art_1' } }, never)
  await assert.rejects(readAll({ bytes: half }), isUnreachable)
  await assert.rejects(api.stream('attemptLog', { params: { attempt: 'att_1' } }, never), isUnreachable)
  await assert.rejects(api.raw({ method: 'GET', path: '/api/v1/me', payload: null }, never), isUnreachable)
  const query = { follow: '1' }
  const bytes = await api.stream('attemptLog', { params: { attempt: 'att_1' }, query }, never)
  assert.equal((await readAll({ bytes })).toString(), 'firstsecond')
})

test('what is no JSON is called so, and is no defect of the command line', async () => {
  const { api } = await openCut([{ text: '<h1>Sign in to this network</h1>', breaks: false }])
  await assert.rejects(api.call('runners', {}), (error: unknown) => isFault(error, 'E_PROTOCOL'))
})

test('what is not found is named, by the words of who asked', async () => {
  const answer = { title: 'Not found', code: 'MF4004' }
  const { api } = await open(() => answer, 404)
  const asked = api.call('project', { params: { project: 'wbe\nsite' } })
  const isNamed = (error: unknown) =>
    isFault(error, 'E_NOT_FOUND') && error.public === 'Not found: project wbe site'
  await assert.rejects(asked, isNamed)
  const { api: other } = await open(() => ({ ...answer, detail: 'The vault does not know this signer' }), 404)
  await assert.rejects(
    other.call('project', { params: { project: 'web' } }),
    (error: unknown) => isFault(error) && error.public === 'The vault does not know this signer',
    'a server that says more is believed',
  )
})
