// `mayfly orb add`: what is wrong in the source is said with its place before anything is sent.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'

const place = await mkdtemp(join(tmpdir(), 'mayfly-orb-'))
after(() => rm(place, { recursive: true, force: true }))

const sent: unknown[] = []
const run = commandsAnsweredBy(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { id, text } = JSON.parse(Buffer.concat(chunks).toString())
  sent.push([id, text])
  const orb = { id, sha256: 'ab'.repeat(32), bytes: 1, added_at: '', added_by: '', added_by_name: '' }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(orb))
})
const add = async (text: string, ...more: readonly string[]) => {
  const file = join(place, 'tools.yml')
  await writeFile(file, text)
  return run(['orb', 'add', 'acme/tools@1.2.3', file, ...more])
}

test('a slip is shown with its line and a caret, exit 7, and nothing is sent', async () => {
  const broken = 'commands:\n  greet:\n    steps:\n      - chekout\n'
  const { code, stdout } = await add(broken)
  assert.equal(code, 7)
  assert.match(stdout, /tools\.yml:4:9: error\[MF2105\]: .*"chekout"\n(.*\n)*.*\^{7}\n/)
  const json = await add(broken, '--json')
  assert.equal(json.code, 7)
  assert.deepEqual(JSON.parse(json.stdout).problems[0].at.line, 4)
  assert.deepEqual(sent, [])
})

test('what can be used is sent as it is, and what it has is said', async () => {
  const text = 'commands:\n  greet:\n    steps:\n      - checkout\n'
  const { code, stdout, stderr } = await add(text)
  assert.equal(code, 0, stderr)
  assert.deepEqual(sent, [['acme/tools@1.2.3', text]])
  assert.match(stdout, /^acme\/tools@1\.2\.3 {2}sha256:abab/)
  assert.match(stderr, /command greet/)
})

test('a file that is not there is said as such: no list has it', async () => {
  const { code, stderr } = await run(['orb', 'add', 'acme/tools@1.2.3', join(place, 'none.yml')])
  assert.equal(code, 5)
  assert.doesNotMatch(stderr, /next:/)
})
