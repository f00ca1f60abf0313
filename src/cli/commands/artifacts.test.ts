// Which artifacts a name means.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import * as world from '../../../test/web/double/world.ts'
import { jobName } from '../api/job-name.ts'

const paths = ['report/index.html', 'report/unit/junit.xml', 'junit.xml', 'dist/app.js']
const [one] = world.artifactsOf(world.idOf('run', 412))
const command = commandsAnsweredBy((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  const items = pathname.endsWith('/artifacts')
    ? paths.map((path) => ({ ...one, path }))
    : world.summaries().filter(({ number }) => number === 412)
  const body = /\/runs\/run_\w+$/.test(pathname)
    ? world.runById(world.idOf('run', 412))
    : { items, next_cursor: null, expired: [] }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
})
const named = async (...words: readonly string[]) => {
  const { stdout, stderr, code } = await command(['artifacts', 'list', '412', '-R', 'web', ...words])
  assert.equal(code, 0, stderr)
  return stdout.split('\n').flatMap((line) => line.split('\t')[1] ?? [])
}

test('a pattern without a slash is of names, one with it of whole paths', async () => {
  assert.deepEqual(await named(), paths)
  assert.deepEqual(await named('-n', '*.xml'), ['report/unit/junit.xml', 'junit.xml'])
  assert.deepEqual(await named('--name', 'report/**'), ['report/index.html', 'report/unit/junit.xml'])
  assert.deepEqual(await named('-n', 'report/*'), ['report/index.html'])
  assert.deepEqual(await named('-n', '{app,index}.*'), ['report/index.html', 'dist/app.js'])
  assert.deepEqual(await named('-n', 'none'), [])
  const none = await command(['artifacts', 'download', '412', '-R', 'web', '-n', 'none'])
  assert.equal(none.code, 5)
})

test('what is fetched goes through no link that came with the directory', async () => {
  const root = mkdtempSync(join(tmpdir(), 'mayfly-fetched-'))
  after(() => rmSync(root, { recursive: true }))
  const outside = join(root, 'outside')
  mkdirSync(outside)
  mkdirSync(join(root, 'out'))
  const job = jobName(one?.job ?? assert.fail())
  symlinkSync(outside, join(root, 'out', job))
  const words = ['artifacts', 'download', '412', '-R', 'web', '-n', 'app.js', '--dir', join(root, 'out')]
  const { code, stderr } = await command(words)
  assert.equal(code, 4, stderr)
  assert.match(stderr, /is there and no directory/)
  assert.deepEqual(readdirSync(outside), [])
})
