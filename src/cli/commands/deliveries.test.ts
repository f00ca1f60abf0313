// What `mayfly deliveries` asks of the server and prints. The server here answers from the double of the browser's tests.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { runCommand } from '../../../test/support/surroundings.ts'
import * as world from '../../../test/web/double/world.ts'

const asked: string[] = []
const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost')
  asked.push(`${request.method} ${url.pathname.replace('/api/v1', '')}${url.search}`)
  const one = world.deliveries.find(({ id }) => url.pathname.includes(id))
  const list = {
    items: url.pathname.endsWith('/projects') ? world.projects : world.deliveries,
    next_cursor: null,
  }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(one ?? list))
})
let environment: Record<string, string> = {}
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  environment = { MAYFLY_URL: `http://127.0.0.1:${port}`, MAYFLY_TOKEN: 'mfp_x' }
})
after(() => {
  server.closeAllConnections()
  server.close()
})
const mayfly = async (...words: string[]) => {
  asked.length = 0
  return runCommand(words, { environment })
}
const id = (n: number) => world.idOf('dlv', n)

test('list says what was decided and why, and takes filters', async () => {
  const { code, stdout } = await mayfly('deliveries', 'ls', '-R', 'web', '--verdict', 'no_run', '-b', 'docs')
  assert.equal(code, 0)
  assert.deepEqual(asked, ['GET /deliveries?project=web&verdict=no_run&ref=docs&limit=20'])
  assert.match(stdout, /no_run.*The commit message says \[skip ci\]/)
  assert.match(stdout, /refs\/heads\/stream-export.*#413/)
})

test('view and replay name one delivery', async () => {
  const viewed = await mayfly('deliveries', 'view', id(4))
  assert.match(viewed.stdout, /^run +#413/m)
  assert.match(viewed.stdout, /^why +Started run 413/m)
  const replayed = await mayfly('deliveries', 'replay', id(4), '--json')
  assert.deepEqual([asked, replayed.code], [[`POST /deliveries/${id(4)}/replay`], 0])
  assert.equal(JSON.parse(replayed.stdout).id, id(4))
  const wrong = await mayfly('deliveries', 'replay', '412')
  assert.notEqual(wrong.code, 0)
  assert.match(wrong.stderr, /is no delivery/)
})
