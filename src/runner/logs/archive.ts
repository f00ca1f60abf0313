// The finished log of an attempt as one object (protocol/log-object.ts): the small frames of the live log, opened with
// the key this process still holds and packed again per step, larger and tighter.
import { appendFile, readFile, rm } from 'node:fs/promises'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { concatBytes } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import type { AttemptId } from '../../base/ids.ts'
import { type FrameHeader, frameRawBytesMax } from '../../protocol/frames.ts'
import { encodeLogIndex, type LogIndexEntry, logChunkRawBytesMax } from '../../protocol/log-object.ts'
import { type CryptoKey, encryptBlob, openFrame } from '../../seal/index.ts'
import { archiveMemoryBytes } from '../limits.ts'

export interface FrameStore {
  add(frame: Uint8Array): void
  /** In the order of `add`. */
  frames(): AsyncIterable<Uint8Array>
  close(): Promise<void>
}

/** Sealed frames in memory, and beyond a bound in a file: what is on disk is as sealed as on the wire. */
export const createFrameStore = (path: string): FrameStore => {
  let memory: Uint8Array[] = []
  let bytes = 0
  let onDisk = false
  let written: Promise<void> = Promise.resolve()
  const spill = () => {
    const batch = concatBytes(memory.flatMap((frame) => [lengthOf(frame), frame]))
    memory = []
    bytes = 0
    onDisk = true
    written = written.then(() => appendFile(path, batch, { mode: 0o600 }))
    written.catch(() => undefined)
  }
  return {
    add: (frame) => {
      memory.push(frame)
      bytes += frame.length
      if (bytes > archiveMemoryBytes) spill()
    },
    frames: async function* () {
      await written
      if (onDisk) yield* splitFrames(await readFile(path))
      yield* memory
    },
    close: async () => {
      memory = []
      await written.catch(() => undefined)
      if (onDisk) await rm(path, { force: true })
    },
  }
}

const lengthOf = (frame: Uint8Array): Uint8Array => {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, frame.length)
  return length
}

const splitFrames = function* (file: Buffer): Iterable<Uint8Array> {
  for (let at = 0; at < file.length; ) {
    const end = at + 4 + file.readUInt32BE(at)
    yield file.subarray(at + 4, end)
    at = end
  }
}

/** The MFB1 object, in pieces. */
export const packLog = (options: {
  readonly attempt: AttemptId
  readonly logKey: Uint8Array
  readonly frameKey: CryptoKey
  readonly frames: AsyncIterable<Uint8Array>
  readonly lastSeq: number
}): AsyncIterable<Uint8Array> =>
  encryptBlob(plainLog(options), {
    key: options.logKey,
    keyId: options.attempt,
    objectId: options.attempt,
  })

type Chunk = {
  readonly header: FrameHeader
  readonly parts: Buffer[]
  rawBytes: number
  lines: number
  seqTo: number
}

const plainLog = async function* (options: {
  readonly frameKey: CryptoKey
  readonly frames: AsyncIterable<Uint8Array>
  readonly lastSeq: number
}): AsyncIterable<Uint8Array> {
  const open = new Map<number, Chunk>()
  const entries: LogIndexEntry[] = []
  let offset = 0
  const finish = (chunk: Chunk): Uint8Array => {
    const bytes = zstdCompressSync(Buffer.concat(chunk.parts), level3)
    const { step, firstLine, tMs, seq: seqFrom } = chunk.header
    const { lines, rawBytes, seqTo } = chunk
    entries.push({ step, firstLine, lines, offset, length: bytes.length, rawBytes, tMs, seqFrom, seqTo })
    offset += bytes.length
    open.delete(step)
    return bytes
  }
  for await (const frame of options.frames) {
    const opened = await openFrame(options.frameKey, frame)
    if (opened === null) throw fault('E_DEFECT', { detail: 'a frame of this attempt does not open' })
    const { header } = opened
    const raw = zstdDecompressSync(opened.compressed, { maxOutputLength: frameRawBytesMax })
    const before = open.get(header.step)
    if (before !== undefined && before.rawBytes + raw.length > logChunkRawBytesMax) yield finish(before)
    const chunk = open.get(header.step) ?? { header, parts: [], rawBytes: 0, lines: 0, seqTo: 0 }
    open.set(header.step, chunk)
    chunk.parts.push(raw)
    chunk.rawBytes += raw.length
    chunk.lines += header.lines
    chunk.seqTo = header.seq
  }
  for (const chunk of [...open.values()]) yield finish(chunk)
  yield encodeLogIndex(entries, options.lastSeq)
}

const level3 = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }
