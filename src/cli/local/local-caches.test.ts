// Which caches of this machine stay.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createLocalCaches } from './local-caches.ts'

const home = mkdtempSync(join(tmpdir(), 'mayfly-caches-'))
after(() => rmSync(home, { recursive: true }))

const dayMs = 86_400_000
const content = join(home, 'content')
writeFileSync(content, 'x'.repeat(1_000))
const keysOf = async (caches: ReturnType<typeof createLocalCaches>, keys: readonly string[]) => {
  const there = await Promise.all(keys.map((key) => caches.has(key)))
  return keys.filter((_, at) => there[at])
}
const age = (directory: string, days: number) => {
  for (const name of readdirSync(directory)) {
    const at = (Date.now() - days * dayMs) / 1000
    utimesSync(join(directory, name), at, at)
  }
}

test('what no run has wanted for long goes, what was restored stays', async () => {
  const directory = join(home, 'old')
  const caches = createLocalCaches(directory, { bytes: 1e9, unusedMs: 30 * dayMs })
  await caches.keep('deps-1', content)
  await caches.keep('commit-1', content)
  age(directory, 31)
  assert.equal((await caches.find(['deps-'])).length, 1)
  await caches.keep('commit-2', content)
  assert.deepEqual(await keysOf(caches, ['deps-1', 'commit-1', 'commit-2']), ['deps-1', 'commit-2'])
})

test('all together have a bound, and one that is larger by itself stays until the next', async () => {
  const directory = join(home, 'large')
  const caches = createLocalCaches(directory, { bytes: 2_500, unusedMs: dayMs })
  for (const key of ['a', 'b', 'c']) {
    await caches.keep(key, content)
    age(directory, 0.1)
  }
  assert.equal((await keysOf(caches, ['a', 'b', 'c'])).length, 2)
  assert.deepEqual(await keysOf(caches, ['c']), ['c'])
  const small = createLocalCaches(directory, { bytes: 10, unusedMs: dayMs })
  await small.keep('d', content)
  assert.deepEqual(await keysOf(small, ['a', 'b', 'c', 'd']), ['d'])
  assert.equal(readdirSync(directory).length, 2)
})
