// The log that came along with a `finish`: its object into the store, and the parts of the statement that record object and
// frames. What is durable already is skipped, what leaves a gap is not taken, as with frames that come alone.
import { type RawBuilder, sql } from 'kysely'
import type { AttemptId } from '../../base/ids.ts'
import type { FinishBody } from '../../protocol/finish-body.ts'
import type { ParsedFrameItem } from '../../protocol/frames.ts'
import { limits } from '../limits.ts'
import { logObjectKey } from '../logs/object-key.ts'
import type { ObjectStore } from '../objects/store.ts'

export type BundledLog = {
  /** null: `body` goes into the row. */
  readonly objectKey: string | null
  readonly body: Buffer | null
  readonly sizeBytes: number
  /** Waited for before the commit that tells of it. */
  readonly stored: Promise<unknown>
}

/** Begins to store one that is not small: an object of an attempt that is not ours to end is never read. */
export const putBundledLog = (
  objects: ObjectStore,
  attempt: AttemptId,
  { log }: FinishBody,
): BundledLog | null => {
  if (log === null) return null
  if (log.length <= limits.logInRowBytesMax) {
    const body = Buffer.from(log.buffer, log.byteOffset, log.length)
    return { objectKey: null, body, sizeBytes: log.length, stored: Promise.resolve() }
  }
  const objectKey = logObjectKey(attempt)
  const stored = objects.put(objectKey, once(log), { bytesMax: limits.logObjectBytesMax })
  // Whoever waits for it hears of it; there is nobody when the end is refused before.
  stored.catch(() => undefined)
  return { objectKey, body: null, sizeBytes: log.length, stored }
}

const once = async function* (bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

export type LogBrought = {
  /** Of the attempt afterwards. */
  readonly lastSeq: number
  readonly key: Buffer | null
  /** Further parts of the statement that ends the attempt (news.ts). */
  readonly parts: readonly RawBuilder<unknown>[]
}

type Before = { readonly id: AttemptId; readonly lastSeq: number; readonly logKey: Buffer | null }

export const bringLog = (before: Before, body: FinishBody, object: BundledLog | null): LogBrought => {
  const key = before.logKey ?? keyOf(body)
  const frames = key === null ? [] : following(before, body.frames?.items ?? [])
  // Nobody has read a frame of it, so nobody needs rows: the object is the whole log.
  const isWholeInObject = object !== null && key !== null && before.lastSeq === 0 && body.frames === null
  return {
    lastSeq: isWholeInObject ? body.request.lastSeq : before.lastSeq + frames.length,
    key,
    parts: [...objectPart(object), ...framesPart(before, body.frames?.batch ?? null, frames)],
  }
}

/** The sealed log key that came along, with the log or with its first frame. */
const keyOf = ({ sealedKey, frames }: FinishBody): Buffer | null => {
  const key = sealedKey ?? frames?.items.find((item) => item.sealedKey !== null)?.sealedKey
  return key ? Buffer.from(key) : null
}

/** The frames that continue what is durable, without a gap. */
const following = (before: Before, items: readonly ParsedFrameItem[]): readonly ParsedFrameItem[] => {
  const taken: ParsedFrameItem[] = []
  for (const item of items.toSorted((a, b) => a.header.seq - b.header.seq))
    if (item.header.attempt === before.id && item.header.seq === before.lastSeq + taken.length + 1)
      taken.push(item)
  return taken
}

/** What was uploaded before stays when this is small: then no key is the same. */
const objectPart = (object: BundledLog | null): readonly RawBuilder<unknown>[] =>
  object === null
    ? []
    : [
        sql`, packed as (
      insert into log_objects (attempt_id, object_key, body, size_bytes)
      select t.id, ${object.objectKey}::text, ${object.body}::bytea, ${object.sizeBytes}::bigint from told t
      on conflict (attempt_id) do update set size_bytes = excluded.size_bytes, stored_at = now()
        where log_objects.object_key = excluded.object_key)`,
      ]

const framesPart = (
  { lastSeq }: Before,
  batch: Uint8Array | null,
  frames: readonly ParsedFrameItem[],
): readonly RawBuilder<unknown>[] =>
  batch === null || frames.length === 0
    ? []
    : [
        sql`, batch as (
      insert into log_batches (body)
      select ${Buffer.from(batch.buffer, batch.byteOffset, batch.length)}::bytea from told returning id
    ), framed as (
      insert into log_frames (attempt_id, seq_from, seq_to, batch_id, starts, lengths)
      select t.id, ${lastSeq + 1}::integer, ${lastSeq + frames.length}::integer, b.id,
        ${frames.map((f) => f.offset)}::integer[], ${frames.map((f) => f.frame.length)}::integer[]
      from told t, batch b)`,
      ]
