// Archives of a job on their way out of its sandbox and into another: judged, written anew, compressed. The other way
// they are judged again: what was stored came from a sandbox, whoever signed it.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib'
import { type ArchiveLimits, archiveLimits } from '../limits.ts'
import { readTar, type TarItem } from './tar-read.ts'
import { createTarRules, refused, type TarEntry } from './tar-rules.ts'
import { writeTar } from './tar-write.ts'

export type OnEntry = (entry: TarEntry) => void

/** From the tar of a sandbox to what is stored. */
export const packArchive = (
  tar: AsyncIterable<Uint8Array>,
  onEntry: OnEntry = () => undefined,
  limits: ArchiveLimits = archiveLimits,
): AsyncIterable<Uint8Array> => {
  const meter = createMeter()
  const level = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
  return meter.packed(through(meter.raw(writeTar(observed(tar, onEntry, limits))), createZstdCompress(level)))
}

/** From what is stored to a tar for a sandbox. */
export const unpackArchive = (
  packed: AsyncIterable<Uint8Array>,
  onEntry: OnEntry = () => undefined,
  limits: ArchiveLimits = archiveLimits,
): AsyncIterable<Uint8Array> => {
  const meter = createMeter()
  return writeTar(observed(meter.raw(through(meter.packed(packed), createZstdDecompress())), onEntry, limits))
}

const observed = async function* (
  tar: AsyncIterable<Uint8Array>,
  onEntry: OnEntry,
  limits: ArchiveLimits,
): AsyncGenerator<TarItem> {
  for await (const item of readTar(tar, createTarRules(limits))) {
    if ('entry' in item) onEntry(item.entry)
    yield item
  }
}

/** Compares what goes in with what comes out. What could not be unpacked is not packed either. */
const createMeter = () => {
  const seen = { raw: 0, packed: 0 }
  const count = (side: 'raw' | 'packed') =>
    async function* (stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const bytes of stream) {
        seen[side] += bytes.length
        if (seen.raw > freeBytes && seen.raw > ratioMax * (seen.packed + slackBytes))
          throw refused(`it is compressed more than ${ratioMax} to 1`)
        yield bytes
      }
    }
  return { raw: count('raw'), packed: count('packed') }
}

const ratioMax = 200
const freeBytes = 64 * 1024 * 1024
/** What a compressor may hold back. */
const slackBytes = 256 * 1024

/** What goes in, transformed. */
export const through = (
  from: AsyncIterable<Uint8Array>,
  transform: ReturnType<typeof createZstdCompress> | ReturnType<typeof createZstdDecompress>,
): AsyncIterable<Uint8Array> => {
  const piped = pipeline(Readable.from(from, { objectMode: false }), transform)
  // A failure reaches whoever reads the transform; here it must not count as unhandled.
  piped.catch(() => undefined)
  return transform
}
