// Chunks of a finished log from its MFB1 object: the index first, then only the chunks that are asked for.

import { fault } from '../../base/faults.ts'
import type { AttemptId } from '../../base/ids.ts'
import type { FollowerFrame } from '../../protocol/live.ts'
import {
  type LogIndexEntry,
  logChunkRawBytesMax,
  logFooterBytes,
  parseLogFooter,
  parseLogIndex,
} from '../../protocol/log-object.ts'
import { openBlob } from '../../seal/index.ts'
import type { ObjectStore } from '../objects/store.ts'
import { zstdToDeflate } from './stored-frames.ts'

export type PackedLog = {
  readonly attempt: AttemptId
  readonly objectKey: string
  readonly objectBytes: number
  readonly key: Uint8Array
}

/** A chunk whose frames a reader has seen in part comes whole: it may begin before `after`. */
export const readPackedFrames = async function* (
  objects: ObjectStore,
  log: PackedLog,
  wanted: { readonly after: number; readonly step?: number | undefined },
): AsyncGenerator<FollowerFrame> {
  const { attempt, objectKey, objectBytes, key } = log
  const blob = await openBlob({
    read: (offset, length) => objects.read(objectKey, { offset, length }),
    sizeBytes: objectBytes,
    keyFor: (keyId) => (keyId === attempt ? key : null),
    objectId: attempt,
  })
  for (const entry of await readIndex(blob)) {
    const isWanted = entry.seqTo > wanted.after && (wanted.step === undefined || entry.step === wanted.step)
    if (isWanted) yield await readChunk(blob, attempt, entry)
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

const readChunk = async (blob: Blob, attempt: AttemptId, entry: LogIndexEntry): Promise<FollowerFrame> => ({
  attempt,
  seq: entry.seqTo,
  step: entry.step,
  firstLine: entry.firstLine,
  lines: entry.lines,
  tMs: entry.tMs,
  deflated: await zstdToDeflate(await blob.read(entry.offset, entry.length), logChunkRawBytesMax),
})
