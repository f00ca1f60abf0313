// The object store as files below one directory, owned by the server's user. Written to a temporary name, synced,
// renamed: a crash leaves the old object, the new one, or a temporary file that is removed when nobody can be writing it any
// more. Other servers may write below the same directory (docs/decisions/0085).
import { open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { toHex } from '../../base/bytes.ts'
import type { Clock, RandomBytes } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { ensureDirectory, isDiskFull, resolveInside, syncDirectory } from '../../sys/index.ts'
import { limits } from '../limits.ts'
import type { ObjectStore } from './store.ts'

const temporaryDirectory = 'incoming'

/** Makes the directory. */
export const openFsStore = async (options: {
  readonly directory: string
  readonly randomBytes: RandomBytes
  readonly clock: Clock
}): Promise<ObjectStore> => {
  const incoming = join(options.directory, temporaryDirectory)
  await ensureDirectory(incoming)
  const older = (path: string, { ageMs, after }: { readonly ageMs: number; readonly after: number }) =>
    unlinkBetween(path, { after, before: options.clock.now() - ageMs })
  return {
    put: async (key, content, { bytesMax }) => {
      const path = pathOf(options.directory, key)
      const temporary = join(incoming, toHex(options.randomBytes(16)))
      try {
        const size = await writeStream(temporary, content, bytesMax)
        await moveTo(path, temporary)
        await syncDirectory(dirname(path))
        return size
      } catch (error) {
        await unlink(temporary).catch(() => undefined)
        throw isDiskFull(error) ? fault('E_DISK_FULL', { cause: error }) : error
      }
    },
    read: (key, range) => readRange(pathOf(options.directory, key), range),
    delete: (key) => unlinkIfThere(pathOf(options.directory, key)),
    deleteOlder: (key, than) => older(pathOf(options.directory, key), than),
    someKeys: createRound(options),
    tidy: async () => {
      for (const name of await readdir(incoming))
        await older(join(incoming, name), { ageMs: limits.abandonedUploadMs, after: 0 })
    },
  }
}

/** By another server perhaps, in this very moment. */
const unlinkIfThere = async (path: string): Promise<void> => {
  await unlink(path).catch((error: unknown) => {
    if (!isMissing(error)) throw error
  })
}

const unlinkBetween = async (
  path: string,
  { after, before }: { readonly after: number; readonly before: number },
): Promise<void> => {
  const mtimeMs = await stat(path).then(
    (entry) => entry.mtimeMs,
    (error: unknown) => {
      if (!isMissing(error)) throw error
      return null
    },
  )
  if (mtimeMs !== null && mtimeMs >= after && mtimeMs < before) await unlinkIfThere(path)
}

/** From a random place on, so that a server that often starts anew does not see the first of them alone. */
const createRound = ({ directory, randomBytes }: { directory: string; randomBytes: RandomBytes }) => {
  let left: string[] | null = null
  return async (): Promise<readonly string[]> => {
    if (left === null) {
      const places = await placesIn(directory)
      const at = new DataView(randomBytes(4).buffer).getUint32(0) % Math.max(1, places.length)
      left = [...places.slice(at), ...places.slice(0, at)]
    } else if (left.length === 0) left = await placesIn(directory)
    const keys: string[] = []
    for (const place of left.splice(0, limits.objectPlacesAtOnce))
      for (const name of await namesIn(join(directory, place))) keys.push(`${dirname(place)}/${name}`)
    return keys.filter((key) => keyForm.test(key))
  }
}

/** `kind/two characters`. */
const placesIn = async (directory: string): Promise<string[]> => {
  const kinds = (await namesIn(directory)).filter((name) => name !== temporaryDirectory)
  const found = await Promise.all(
    kinds.map(async (kind) => (await namesIn(join(directory, kind))).map((part) => `${kind}/${part}`)),
  )
  return found.flat()
}

const namesIn = (directory: string): Promise<string[]> =>
  readdir(directory).catch((error: unknown) => {
    if (isMissing(error) || codeOf(error) === 'ENOTDIR') return []
    throw error
  })

const keyForm = /^([a-z]+)\/([a-z]+_[0-9a-v]{26})$/

/** Keys are `kind/id`; two characters of the id spread a million objects over directories. */
const pathOf = (directory: string, key: string): string => {
  const match = keyForm.exec(key)
  const path =
    match === null ? null : resolveInside(directory, `${match[1]}/${match[2]?.slice(-2)}/${match[2]}`)
  if (path === null) throw new RangeError('not an object key')
  return path
}

/** The directory is there from an earlier object, nearly always. */
const moveTo = async (path: string, temporary: string): Promise<void> => {
  try {
    await rename(temporary, path)
  } catch (error) {
    if (!isMissing(error)) throw error
    await ensureDirectory(dirname(path))
    await syncDirectory(dirname(dirname(path)))
    await rename(temporary, path)
  }
}

const writeStream = async (
  path: string,
  content: AsyncIterable<Uint8Array>,
  bytesMax: number,
): Promise<number> => {
  const file = await open(path, 'wx', 0o600)
  try {
    let size = 0
    for await (const chunk of content) {
      size += chunk.length
      if (size > bytesMax) throw fault('E_TOO_LARGE')
      await file.appendFile(chunk)
    }
    await file.sync()
    return size
  } finally {
    await file.close()
  }
}

const readRange = async (
  path: string,
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<Uint8Array> => {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw fault('E_OBJECT_MISSING', { detail: path, cause })
  })
  try {
    const buffer = Buffer.alloc(length)
    let filled = 0
    while (filled < length) {
      const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled)
      if (bytesRead === 0) throw fault('E_OBJECT_MISSING', { detail: `${path} is shorter than expected` })
      filled += bytesRead
    }
    return buffer
  } finally {
    await file.close()
  }
}

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : null
const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT'
