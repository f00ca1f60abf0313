// What `mayfly deliveries` and `mayfly schedules` ask of the server and print. The server here answers from the double of the browser's tests.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import * as world from '../../../test/web/double/world.ts'

const asked: string[] = []
const run = commandsAnsweredBy(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const url = new URL(request.url ?? '/', 'http://localhost')
  const body = request.method === 'GET' ? '' : ` ${Buffer.concat(chunks)}`
  asked.push(`${request.method} ${url.pathname.replace('/api/v1', '')}${url.search}${body}`)
  if (url.pathname.includes('/schedules')) {
    const [first] = world.schedules
    const answer = request.method === 'GET' ? { items: world.schedules, next_cursor: null } : first
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    return
  }
  const one =
    world.deliveries.find(({ id }) => url.pathname.includes(id)) ??
    world.projects.find(({ name }) => url.pathname.endsWith(`/projects/${name}`))
  const list = {
    items: url.pathname.endsWith('/projects') ? world.projects : world.deliveries,
    next_cursor: null,
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(one ?? list))
})
const mayfly = async (...words: string[]) => {
  asked.length = 0
  return run(words)
}
const id = (n: number) => world.idOf('dlv', n)

test('list says what was decided and why, and takes filters', async () => {
  const words = ['deliveries', 'ls', '-R', 'web', '--verdict', 'no_run', '-b', 'docs']
  const { code, stdout, stderr } = await mayfly(...words)
  assert.equal(code, 0, stderr)
  const list = 'GET /deliveries?project=web&verdict=no_run&ref=docs&limit=20'
  assert.deepEqual(asked, [list, 'GET /projects/web'])
  assert.match(stderr, /^84 calls of the hook of web came too fast and were not read, the last one 20/)
  await mayfly(...words, '--json')
  assert.deepEqual(asked, [list], 'what programs read is the answer of the API alone')
  assert.match(stdout, /no_run.*The commit message says \[skip ci\]/)
  assert.match(stdout, /refs\/heads\/stream-export.*#413/)
})

test('view and replay name one delivery', async () => {
  const viewed = await mayfly('deliveries', 'view', id(4))
  assert.match(viewed.stdout, /^run +#413/m)
  assert.match(viewed.stdout, /^why +Started run 413/m)
  const replayed = await mayfly('deliveries', 'replay', id(4), '--json')
  assert.deepEqual([asked, replayed.code], [[`POST /deliveries/${id(4)}/replay {}`], 0])
  assert.equal(JSON.parse(replayed.stdout).id, id(4))
  const wrong = await mayfly('deliveries', 'replay', '412')
  assert.notEqual(wrong.code, 0)
  assert.match(wrong.stderr, /is no delivery/)
})

test('schedules: list, add with parameters, pause, remove', async () => {
  const listed = await mayfly('schedules', 'ls', '-R', 'web')
  assert.match(listed.stdout, /nightly.*Europe\/Vienna.*#412 failed, also for 2 missed before/)
  assert.match(listed.stdout, /weekly release.*paused/)
  const words = [
    '--cron',
    '0 6 * * 1-5',
    '--zone',
    'Europe/Vienna',
    '-b',
    'release',
    '-p',
    'level:=3',
    '-p',
    'note=x',
  ]
  await mayfly('schedules', 'add', 'daily', '-R', 'web', ...words)
  const body = {
    name: 'daily',
    cron: '0 6 * * 1-5',
    zone: 'Europe/Vienna',
    ref: 'release',
    parameters: { level: 3, note: 'x' },
  }
  assert.deepEqual(asked, [`POST /projects/web/schedules ${JSON.stringify(body)}`])
  await mayfly('schedules', 'set', 'daily', '-R', 'web', '--pause', '-b', 'default')
  assert.deepEqual(asked, ['PATCH /projects/web/schedules/daily {"ref":null,"paused":true}'])
  const removed = await mayfly('schedules', 'rm', 'daily', '-R', 'web')
  assert.equal(removed.code, 0)
  assert.match(asked.join(), /^DELETE \/projects\/web\/schedules\/daily/)
  assert.match((await mayfly('schedules', 'add', 'x', '-R', 'web')).stderr, /say when/)
})
