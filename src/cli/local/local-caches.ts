// Caches of `mayfly run --cache`, for one work tree: a file of its key's digest, with the key beside it. Those that no run has wanted for
// long go, and the ones wanted longest ago where all together are too large: keys with a commit or a time in them never come again.
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { object, parseShape, text } from '../../base/shape.ts'
import type { Restorable } from '../../runner/index.ts'

export type LocalCaches = {
  has(key: string): Promise<boolean>
  /** A file with what is to be kept under a key. */
  keep(key: string, path: string): Promise<void>
  /** Of the first key that one begins with the newest. */
  find(keys: readonly string[]): Promise<readonly Restorable[]>
}

type Room = { readonly bytes: number; readonly unusedMs: number }
const room: Room = { bytes: 10 * 1024 ** 3, unusedMs: 30 * 86_400_000 }

export const createLocalCaches = (directory: string, { bytes, unusedMs }: Room = room): LocalCaches => ({
  has: async (key) => (await listCaches(directory)).some((cache) => cache.key === key),
  keep: async (key, from) => {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const path = join(directory, createHash('sha256').update(key).digest('hex'))
    // A name of its own: another job, or another run, may keep the same key at this moment.
    const half = `${path}.${randomUUID()}.new`
    try {
      await pipeline(createReadStream(from), createWriteStream(half, { mode: 0o600 }))
      await rename(half, path)
    } finally {
      await rm(half, { force: true })
    }
    const savedAt = new Date().toISOString()
    await writeFile(path + aboutSuffix, JSON.stringify({ key, savedAt }), { mode: 0o600 })
    await makeRoom(directory, { bytes, unusedMs })
  },
  find: async (keys) => {
    const caches = await listCaches(directory)
    for (const key of keys) {
      const found = caches.find((cache) => cache.key.startsWith(key))
      if (found === undefined) continue
      // Wanted now, so it stays; another run may have made room a moment before.
      const now = new Date()
      const isThere = await utimes(found.path, now, now).then(
        () => true,
        () => false,
      )
      if (!isThere) continue
      return [{ key: found.key, from: 'this machine', after: [], read: () => createReadStream(found.path) }]
    }
    return []
  },
})

const about = object({ key: text({ max: 900 }), savedAt: text({ max: 40 }) })
const aboutSuffix = '.json'

/** Newest first. */
const listCaches = async (directory: string) => {
  const names = await readdir(directory).catch(() => [])
  const caches = await Promise.all(
    names
      .filter((name) => name.endsWith(aboutSuffix))
      .map(async (name) => {
        const path = join(directory, name.slice(0, -aboutSuffix.length))
        // Another run may have made room meanwhile.
        const parsed = parseShape(
          about,
          parseJson(await readFile(path + aboutSuffix, 'utf8').catch(() => '')),
        )
        const facts = await stat(path).catch(() => null)
        return parsed.ok && facts !== null ? [{ ...parsed.value, path, facts }] : []
      }),
  )
  return caches.flat().sort((a, b) => b.savedAt.localeCompare(a.savedAt))
}

const makeRoom = async (directory: string, { bytes, unusedMs }: Room): Promise<void> => {
  const caches = (await listCaches(directory)).sort((a, b) => b.facts.mtimeMs - a.facts.mtimeMs)
  let sum = 0
  for (const [at, { path, facts }] of caches.entries()) {
    sum += facts.size
    // The last one that was wanted stays, however large it is.
    if (at === 0 || (sum <= bytes && Date.now() - facts.mtimeMs <= unusedMs)) continue
    for (const file of [path + aboutSuffix, path]) await rm(file, { force: true })
  }
}

const parseJson = (content: string): unknown => {
  try {
    return JSON.parse(content)
  } catch {
    return null
  }
}
