// zstd frames one after another by one context, beside the event loop. A context takes megabytes: one for each frame is what
// a garbage collector is busy with, and it cost more than the compression.
import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib'
import { concatBytes } from '../../base/bytes.ts'
import { compressWindowLog } from '../limits.ts'

export interface Zstd {
  /** One whole frame. Those asked for meanwhile follow in their order. */
  compress(raw: Uint8Array): Promise<Uint8Array>
  close(): void
}

/** What comes out in smaller pieces goes to the other thread and back for each of them. */
const chunkSize = 128 * 1024

/**
 * What zstd itself chooses at these levels for a text of unknown length. What is written ends its frame at once, so zstd knows
 * how long it is, and would choose tables that are slower and find less.
 */
const tables: Readonly<Record<ZstdLevel, Readonly<Record<number, number>>>> = {
  1: {
    [constants.ZSTD_c_hashLog]: 14,
    [constants.ZSTD_c_chainLog]: 13,
    [constants.ZSTD_c_minMatch]: 7,
    [constants.ZSTD_c_strategy]: constants.ZSTD_fast,
  },
  3: {
    [constants.ZSTD_c_hashLog]: 17,
    [constants.ZSTD_c_chainLog]: 16,
    [constants.ZSTD_c_minMatch]: 5,
    [constants.ZSTD_c_strategy]: constants.ZSTD_dfast,
  },
}

export type ZstdLevel = 1 | 3

export const createZstd = (level: ZstdLevel): Zstd => {
  const { ZSTD_c_compressionLevel, ZSTD_c_windowLog, ZSTD_e_end } = constants
  const params = {
    ...{ [ZSTD_c_compressionLevel]: level, [ZSTD_c_windowLog]: compressWindowLog },
    ...tables[level],
  }
  let stream: ZstdCompress | null = null
  const parts: Uint8Array[] = []
  let last: Promise<unknown> = Promise.resolve()
  const open = (): ZstdCompress => {
    // The end of the frame goes to the other thread with its bytes, not behind them.
    stream ??= createZstdCompress({ params, chunkSize, flush: ZSTD_e_end }).on('data', (part: Buffer) =>
      parts.push(part),
    )
    return stream
  }
  const compressNext = (raw: Uint8Array): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      const context = open()
      context.once('error', reject)
      context.write(raw, (error?: Error | null) => {
        context.off('error', reject)
        // A context that broke gives no frame any more.
        if (error) reject(error)
        else resolve(concatBytes(parts.splice(0)))
      })
    })
  return {
    compress: (raw) => {
      const result = last.then(() => compressNext(raw))
      last = result.catch(() => undefined)
      return result
    },
    close: () => {
      stream?.close()
      stream = null
    },
  }
}

/** Up to here a frame that packs nothing is as good. */
export const plainFrameBytes = 255

const plainHeader = [0x28, 0xb5, 0x2f, 0xfd]
const singleSegment = 0x20
const lastRawBlock = 0x01

/** A whole frame that holds the bytes as they are (RFC 8878 §3.1.1): a first line waits for no tables to be made. */
export const zstdPlain = (raw: Uint8Array): Uint8Array => {
  if (raw.length > plainFrameBytes) throw new RangeError('a plain frame of a few lines')
  return concatBytes([Uint8Array.from(headOf(raw.length)), raw])
}

/** What a frame of `zstdPlain` holds, without a context; null: it is another frame. */
export const plainBytesOf = (frame: Uint8Array): Uint8Array | null => {
  const raw = frame.subarray(plainHeadBytes)
  if (raw.length > plainFrameBytes) return null
  return headOf(raw.length).every((byte, i) => frame[i] === byte) ? raw : null
}

const plainHeadBytes = 9
const headOf = (length: number): readonly number[] => {
  const block = (length << 3) | lastRawBlock
  return [...plainHeader, singleSegment, length, block & 0xff, block >> 8, 0]
}
