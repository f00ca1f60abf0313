// Artifacts: files for people. Each is compressed by itself, so that one can be had without the others; they lie one
// after another in a single object, and the list says where. A secret in one of them is told; the file stays as it is.
import { createHash, type Hash } from 'node:crypto'
import { posix } from 'node:path'
import { finished } from 'node:stream/promises'
import { constants, createZstdCompress, zstdCompressSync } from 'node:zlib'
import { plural } from '../../../base/plural.ts'
import type { PlanStoreArtifactsStep } from '../../../protocol/plan.ts'
import { type ArtifactEntry, artifactsPerObjectMax } from '../../../protocol/stored-wire.ts'
import { guestPath } from '../../guest-path.ts'
import { archiveLimits } from '../../limits.ts'
import { jobUser } from '../../sandbox-spec.ts'
import type { FileWatch } from '../../sink.ts'
import { fromSandbox, nothingThere, packOne } from '../../stores/cells.ts'
import { readTar } from '../../stores/tar-read.ts'
import { createTarRules, refused, type TarEntry } from '../../stores/tar-rules.ts'
import { done, type FilesAnswer, type FilesPlace, notKept, sizeText } from './place.ts'

export const storeArtifacts = async (
  step: PlanStoreArtifactsStep,
  place: FilesPlace,
  signal: AbortSignal,
): Promise<FilesAnswer> => {
  const path = guestPath(step.path, place.workdir, jobUser.home)
  if (path === '/') return { ok: false, message: 'the whole file system is no artifact' }
  const writing = await place.stores.begin({ kind: 'artifacts' }, signal)
  if ('why' in writing) return notKept(place, writing)
  const list = createList(step.destination ?? step.path, place.watch)
  const packed = await fromSandbox(
    place,
    packOne(path),
    (tar) => writing.put(packFiles(tar, list), signal),
    signal,
  )
  if (!packed.ok && packed.code === nothingThere) {
    await place.print(`there is no ${step.path}: nothing is stored`)
    return done
  }
  if (!packed.ok) return packed
  if (list.leftOut > 0) await place.print(`${list.leftOut} links are left out`)
  if (list.entries.length === 0) {
    await place.print('nothing to store')
    return done
  }
  await writing.finish({ entries: list.entries }, signal)
  const bytes = list.entries.reduce((sum, { size }) => sum + size, 0)
  await place.print(`stored ${plural(list.entries.length, 'file')}, ${sizeText(bytes)}`)
  return done
}

type List = {
  readonly entries: ArtifactEntry[]
  leftOut: number
  readonly nameOf: (entry: TarEntry) => string
  readonly watch: FilesPlace['watch']
}

const createList = (destination: string, watch: FilesPlace['watch']): List => {
  let isDirectory = false
  return {
    entries: [],
    leftOut: 0,
    watch,
    nameOf: ({ kind, path }) => {
      // The first entry of a directory is the directory itself.
      if (path === '' && kind === 'directory') isDirectory = true
      const own = Buffer.from(path, 'latin1')
        .toString('utf8')
        .replaceAll(/\p{Cc}/gu, '_')
      const name = inside(isDirectory ? `${destination}/${own}` : destination)
      // Of one file it is the name, unless it can only be that of a directory.
      return name === '' || name.endsWith('/') ? inside(`${destination}/${own}`) : name
    },
  }
}

/** A name for people and for a directory of theirs: relative, without a way out. */
const inside = (name: string): string => posix.normalize(`/${name}`).replace(/^\/+(~\/)?/, '')

export const packFiles = async function* (
  tar: AsyncIterable<Uint8Array>,
  list: List,
): AsyncGenerator<Uint8Array> {
  let open: OpenFile | null = null
  let offset = 0
  try {
    for await (const item of readTar(tar, createTarRules(archiveLimits))) {
      if ('entry' in item) {
        if (open !== null) offset += yield* finish(open, list)
        open = openFile(item.entry, list, offset)
        continue
      }
      if (open === null) continue
      open.hash.update(item.data)
      open.watch?.write(item.data)
      open.waiting.push(item.data)
      open.waitingBytes += item.data.length
      if (open.waitingBytes >= pieceBytes) yield* flush(open)
    }
    if (open !== null) yield* finish(open, list)
  } finally {
    open?.frame?.close()
  }
}

/** A file up to this size is compressed at once, a larger one in pieces of it. */
const pieceBytes = 256 * 1024

type OpenFile = Pick<ArtifactEntry, 'path' | 'size' | 'offset'> & {
  readonly hash: Hash
  readonly watch: FileWatch | undefined
  waiting: Uint8Array[]
  waitingBytes: number
  length: number
  frame: Frame | null
}

const openFile = (entry: TarEntry, list: List, offset: number): OpenFile | null => {
  const path = list.nameOf(entry)
  if (entry.kind === 'link') list.leftOut++
  if (entry.kind !== 'file') return null
  if (list.entries.length >= artifactsPerObjectMax) throw refused(`more than ${artifactsPerObjectMax} files`)
  const hash = createHash('sha256')
  const empty = { waiting: [], waitingBytes: 0, length: 0, frame: null }
  return { path, size: entry.size, offset, hash, watch: list.watch?.(), ...empty }
}

const flush = async function* (open: OpenFile): AsyncGenerator<Uint8Array> {
  open.frame ??= createFrame()
  yield* counted(open, await open.frame.write(taken(open)))
}

/** Returns how many bytes the file takes. An empty one is an empty frame. */
const finish = async function* (open: OpenFile, list: List): AsyncGenerator<Uint8Array, number> {
  const { frame } = open
  open.watch?.end()
  yield* counted(open, frame === null ? [zstdCompressSync(taken(open), level)] : await frame.end(taken(open)))
  const { path, size, offset, length, hash } = open
  list.entries.push({ path, size, sha256: hash.digest('hex'), offset, length })
  return length
}

const taken = (open: OpenFile): Buffer => {
  const bytes = Buffer.concat(open.waiting)
  open.waiting = []
  open.waitingBytes = 0
  return bytes
}

const counted = function* (open: OpenFile, pieces: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const piece of pieces) {
    open.length += piece.length
    yield piece
  }
}

type Frame = ReturnType<typeof createFrame>

/** One zstd frame, piece by piece: a reader of streams ends with its first frame, so a file is never two. */
const createFrame = () => {
  const compressor = createZstdCompress(level)
  let out: Uint8Array[] = []
  compressor.on('data', (bytes: Uint8Array) => out.push(bytes))
  const collected = () => {
    const pieces = out
    out = []
    return pieces
  }
  return {
    write: async (bytes: Uint8Array): Promise<readonly Uint8Array[]> => {
      await new Promise<void>((resolve, reject) =>
        compressor.write(bytes, (error) => (error ? reject(error) : resolve())),
      )
      return collected()
    },
    end: async (bytes: Uint8Array): Promise<readonly Uint8Array[]> => {
      compressor.end(bytes)
      await finished(compressor)
      return collected()
    },
    close: () => compressor.destroy(),
  }
}

const level = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
