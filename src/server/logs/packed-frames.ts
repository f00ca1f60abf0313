// Chunks of a finished log from its MFB1 object: the index first, then only the chunks that are asked for.
import { promisify } from 'node:util'
import { constants, deflateRawSync, zstdDecompress } from 'node:zlib'
import { fault } from '../../base/faults.ts'
import type { AttemptId } from '../../base/ids.ts'
import type { FrameCodec } from '../../protocol/frames.ts'
import type { FollowerFrame } from '../../protocol/live.ts'
import {
  type LogIndexEntry,
  logChunkRawBytesMax,
  logFooterBytes,
  parseLogFooter,
  parseLogIndex,
  timesOf,
} from '../../protocol/log-object.ts'
import { openBlob } from '../../seal/index.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { PackedObject } from './find.ts'
import { zstdToDeflate } from './stored-frames.ts'

export type PackedLog = {
  readonly attempt: AttemptId
  readonly packed: PackedObject
  readonly key: Uint8Array
}

/** `after` and `until` are numbers of frames: whoever has seen `after` of them wants none above `until`. */
export type WantedFrames = {
  readonly after: number
  readonly until?: number | undefined
  readonly step?: number | undefined
  readonly codec: FrameCodec
}

/** A chunk whose frames a reader has seen in part comes whole: it may begin before `after`, and end behind `until`. */
export const readPackedFrames = async function* (
  objects: ObjectStore,
  log: PackedLog,
  { after, until = Number.POSITIVE_INFINITY, step, codec }: WantedFrames,
): AsyncGenerator<FollowerFrame> {
  const packed = await openPacked(objects, log)
  for (const entry of packed.entries) {
    const isWanted =
      entry.seqTo > after && entry.seqFrom <= until && (step === undefined || entry.step === step)
    if (!isWanted) continue
    const compressed = await packed.compressed(entry)
    yield* toFrames(log.attempt, entry, { compressed, codec })
  }
}

/** What is in the log, and the text of each chunk as the job wrote it. */
export const openPackedText = async (objects: ObjectStore, log: PackedLog) => {
  const { entries, compressed } = await openPacked(objects, log)
  return {
    entries,
    text: async (entry: LogIndexEntry): Promise<Buffer> =>
      inflate(await compressed(entry), { maxOutputLength: logChunkRawBytesMax }),
  }
}

const inflate = promisify(zstdDecompress)

const openPacked = async (objects: ObjectStore, log: PackedLog) => {
  const { attempt, packed, key } = log
  const blob = await openBlob({
    read: async (offset, length) =>
      packed.body === null
        ? objects.read(packed.objectKey, { offset, length })
        : packed.body.subarray(offset, offset + length),
    sizeBytes: packed.bytes,
    keyFor: (keyId) => (keyId === attempt ? key : null),
    objectId: attempt,
  })
  return {
    entries: await readIndex(blob),
    compressed: ({ offset, length }: LogIndexEntry) => blob.read(offset, length),
  }
}

type Blob = Awaited<ReturnType<typeof openBlob>>

const readIndex = async (blob: Blob): Promise<readonly LogIndexEntry[]> => {
  const footerAt = blob.plainBytes - logFooterBytes
  const footer = footerAt < 0 ? null : parseLogFooter(await blob.read(footerAt, logFooterBytes))
  const indexAt = footer === null ? -1 : footerAt - footer.indexBytes
  if (footer === null || indexAt < 0) throw fault('E_OBJECT_TAMPERED', { detail: 'a log without its index' })
  const index = parseLogIndex(await blob.read(indexAt, footer.indexBytes))
  if (!index.ok) throw fault('E_OBJECT_TAMPERED', { detail: `log index: ${index.problems[0]?.message}` })
  return index.value
}

/** A chunk as one frame, as it is for who takes that, or as one for each time that is told of it: a reader knows when its lines were written. */
const toFrames = async function* (
  attempt: AttemptId,
  entry: LogIndexEntry,
  { compressed, codec }: { readonly compressed: Uint8Array; readonly codec: FrameCodec },
): AsyncGenerator<FollowerFrame> {
  const { step, tMs, seqTo: seq } = entry
  const times = timesOf(entry) ?? []
  if (times.length === 0) {
    const { firstLine, lines } = entry
    const body = codec === 'zstd' ? compressed : await zstdToDeflate(compressed, logChunkRawBytesMax)
    return yield { attempt, seq, step, firstLine, lines, tMs, codec, body }
  }
  const raw = await inflate(compressed, { maxOutputLength: logChunkRawBytesMax })
  const starts = [{ bytes: 0, lines: 0, ms: 0 }, ...times]
  for (const [i, start] of starts.entries()) {
    const end = starts[i + 1] ?? { bytes: raw.length, lines: entry.lines }
    yield {
      ...{ attempt, step, tMs: tMs + start.ms },
      // Frames of their own numbers: there were at least as many.
      seq: seq - (starts.length - 1 - i),
      firstLine: entry.firstLine + start.lines,
      lines: end.lines - start.lines,
      codec: 'deflate-raw',
      body: deflateRawSync(raw.subarray(start.bytes, end.bytes), { level: constants.Z_BEST_SPEED }),
    }
  }
}
