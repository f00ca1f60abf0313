// What `mayfly api` sends and prints, against a server that tells what it was asked.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import { createRandom } from '../../../test/support/random.ts'

const asked: string[] = []
const headers: (string | undefined)[] = []
beforeEach(() => {
  asked.length = 0
  headers.length = 0
})
const command = commandsAnsweredBy(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  asked.push(`${request.method} ${request.url} ${Buffer.concat(chunks)}`.trimEnd())
  headers.push(request.headers.authorization)
  const url = new URL(request.url ?? '/', 'http://localhost')
  const answer = answers[url.pathname]
  if (url.pathname === '/api/v1/log') {
    response.writeHead(200, { 'content-type': 'text/plain' })
    return response.end(Buffer.from([0x1b, 0x5b, 0x32, 0x4a, 0xff, 0x0a]))
  }
  const isThere = answer !== undefined
  response.writeHead(isThere ? 200 : 404, {
    'content-type': isThere ? 'application/json' : 'application/problem+json',
  })
  return response.end(JSON.stringify(answer?.(url) ?? { title: 'Not found', code: 'MF4004', status: 404 }))
})
const answers: Readonly<Record<string, (url: URL) => unknown>> = {
  '/api/v1/me': () => ({ name: 'ada \u202e', id: 'usr_1' }),
  '/api/v1/runs': ({ searchParams }) => {
    const at = Number(searchParams.get('cursor') ?? 0)
    return { items: [{ n: at }], next_cursor: at < 2 ? `${at + 1}` : null }
  },
}
const api = (...words: string[]) => command(['api', ...words])

test('a path is one below the API of this installation, in every spelling', async () => {
  for (const path of ['me', '/me', '/api/v1/me', 'api/v1/me', '/runs/../me']) {
    const { code, stdout } = await api('get', path)
    assert.deepEqual(
      [code, JSON.parse(stdout), stdout.endsWith('\n')],
      [0, { name: 'ada \u202e', id: 'usr_1' }, true],
    )
  }
  assert.deepEqual(new Set(asked), new Set(['GET /api/v1/me']))
})

test('a token goes nowhere else, however the path is written', async () => {
  const random = createRandom(3)
  const parts = [
    '//',
    '\\\\',
    'evil.example',
    '@',
    ':',
    '..',
    '/',
    'api',
    'http:',
    '?',
    '#',
    '%2e%2e',
    '\t',
    '.',
  ]
  const wild = Array.from({ length: 400 }, () =>
    Array.from({ length: 1 + random(6) }, () => parts[random(parts.length)]).join(''),
  )
  const steady = [
    'https://evil.example/me',
    '//evil.example/me',
    '@evil.example',
    '.evil.example',
    '\\\\evil.example',
    '/../../hooks',
    'api/../x',
  ]
  for (const path of [...steady, ...wild]) {
    const { code } = await api('GET', '--', path)
    const last = asked.pop()
    if (last === undefined) assert.equal(code, 2, path)
    // It came to the server that it belongs to, and below the API.
    else assert.match(last, /^GET \/api\//, path)
  }
  for (const path of ['https://evil.example/me', '/../../hooks'])
    assert.match((await api('GET', path)).stderr, /is no path of the API/)
})

test('fields are the query of what reads, and the body of what changes', async () => {
  await api('GET', '/runs?sort=created_at', '-f', 'project=a b&c', '-f', 'limit:=5')
  await api('DELETE', '/x', '-f', 'a=1')
  await api('POST', '/runs', '-f', 'project=web', '-f', 'parameters:={"n": [1, true]}', '-f', 'ref=a=b:=c')
  await api('POST', '/runs/x/cancel')
  assert.deepEqual(asked, [
    'GET /api/v1/runs?sort=created_at&project=a+b%26c&limit=5',
    'DELETE /api/v1/x?a=1',
    'POST /api/v1/runs {"project":"web","parameters":{"n":[1,true]},"ref":"a=b:=c"}',
    'POST /api/v1/runs/x/cancel {}',
  ])
  assert.equal(headers[0], 'Bearer mfp_x')
})

test('--input is the whole body, of a file or of standard input', async (t) => {
  const place = await mkdtemp(join(tmpdir(), 'mayfly-api-'))
  t.after(() => rm(place, { recursive: true }))
  await writeFile(join(place, 'body.json'), '{"a": 1}')
  await command(['api', 'PATCH', '/me', '--input', 'body.json'], { cwd: place })
  await command(['api', 'PATCH', '/me', '--input', '-'], { stdin: '{"b": 2}' })
  assert.deepEqual(asked, ['PATCH /api/v1/me {"a": 1}', 'PATCH /api/v1/me {"b": 2}'])
  assert.equal((await command(['api', 'PATCH', '/me', '--input', 'none'], { cwd: place })).code, 5)
})

test('--paginate gives all pages as one; --json=fields of it', async () => {
  const all = await api('GET', '/runs', '--paginate', '-f', 'limit=1')
  assert.equal(all.stdout, '{"items":[{"n":0},{"n":1},{"n":2}],"next_cursor":null}\n')
  assert.equal(asked.at(-1), 'GET /api/v1/runs?limit=1&cursor=2')
  assert.equal((await api('GET', '/me', '--json=id')).stdout, '{"id":"usr_1"}\n')
  assert.match((await api('GET', '/me', '--paginate')).stderr, /is no list/)
})

test('what is no JSON passes as it is, and harmless on a terminal; an error is its problem', async () => {
  assert.equal((await api('GET', '/log')).stdout, '\u001b[2J\ufffd\n')
  const shown = await command(['api', 'GET', '/log'], { isTerminal: true })
  assert.equal(shown.stdout, '\ufffd[2J\ufffd\n')
  assert.ok(!(await command(['api', 'GET', '/me'], { isTerminal: true })).stdout.includes('\u202e'))
  const lost = await api('GET', '/nowhere', '--json')
  assert.deepEqual([lost.code, JSON.parse(lost.stderr).code], [5, 'MF4004'])
})

test('what cannot be meant is refused before anything is sent', async () => {
  for (const words of [
    ['BREW', '/me'],
    ['POST', '/runs', '--paginate'],
    ['GET', '/runs', '--input', '-'],
    ['POST', '/runs', '--input', '-', '-f', 'a=1'],
    ['POST', '/runs', '-f', 'a'],
    ['POST', '/runs', '-f', 'a:=b'],
  ])
    assert.equal((await api(...words)).code, 2, words.join(' '))
  assert.deepEqual(asked, [])
})
