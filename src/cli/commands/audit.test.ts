// The audit log on the command line: all pages until there is enough, and what others wrote steers nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import type { AuditEntry } from '../../protocol/api/audit-routes.ts'

const entry = (id: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
  ...{ id, at: '2026-11-10T09:00:00Z', action: 'secret.put', target: 'sec_1', run_id: null },
  ...{ project: { id: 'prj_1', name: 'web' }, result: 'ok', code: null, facts: { version: 2, by: null } },
  actor: { kind: 'user', id: 'usr_1', name: 'Ada' },
  ...more,
})
const asked: string[] = []
let pages: Readonly<Record<string, { items: AuditEntry[]; next_cursor: string | null }>> = {}
const command = commandsAnsweredBy((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost')
  asked.push(url.search)
  const page = pages[url.searchParams.get('cursor') ?? ''] ?? { items: [], next_cursor: '1' }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(page))
})
const audit = async (...words: readonly string[]) => {
  asked.length = 0
  return command(['audit', 'list', ...words])
}

test('a page that is empty is followed by the next one, until there are as many as were asked for', async () => {
  pages = {
    '': { items: [], next_cursor: '90' },
    90: { items: [entry('80'), entry('70')], next_cursor: '60' },
    60: { items: [entry('50')], next_cursor: '40' },
  }
  const done = await audit('--action', 'secret', '--limit', '3')
  assert.equal(done.stdout.split('\n').length, 4)
  assert.deepEqual(asked, [
    '?action=secret&limit=3',
    '?action=secret&limit=3&cursor=90',
    '?action=secret&limit=1&cursor=60',
  ])
  assert.equal(JSON.parse((await audit('--limit', '3', '--json')).stdout).next_cursor, '40')
  for (const limit of ['0', 'x', '10001']) assert.equal((await audit('--limit', limit)).code, 2)
})

test('a search that finds nothing ends, and says that it did', async () => {
  pages = {}
  const done = await audit('--actor', 'nobody')
  assert.deepEqual([done.code, done.stdout, asked.length], [0, '', 100])
  assert.match(done.stderr, /the rest was not looked at/)
})

test('an entry is a line of facts, whatever stands in them', async () => {
  const actor = { kind: 'token' as const, id: 'tok_1', name: 'night\tly\u001b[2J' }
  const denied = entry('1', { actor, result: 'denied', code: 'MF4003', project: null })
  pages = { '': { items: [denied, entry('2')], next_cursor: null } }
  const [first = '', second] = (await audit()).stdout.split('\n')
  assert.equal(second, '2026-11-10T09:00:00Z\tAda\tsecret.put\tsec_1\tweb\tok\tversion=2 by=null')
  assert.deepEqual(first.split('\t').slice(1), [
    'token night ly\ufffd[2J',
    ...['secret.put', 'sec_1', '-', 'denied MF4003', 'version=2 by=null'],
  ])
})
