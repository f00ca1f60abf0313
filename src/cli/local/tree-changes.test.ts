import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { watchTree } from './tree-changes.ts'

const never = new AbortController().signal
let top = ''
let root = ''
before(async () => {
  top = await mkdtemp(join(tmpdir(), 'mayfly-changes-'))
})
beforeEach(async () => {
  root = await mkdtemp(join(top, 'tree-'))
  await mkdir(join(root, 'src'))
  for (const name of ['a', 'src/b', 'ignored.log']) await writeFile(join(root, name), name)
})
after(() => rm(top, { recursive: true, force: true }))

const list = async (): Promise<readonly string[]> => {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.log'))
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Looks without a word of the kernel come too late to help. */
const watched = async ({ lookMs = 60_000, settleMaxMs = 60_000 } = {}) => {
  const changes = await watchTree(list, { settleMs: 30, settleMaxMs, lookMs })
  return {
    ...changes,
    next: async (signal = never) =>
      (await changes.next(signal))?.map((path) => relative(root, path)).toSorted() ?? null,
  }
}

test('changed, new and removed files are told, each once', async () => {
  const changes = await watched()
  await writeFile(join(root, 'a'), 'other')
  assert.deepEqual(await changes.next(), ['a'])
  await writeFile(join(root, 'src/c'), '')
  assert.deepEqual(await changes.next(), ['src/c'])
  await rm(join(root, 'src/b'))
  assert.deepEqual(await changes.next(), ['src/b'])
  changes.close()
})

test('what happened before it was asked for is told; what does not count is not', async () => {
  const changes = await watched()
  await writeFile(join(root, 'ignored.log'), 'more')
  await writeFile(join(root, 'a'), 'other')
  await new Promise((resolve) => setTimeout(resolve, 100))
  assert.deepEqual(await changes.next(), ['a'])
  await writeFile(join(root, 'ignored.log'), 'and more')
  assert.equal(await changes.next(AbortSignal.timeout(300)), null)
  changes.close()
})

test('files that change one after another are one answer', async () => {
  const changes = await watched()
  const answer = changes.next()
  for (const name of ['a', 'src/b', 'd', 'e']) {
    await writeFile(join(root, name), 'other')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.deepEqual(await answer, ['a', 'd', 'e', 'src/b'])
  changes.close()
})

test('a file that is written all the time is told, and holds nobody who wants to end', async (t) => {
  const [patient, changes] = [await watched(), await watched({ settleMaxMs: 300 })]
  let count = 0
  const writing = setInterval(() => void writeFile(join(root, 'a'), String(++count)), 10)
  t.after(() => clearInterval(writing))
  assert.deepEqual(await changes.next(), ['a'])
  const ended = new AbortController()
  const waits = patient.next(ended.signal)
  ended.abort()
  await waits
  for (const each of [patient, changes]) each.close()
})

test('a file in a directory that nobody watches yet is found by the next look', async () => {
  const changes = await watched({ lookMs: 20 })
  await mkdir(join(root, 'src/new'))
  assert.equal(await changes.next(AbortSignal.timeout(200)), null, 'an empty directory is no change')
  await writeFile(join(root, 'src/new/file'), '')
  assert.deepEqual(await changes.next(), ['src/new/file'])
  changes.close()
})

test('to close it ends a wait', async () => {
  const changes = await watched()
  const answer = changes.next()
  changes.close()
  assert.equal(await answer, null)
})
