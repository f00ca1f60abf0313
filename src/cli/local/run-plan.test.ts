// What somebody is told who runs a job on a machine that fails it.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runCommand } from '../../../test/support/surroundings.ts'
import { type Fault, fault } from '../../base/faults.ts'
import { createFakeDriver } from '../../sandbox/drivers/fake/index.ts'
import { classes } from '../../sandbox/index.ts'
import { systemClock } from '../../sys/index.ts'
import type { LocalSandboxes } from '../surroundings.ts'

let root = ''
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-run-plan-'))
  await mkdir(join(root, '.circleci'))
  await writeFile(
    join(root, '.circleci/config.yml'),
    'version: 2.1\njobs: {a: {docker: [{image: x}], steps: [{run: make}]}}\nworkflows: {w: {jobs: [a]}}\n',
  )
})
after(() => rm(root, { recursive: true, force: true }))

const refusing = (error: Fault) => async (): Promise<LocalSandboxes> => {
  const driver = createFakeDriver({ clock: systemClock })
  const open = () => Promise.reject(error)
  return {
    ...{ driver: { ...driver, open }, classLimits: () => classes.tiny.limits },
    ...{ privateRanges: [], egressDefault: 'open', close: () => driver.close() },
  }
}

test('whoever runs here is told what an operator would look up in the log of a runner', async () => {
  const sandboxes = refusing(fault('E_EXEC_FAILED', { detail: 'bwrap: Out of memory' }))
  const { code, stderr } = await runCommand(['run'], { cwd: root, sandboxes })
  assert.equal(code, 1)
  const told = stderr.split('\n').filter((line) => line.startsWith('note: attempt broke'))
  // It is tried once more.
  assert.deepEqual(told, Array(2).fill('note: attempt broke: E_EXEC_FAILED: bwrap: Out of memory'))
  assert.match(stderr, /^again: mayfly run -j a$/m, 'also of what did not fail by itself')
})

test('what is said to everybody is not said twice', async () => {
  const sandboxes = refusing(fault('E_SANDBOX_UNAVAILABLE', { public: 'There is no room.' }))
  const { code, stderr } = await runCommand(['run'], { cwd: root, sandboxes })
  assert.equal(code, 1)
  assert.match(stderr, /^note: a: There is no room\.$/m)
  assert.doesNotMatch(stderr, /attempt broke/)
})

test('the line that repeats a failed job is one word of a shell for its name, whoever chose that', async () => {
  const tree = join(root, 'named')
  await mkdir(join(tree, '.circleci'), { recursive: true })
  await writeFile(
    join(tree, '.circleci/config.yml'),
    `version: 2.1\njobs: {"it's; echo x": {docker: [{image: x}], environment: {FAKE_EXIT_CODE: 1}, steps: [{run: make}]}}\nworkflows: {w: {jobs: ["it's; echo x"]}}\n`,
  )
  const driver = createFakeDriver({ clock: systemClock })
  const sandboxes = async (): Promise<LocalSandboxes> => ({
    ...{ driver, classLimits: () => classes.tiny.limits },
    ...{ privateRanges: [], egressDefault: 'open', close: () => driver.close() },
  })
  const { stderr } = await runCommand(['run'], { cwd: tree, sandboxes })
  assert.match(stderr, /^again: mayfly run -j 'it'\\''s; echo x'$/m)
})

test('the line that repeats a failed job names its workflow where another one has a job of that name', async () => {
  const tree = join(root, 'again')
  await mkdir(join(tree, '.circleci'), { recursive: true })
  const job = (code: number) =>
    `{docker: [{image: x}], environment: {FAKE_EXIT_CODE: ${code}}, steps: [{run: make}]}`
  await writeFile(
    join(tree, '.circleci/config.yml'),
    `version: 2.1\njobs: {good: ${job(0)}, bad: ${job(1)}}\nworkflows: {one: {jobs: [{good: {name: t}}]}, "two of them": {jobs: [{bad: {name: t}}]}}\n`,
  )
  const driver = createFakeDriver({ clock: systemClock })
  const sandboxes = async (): Promise<LocalSandboxes> => ({
    ...{ driver, classLimits: () => classes.tiny.limits },
    ...{ privateRanges: [], egressDefault: 'open', close: () => driver.close() },
  })
  const { stderr } = await runCommand(['run'], { cwd: tree, sandboxes })
  assert.match(stderr, /^again: mayfly run 'two of them' -j t$/m)
  const again = await runCommand(['run', 'two of them', '-j', 't'], { cwd: tree, sandboxes })
  assert.equal(again.code, 1, again.stderr)
})

test('jobs of two workflows that are called the same are told apart', async () => {
  const tree = join(root, 'twice')
  await mkdir(join(tree, '.circleci'), { recursive: true })
  await writeFile(
    join(tree, '.circleci/config.yml'),
    'version: 2.1\njobs: {a: {docker: [{image: x}], steps: [{run: make}]}, b: {docker: [{image: x}], steps: [{run: make}]}}\nworkflows: {one: {jobs: [a, b]}, two: {jobs: [a]}}\n',
  )
  const driver = createFakeDriver({ clock: systemClock })
  const sandboxes = async (): Promise<LocalSandboxes> => ({
    ...{ driver, classLimits: () => classes.tiny.limits },
    ...{ privateRanges: [], egressDefault: 'open', close: () => driver.close() },
  })
  const { stdout, stderr } = await runCommand(['run', '--json'], { cwd: tree, sandboxes })
  const { jobs } = JSON.parse(stdout) as { readonly jobs: readonly { readonly name: string }[] }
  // Artifacts of a job lie in a directory of its name.
  assert.deepEqual(
    jobs.map(({ name }) => name),
    ['one/a', 'b', 'two/a'],
    stderr,
  )
})
