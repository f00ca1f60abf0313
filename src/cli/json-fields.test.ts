// `--json=fields` over a server that answers one list and one thing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../test/support/command-server.ts'
import { splitJsonFields } from './json-fields.ts'

const token = (n: number) => ({
  ...{ id: `tok_${n}`, name: `t${n}`, prefix: 'mfp_x', scopes: ['run.view'], projects: null },
  ...{ created_at: '2026-01-01', expires_at: '2026-02-01', last_used_at: null },
})
const run = commandsAnsweredBy((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ items: [token(1), token(2)], next_cursor: null }))
})

test('only these fields of each item, in the order asked for', async () => {
  const { stdout, stderr } = await run(['token', 'list', '--json=name,id'])
  assert.equal(
    stdout,
    '{"items":[{"name":"t1","id":"tok_1"},{"name":"t2","id":"tok_2"}],"next_cursor":null}\n',
    stderr,
  )
})

test('a name that is none is wrong usage, and says which there are', async () => {
  const { stdout, stderr, code } = await run(['token', 'list', '--json=id,nmae'])
  assert.deepEqual([stdout, code], ['', 2])
  assert.match(stderr, /there is no field nmae; there are id, name/)
  assert.equal((await run(['token', 'list', '--json=id,,x'])).code, 2)
  assert.equal((await run(['token', 'list', '--json='])).code, 2)
})

test('the word behind --json stays an argument, and what follows -- is left alone', () => {
  assert.deepEqual(splitJsonFields(['runs', 'view', '--json', '412']), ['runs', 'view', '--json', '412'])
  assert.deepEqual(splitJsonFields(['x', '--json=a', '--', '--json=b']), [
    ...['x', '--json', '--json-fields=a', '--', '--json=b'],
  ])
})
