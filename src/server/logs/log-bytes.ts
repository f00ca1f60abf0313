// Any part of a finished log as the job wrote it. Its index tells how long each chunk is, so only chunks that hold some of the part
// are opened.
import type { LogIndexEntry } from '../../protocol/log-object.ts'
import type { LogBytes } from '../log-use-cases.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { OpenedLog } from './log-texts.ts'
import { openPackedText } from './packed-frames.ts'

/** Of one step, when it is named. null: it is not packed yet. */
export const openLogBytes = async (
  objects: ObjectStore,
  { log, key }: OpenedLog,
  step: number | undefined,
): Promise<LogBytes | null> => {
  const { attempt, packed } = log
  if (!log.isComplete || packed === null) return null
  const opened = await openPackedText(objects, { attempt, packed, key })
  const entries = opened.entries.filter((entry) => step === undefined || entry.step === step)
  return {
    total: entries.reduce((sum, { rawBytes }) => sum + rawBytes, 0),
    // An object of an attempt is written once; its length tells one from what a runner sent again before the end.
    etag: `"${attempt}.${packed.bytes}${step === undefined ? '' : `.${step}`}"`,
    read: (first, last) => readPart(entries, opened.text, { first, last }),
  }
}

const readPart = async function* (
  entries: readonly LogIndexEntry[],
  textOf: (entry: LogIndexEntry) => Promise<Buffer>,
  { first, last }: { readonly first: number; readonly last: number },
): AsyncGenerator<Uint8Array> {
  let at = 0
  for (const entry of entries) {
    const start = at
    at += entry.rawBytes
    if (at <= first) continue
    if (start > last) return
    const text = await textOf(entry)
    yield text.subarray(Math.max(0, first - start), Math.min(text.length, last + 1 - start))
  }
}
