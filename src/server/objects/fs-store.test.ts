import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { randomBytes, systemClock } from '../../sys/index.ts'
import { limits } from '../limits.ts'
import { openFsStore } from './fs-store.ts'

const open = async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mf-objects-'))
  after(() => rm(directory, { recursive: true, force: true }))
  const openAgain = () => openFsStore({ directory, randomBytes, clock: systemClock })
  return { incoming: join(directory, 'incoming'), store: await openAgain(), openAgain }
}
const key = `log/att_${'0'.repeat(26)}`

test('a server that starts takes nothing from an upload to another one below the same directory', async () => {
  const { incoming, store, openAgain } = await open()
  const half = Promise.withResolvers<void>()
  const rest = Promise.withResolvers<void>()
  const upload = async function* () {
    yield Buffer.from('one ')
    half.resolve()
    await rest.promise
    yield Buffer.from('two')
  }
  const stored = store.put(key, upload(), { bytesMax: 100 })
  await half.promise
  assert.equal((await readdir(incoming)).length, 1)
  const other = await openAgain()
  await other.tidy()
  rest.resolve()
  assert.equal(await stored, 7)
  assert.equal(Buffer.from(await other.read(key, { offset: 0, length: 7 })).toString(), 'one two')
  assert.deepEqual(await readdir(incoming), [])
})

test('what a crash left behind goes once nobody can be writing it, also when two servers see it at once', async () => {
  const { incoming, store, openAgain } = await open()
  const names = Array.from({ length: 20 }, (_, i) => `left-${i}`)
  for (const name of names) await writeFile(join(incoming, name), 'half of it')
  await store.tidy()
  assert.deepEqual((await readdir(incoming)).length, names.length)
  const then = (systemClock.now() - limits.abandonedUploadMs) / 1000 - 1
  for (const name of names) await utimes(join(incoming, name), then, then)
  await Promise.all([store.tidy(), (await openAgain()).tidy(), store.tidy()])
  assert.deepEqual(await readdir(incoming), [])
})
