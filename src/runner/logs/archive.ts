// The finished log of an attempt as one object (protocol/log-object.ts): the frames of the live log, opened with the key
// this process still holds. Small ones are packed again per step, larger and tighter; full ones are chunks as they are.
import { createHash } from 'node:crypto'
import { type FileHandle, open as openFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { concatBytes } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import type { AttemptId } from '../../base/ids.ts'
import { type FrameHeader, frameRawBytesMax } from '../../protocol/frames.ts'
import {
  encodeLogIndex,
  type LogIndexEntry,
  type LogTime,
  logChunkRawBytesMax,
  logTimesMax,
} from '../../protocol/log-object.ts'
import { encryptBlob, type GcmOpen, openFrame } from '../../seal/index.ts'
import { sealingHere } from '../../sys/index.ts'
import { compressInlineBytes } from '../limits.ts'
import type { FileBody } from '../session/requests.ts'
import type { StoredFrame } from './frame-store.ts'
import { isStoredForm } from './framer.ts'
import { plainBytesOf, plainFrameBytes, zstdPlain } from './zstd.ts'

/** The MFB1 object, in pieces. */
export const packLog = (options: {
  readonly attempt: AttemptId
  readonly logKey: Uint8Array
  readonly openWith: GcmOpen
  readonly frames: AsyncIterable<StoredFrame>
  readonly lastSeq: number
}): AsyncIterable<Uint8Array> =>
  encryptBlob(plainLog(options), {
    key: options.logKey,
    keyId: options.attempt,
    objectId: options.attempt,
    here: sealingHere,
  })

type Chunk = {
  readonly header: FrameHeader
  readonly parts: Uint8Array[]
  rawBytes: number
  lines: number
  seqTo: number
  readonly times: Times
}

const plainLog = async function* (options: {
  readonly openWith: GcmOpen
  readonly frames: AsyncIterable<StoredFrame>
  readonly lastSeq: number
}): AsyncIterable<Uint8Array> {
  const open = new Map<number, Chunk>()
  const entries: LogIndexEntry[] = []
  let offset = 0
  const add = (chunk: Omit<Chunk, 'parts'>, bytes: Uint8Array): Uint8Array => {
    const { step, firstLine, tMs, seq: seqFrom } = chunk.header
    const { lines, rawBytes, seqTo } = chunk
    const times = chunk.times.flat(Math.max(timesMin, bytes.length / bytesPerTime))
    const entry = { step, firstLine, lines, offset, length: bytes.length, rawBytes, tMs, seqFrom, seqTo }
    entries.push(times.length === 0 ? entry : { ...entry, times })
    offset += bytes.length
    return bytes
  }
  const finish = async (chunk: Chunk): Promise<Uint8Array> => {
    open.delete(chunk.header.step)
    return add(chunk, await compress(Buffer.concat(chunk.parts)))
  }
  for await (const { bytes, rawBytes } of options.frames) {
    const opened = await openFrame(options.openWith, bytes)
    if (opened === null) throw fault('E_DEFECT', { detail: 'a frame of this attempt does not open' })
    const { header } = opened
    const isWhole = isStoredForm(rawBytes)
    const before = open.get(header.step)
    if (before !== undefined && (isWhole || before.rawBytes + rawBytes > logChunkRawBytesMax))
      yield await finish(before)
    if (isWhole) {
      const { lines, seq: seqTo } = header
      yield add({ header, rawBytes, lines, seqTo, times: createTimes() }, opened.compressed)
      continue
    }
    const raw = unpackSmall(opened.compressed)
    const chunk = open.get(header.step) ?? {
      ...{ header, parts: [], rawBytes: 0, lines: 0, seqTo: 0, times: createTimes() },
    }
    open.set(header.step, chunk)
    chunk.times.note({ bytes: chunk.rawBytes, lines: chunk.lines, ms: header.tMs - chunk.header.tMs })
    chunk.parts.push(raw)
    chunk.rawBytes += raw.length
    chunk.lines += header.lines
    chunk.seqTo = header.seq
  }
  for (const chunk of [...open.values()]) yield await finish(chunk)
  yield encodeLogIndex(entries, options.lastSeq)
}

/** When frames inside of a chunk came, a second apart; further when there are too many. */
type Times = { note(time: LogTime): void; flat(max: number): readonly number[] }

/** A time is some 16 bytes of the index: a few in a hundred of what is stored. */
const bytesPerTime = 400
const timesMin = 3

const createTimes = (): Times => {
  let kept: LogTime[] = []
  let apartMs = 1_000
  return {
    note: (time) => {
      if (time.bytes === 0 || time.ms - (kept.at(-1)?.ms ?? 0) < apartMs) return
      if (kept.length >= logTimesMax) {
        kept = everySecond(kept)
        apartMs *= 2
      }
      kept.push(time)
    },
    flat: (max) => {
      while (kept.length > max) kept = everySecond(kept)
      return kept.flatMap(({ bytes, lines, ms }) => [bytes, lines, ms])
    },
  }
}

const everySecond = (times: readonly LogTime[]) => times.filter((_, i) => i % 2 === 1)

/** In memory up to `memoryBytes`, then in a file: sealed as it will be stored. */
export const keepPacked = async (
  pieces: AsyncIterable<Uint8Array>,
  to: { readonly path: string; readonly memoryBytes: number },
): Promise<Uint8Array | FileBody> => {
  const memory: Uint8Array[] = []
  const hash = createHash('sha256')
  let sizeBytes = 0
  let file: FileHandle | null = null
  try {
    for await (const piece of pieces) {
      sizeBytes += piece.length
      hash.update(piece)
      if (file === null) memory.push(piece)
      else await file.appendFile(piece)
      if (file !== null || sizeBytes <= to.memoryBytes) continue
      file = await openFile(to.path, 'w', 0o600)
      for (const kept of memory.splice(0)) await file.appendFile(kept)
    }
  } finally {
    await file?.close()
  }
  return file === null
    ? concatBytes(memory)
    : { path: to.path, length: sizeBytes, sha256: hash.digest('base64url') }
}

/** Most are a line or two: to make a context and its tables costs more than everything else that is done with them. */
const unpackSmall = (frame: Uint8Array): Uint8Array =>
  plainBytesOf(frame) ?? zstdDecompressSync(frame, { maxOutputLength: frameRawBytesMax })

/** Small ones on the spot, others beside the event loop. */
const compress = (raw: Buffer): Promise<Uint8Array> | Uint8Array => {
  if (raw.length <= plainFrameBytes) return zstdPlain(raw)
  return raw.length < compressInlineBytes
    ? zstdCompressSync(raw, level3)
    : compressBeside(raw, { ...level3, chunkSize: logChunkRawBytesMax / 2 })
}

const compressBeside = promisify(zstdCompress)
const level3 = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }
