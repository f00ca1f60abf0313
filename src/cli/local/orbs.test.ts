// Where a configuration that is compiled here finds its orbs: its own copies, then the store of the installation, by the
// person's token; and what is said when that store cannot be read. The server here is its one route.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { runCommand } from '../../../test/support/surroundings.ts'

const orb = (word: string) => `commands: {greet: {steps: [run: echo ${word}]}}`
const config = `version: 2.1
orbs: {o: acme/words@1}
jobs: {a: {machine: true, steps: [o/greet]}}
workflows: {w: {jobs: [a]}}
`
const asked: string[] = []
const server = createServer((request, response) => {
  asked.push(`${request.method} ${request.url} ${request.headers.authorization}`)
  const isKnown = request.headers.authorization === 'Bearer mfp_x'
  response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' })
  const items = [
    { id: 'acme/words@1.2.0', text: orb('stored') },
    { id: 'acme/words@2.0.0', text: orb('newer') },
  ]
  response.end(
    JSON.stringify(isKnown ? { items, next_cursor: null } : { title: 'Not signed in', code: 'MF4001' }),
  )
})

let root = ''
let url = ''
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-orbs-'))
  await mkdir(join(root, '.circleci/orbs/acme'), { recursive: true })
  await writeFile(join(root, '.circleci/config.yml'), config)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
beforeEach(() => {
  asked.length = 0
})
after(async () => {
  server.closeAllConnections()
  server.close()
  await rm(root, { recursive: true, force: true })
})

const mayfly = (line: string, environment: Record<string, string> = {}) =>
  runCommand(line.split(' '), { cwd: root, environment })
const signedIn = () => ({ MAYFLY_URL: url, MAYFLY_TOKEN: 'mfp_x' })

test('what the repository lacks comes from the store of the installation', async () => {
  const lint = await mayfly('lint', signedIn())
  assert.deepEqual([lint.code, asked], [0, ['GET /api/v1/orbs/sources?limit=100 Bearer mfp_x']], lint.stdout)
  const show = await mayfly('config show --compiled', signedIn())
  assert.match(show.stdout, /echo stored/, 'the highest version that fits')
  assert.equal((await mayfly('run --list', signedIn())).code, 0)
})

test('config pin writes the version that a range means, and says what is not here', async () => {
  const file = join(root, 'pinned.yml')
  const text = config.replace(
    '{o: acme/words@1}',
    '{o: "acme/words@1", p: acme/words@volatile, q: acme/none@1.2}',
  )
  await writeFile(file, text)
  const dry = await mayfly('config pin --dry-run pinned.yml', signedIn())
  assert.equal(await readFile(file, 'utf8'), text)
  const { code, stdout, stderr } = await mayfly('config pin pinned.yml', signedIn())
  assert.deepEqual([code, stdout], [7, dry.stdout])
  assert.equal(stdout, 'acme/words@1 → acme/words@1.2.0\nacme/words@volatile → acme/words@2.0.0\n')
  assert.match(stderr, /^acme\/none@1\.2 is not here/m)
  assert.match(
    await readFile(file, 'utf8'),
    /^orbs: \{o: "acme\/words@1\.2\.0", p: acme\/words@2\.0\.0, q: acme\/none@1\.2\}$/m,
  )
  const again = await mayfly('config pin .circleci/config.yml --dry-run')
  assert.deepEqual([again.code, again.stdout], [7, ''])
})

test("the repository's own copy comes first, and then nobody is asked", async () => {
  const own = join(root, '.circleci/orbs/acme/words@1.0.0.yml')
  await writeFile(own, orb('own'))
  const show = await mayfly('config show --compiled', signedIn())
  await rm(own)
  assert.deepEqual([show.code, asked], [0, []])
  assert.match(show.stdout, /echo own/)
})

test('without an installation the orb is missing, and nothing else is said', async () => {
  const { code, stdout, stderr } = await mayfly('lint')
  assert.equal(code, 7)
  assert.match(stdout, /MF2060.*acme\/words@1/s)
  assert.doesNotMatch(stderr, /note:/)
})

test('a store that cannot be read is a plain sentence beside what is missing', async () => {
  const strange = await mayfly('lint', { MAYFLY_URL: url, MAYFLY_TOKEN: 'mfp_other' })
  assert.equal(strange.code, 7)
  assert.match(strange.stderr, /note: the orb store of http:\S+ was not read: \S+/)
  const away = await mayfly('lint', { MAYFLY_URL: 'http://127.0.0.1:1', MAYFLY_TOKEN: 'mfp_x' })
  assert.equal(away.code, 7)
  assert.match(away.stderr, /note: the orb store of http:\/\/127\.0\.0\.1:1 was not read: .*does not answer/)
})
