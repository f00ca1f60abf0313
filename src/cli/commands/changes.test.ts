// `mayfly runs changes` over a server that knows, knows a part, or does not know.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'

const id = `run_${'1'.repeat(26)}`
const files = [
  { path: 'a\u001b[31m.ts', change: 'added' },
  { path: 'b.ts', change: 'removed' },
]
let changes: unknown = null

const run = commandsAnsweredBy((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  response.writeHead(pathname.endsWith('/changes') ? 200 : 503, { 'content-type': 'application/json' })
  response.end(JSON.stringify(pathname.endsWith('/changes') ? { changes } : {}))
})

test('files are listed with what became of them, and steer no terminal', async () => {
  changes = { base: 'b'.repeat(40), of: 'push', files, more: true }
  const { stdout, stderr } = await run(['runs', 'changes', id])
  assert.equal(stdout, 'A\ta\ufffd[31m.ts\nD\tb.ts\n')
  assert.match(stderr, /what the push changed since bbbbbbbbbb, and more/)
})

test('what nobody could tell is said to be unknown, and is no failure', async () => {
  changes = null
  const { code, stdout, stderr } = await run(['runs', 'changes', id])
  assert.deepEqual([code, stdout], [0, ''])
  assert.match(stderr, /is not known/)
})
