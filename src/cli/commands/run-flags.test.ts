// What `mayfly run` tells a configuration and takes of its jobs: parameters, another event, another configuration, one job with those it
// needs, parts of a matrix; and what it shows instead of carrying it out.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type CommandOptions, runCommand } from '../../../test/support/surroundings.ts'
import { createFakeDriver } from '../../sandbox/drivers/fake/index.ts'
import { findClass } from '../../sandbox/index.ts'
import { systemClock } from '../../sys/index.ts'
import type { LocalSandboxes } from '../surroundings.ts'

const configuration = `version: 2.1
parameters:
  loud: {type: boolean, default: false}
jobs:
  build:
    docker: [{image: debian:12}]
    environment: {FAKE_OUTPUT: "built << pipeline.parameters.loud >>\\n"}
    steps: [{run: make}]
  unit:
    parameters: {node: {type: integer}}
    docker: [{image: debian:12}]
    environment: {FAKE_OUTPUT: "node << parameters.node >>\\n"}
    steps: [{run: make test}]
  ship:
    docker: [{image: debian:12}]
    environment: {FAKE_OUTPUT: "of << pipeline.git.tag >> << pipeline.git.branch >>\\n"}
    steps: [{run: ship}]
workflows:
  all:
    jobs:
      - build: {filters: {tags: {only: /.*/}}}
      - unit: {requires: [build], filters: {tags: {only: /.*/}}, matrix: {parameters: {node: [22, 24]}}}
      - ship: {requires: [unit], filters: {tags: {only: /^v.*/}, branches: {only: main}}}
`

let root = ''
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-run-flags-'))
  await mkdir(join(root, '.circleci'))
  await writeFile(join(root, '.circleci/config.yml'), configuration)
  await writeFile(join(root, 'other.yml'), configuration.replace('"built', '"also built'))
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', root])
})
after(() => rm(root, { recursive: true, force: true }))

const sandboxes = async (): Promise<LocalSandboxes> => {
  const driver = createFakeDriver({ clock: systemClock })
  const classLimits = (word: string) => {
    const found = findClass(word)
    return found.ok ? found.class.limits : null
  }
  return { driver, classLimits, privateRanges: [], egressDefault: 'open', close: () => driver.close() }
}
const run = (words: string, options: CommandOptions = {}) =>
  runCommand(['run', ...words.split(' ').filter((word) => word !== '')], { cwd: root, sandboxes, ...options })
/** Nothing may start where something is only shown. */
const shown = async (words: string) => {
  const closed = () => Promise.reject(new Error('a sandbox was asked for'))
  const { code, stdout, stderr } = await run(words, { sandboxes: closed })
  assert.equal(code, 0, stderr)
  return stdout
}
const jobs = async (words: string) =>
  (await shown(`--list ${words}`))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[1])

test('parameters are typed by the configuration, and a wrong one is its error', async () => {
  assert.match((await run('build')).stdout, /\[build\] built false/)
  assert.match((await run('build -p loud=true')).stdout, /\[build\] built true/)
  const wrong = await run('build --param loud=maybe')
  assert.equal(wrong.code, 7)
  assert.match(wrong.stderr, /loud/)
  assert.equal((await run('build -p loud')).code, 2)
})

test('--needs takes a job with all that it needs, and is of a job', async () => {
  assert.deepEqual(await jobs('ship'), ['ship'])
  assert.deepEqual(await jobs('-j ship --needs'), ['build', 'unit-22', 'unit-24', 'ship'])
  assert.deepEqual(await jobs('unit-24 --needs'), ['build', 'unit-24'])
  assert.deepEqual(await jobs('-j unit'), ['unit-22', 'unit-24'], 'all of a matrix, by the name of their job')
  const none = await run('--needs', { sandboxes: () => Promise.reject(new Error('not reached')) })
  assert.equal(none.code, 2)
  const done = await run('unit-24 --needs')
  assert.equal(done.code, 0, done.stderr)
  assert.match(done.stdout, /built false[\s\S]*node 24/)
})

test('--matrix keeps the jobs with these values, and what waits for others does not wait', async () => {
  assert.deepEqual(await jobs('--matrix node=24'), ['build', 'unit-24', 'ship'])
  assert.deepEqual(await jobs('-j unit --matrix node=24'), ['unit-24'])
  const done = await run('--matrix node=22')
  assert.equal(done.code, 0, done.stderr)
  assert.match(done.stdout, /node 22/)
  assert.doesNotMatch(done.stdout, /node 24/)
  const none = await run('--list --matrix node=18')
  assert.equal(none.code, 5)
  assert.match(none.stderr, /no job has node=18 of a matrix; there are: 22, 24/)
  assert.equal((await run('--list --matrix node')).code, 2)
})

test('another event, branch or tag: filters follow it, jobs are told of it, and that is said', async () => {
  assert.deepEqual(await jobs('--event push -b next'), ['build', 'unit-22', 'unit-24'])
  assert.deepEqual(await jobs('--event push --ci-branch main'), ['build', 'unit-22', 'unit-24', 'ship'])
  const tagged = await run('ship --event push --tag v1.2')
  assert.match(tagged.stdout, /of v1\.2 /)
  assert.match(tagged.stderr, /^note: jobs are told of: push of tag v1\.2; the files are those here$/m)
  assert.doesNotMatch((await run('ship')).stderr, /jobs are told of/)
  assert.equal((await run('--list --tag v1 -b main')).code, 2)
  assert.equal((await run('--list --pull-request x')).code, 2)
  assert.equal((await run('--list --event nothing')).code, 2)
})

test('-W: another configuration; --graph and --plan show it, and start nothing', async () => {
  assert.match((await run('build -W other.yml')).stdout, /also built/)
  const none = await run('build -W none.yml')
  assert.deepEqual([none.code, none.stderr.includes('next:')], [5, false])
  assert.match(await shown('-g'), /^all\n[\s\S]*build[\s\S]*unit-22/)
  assert.match(await shown('--plan -W other.yml'), /also built/)
  const { plan } = JSON.parse(await shown('--plan --json -j build'))
  assert.deepEqual(
    plan.workflows.map(({ jobs }: { jobs: { name: string }[] }) => jobs.length),
    [1],
  )
})

test('--variable is -e, as elsewhere', async () => {
  const done = await run('build --variable FAKE_EXIT_CODE=3')
  assert.equal(done.code, 1)
  assert.equal((await run('build --variable FAKE_EXIT_CODE=3 -e FAKE_EXIT_CODE=0')).code, 0)
})
