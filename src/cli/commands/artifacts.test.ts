// Which artifacts a name means.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
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

const run = world.runById(world.idOf('run', 412)) ?? assert.fail()
const [job, workflow] = [run.jobs[0] ?? assert.fail(), run.workflows[0] ?? assert.fail()]
const two = ['one', 'two'].map((name) => ({
  workflow: { ...workflow, id: name, name },
  job: { ...job, id: `job of ${name}`, workflow_id: name, name: 'test', key: 'test', shard: 0, shards: 1 },
}))
const shown = { ...run, workflows: two.map((each) => each.workflow), jobs: two.map((each) => each.job) }
const artifacts = two.map((each) => ({
  ...{ ...one, id: each.workflow.name, path: 'report.txt' },
  job: { id: each.job.id, name: 'test', shard: 0, shards: 1, attempt: 1 },
  sha256: createHash('sha256').update(each.workflow.name).digest('hex'),
}))
const fetch = commandsAnsweredBy((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  const list = (items: readonly unknown[]) => JSON.stringify({ items, next_cursor: null, expired: [] })
  const content = /\/artifacts\/(one|two)/.exec(pathname)?.[1]
  const runs = world.summaries().filter(({ number }) => number === 412)
  const lists = list(pathname.endsWith('/artifacts') ? artifacts : runs)
  const body = content ?? (/\/runs\/run_\w+$/.test(pathname) ? JSON.stringify(shown) : lists)
  response.writeHead(200, { 'content-type': 'application/json' }).end(body)
})

test('of jobs of two workflows that are called the same each keeps its own', async () => {
  const root = mkdtempSync(join(tmpdir(), 'mayfly-fetched-'))
  after(() => rmSync(root, { recursive: true }))
  const { code, stderr } = await fetch(['artifacts', 'download', '412', '-R', 'web', '--dir', root])
  assert.equal(code, 0, stderr)
  for (const name of ['one', 'two'])
    assert.equal(readFileSync(join(root, `${name}_test/report.txt`), 'utf8'), name)
})
