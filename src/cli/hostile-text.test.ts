// Words of others on a terminal: every verb that shows what a server answers, over a server whose words try to steer.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { commandsAnsweredBy } from '../../test/support/command-server.ts'
import { startDouble } from '../../test/web/double/server.ts'
import * as world from '../../test/web/double/world.ts'
import { inert, inertText } from './inert.ts'

const hostile =
  ' \u001b[2J\u001b]0;t\u0007\u009b1m\r\u202e\u2066\u200f\u061c\u2028\u0000\u007f\tx\nFORGED line'
/** What people and jobs name and say. */
const free =
  /^(name|subject|headline|message|text|title|file|class|path|author|detail|default_branch|answer|value|by|description|added_by_name|comment)$/

/** Of these the name is one of a few words. */
const known = /^stages$/

const spoilt = (value: unknown, key = ''): unknown => {
  if (known.test(key)) return value
  if (typeof value === 'string') return free.test(key) ? value + hostile : value
  if (Array.isArray(value)) return value.map((each) => spoilt(each))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, spoilt(each, name)]))
}

const double = await startDouble('/nonexistent')
after(() => double.close())
const command = commandsAnsweredBy(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = chunks.length === 0 ? null : Buffer.concat(chunks)
  const answer = await fetch(double.url + request.url, { method: request.method ?? 'GET', body })
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.includes('json')
  response.writeHead(answer.status, { 'content-type': 'application/json' })
  response.end(isJson ? JSON.stringify(spoilt(JSON.parse(text))) : text)
})

const run = world.idOf('run', 412)
const verbs: readonly (readonly string[])[] = [
  ['runs', 'list', '--all-projects'],
  ['runs', 'view', run],
  ['runs', 'view', run, '-j', world.idOf('job', 41_205)],
  ['runs', 'view', world.idOf('run', 406)],
  ['runs', 'why', world.idOf('run', 413)],
  ['runs', 'compare', run, world.idOf('run', 413)],
  ['watch', run],
  ['runs', 'annotations', run],
  ['artifacts', 'list', run],
  ['tests', 'list', run],
  ['project', 'list'],
  ['project', 'view', 'web'],
  ['deliveries', 'list', '-R', 'web'],
  ['deliveries', 'view', world.deliveries[0]?.id ?? ''],
  ['schedules', 'list', '-R', 'web'],
  ['webhook', 'list', '-R', 'web'],
  ['runner', 'list'],
  ['session', 'list'],
  ['member', 'list'],
  ['token', 'list'],
  ['context', 'list'],
  ['secrets', 'list', '-R', 'web'],
  ['orb', 'list'],
  ['secrets', 'signer', 'list'],
  ['approve', world.idOf('run', 406)],
  ['status'],
  ['whoami'],
  ['project', 'view', 'nowhere'],
]

// biome-ignore lint/suspicious/noControlCharactersInRegex: what paint() writes.
const ownColours = /\u001b\[(?:[012]|3[1-6])m/g
const steers = /[^\P{C}\n\t]|[\u2028\u2029]/u

for (const isTerminal of [true, false])
  for (const words of verbs)
    test(`${words.slice(0, 2).join(' ')} steers nothing (${isTerminal ? 'terminal' : 'pipe'})`, async () => {
      const { code, stdout, stderr } = await command(words, { isTerminal })
      const said = (stdout + stderr).replaceAll(ownColours, '')
      assert.ok(code !== 2 && code !== 70, said)
      assert.match(said, /FORGED/, 'the words were there')
      const found = said.split('\n').filter((line) => steers.test(line) || line.startsWith('FORGED'))
      assert.deepEqual(found, [])
    })

test('JSON on a terminal says the same, and steers nothing', async () => {
  const words = ['runs', 'annotations', run, '--json']
  const [shown, piped] = [(await command(words, { isTerminal: true })).stdout, (await command(words)).stdout]
  assert.doesNotMatch(shown, steers)
  assert.deepEqual(JSON.parse(shown), JSON.parse(piped))
  assert.ok(piped.includes('\u202e'), 'a pipe has the bytes as they are')
})

test('what a verb says itself stays: its lines and its colours, not those of others', () => {
  assert.equal(inert('a\u001b[31mb\u202ec\nd\te\u009b'), 'a\ufffd[31mb\ufffdc d e\ufffd')
  assert.equal(inertText`${'\u001b[31mred\u001b[0m'}\n${'a\nb'}\n`, '\u001b[31mred\u001b[0m\na b\n')
  assert.equal(inertText`${'\u001b[8mhidden\u001b[2J'}`, '\ufffd[8mhidden\ufffd[2J')
})
