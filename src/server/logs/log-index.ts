// What is in a log, for those who fetch only the part they show: from the index of the finished log's object, else from the
// headers of the stored frames.
import { promisify } from 'node:util'
import { inflateRaw, zstdDecompress } from 'node:zlib'
import { frameRawBytesMax } from '../../protocol/frames.ts'
import { createGcm } from '../../sys/index.ts'
import type { Db } from '../db/database.ts'
import type { FailureLine, LogIndex } from '../log-use-cases.ts'
import type { ObjectStore } from '../objects/store.ts'
import { failureLine } from './failure-line.ts'
import type { Log, PackedObject } from './find.ts'
import type { createFirstFailures, LogText } from './first-failure.ts'
import { openPackedText } from './packed-frames.ts'
import { readStoredRange } from './stored-frames.ts'
import { readStoredIndex, readWholeIndex } from './stored-index.ts'

type Deps = {
  readonly db: Db
  readonly objects: ObjectStore
  readonly failures: ReturnType<typeof createFirstFailures>
}
type Opened = { readonly log: Log; readonly key: Uint8Array }
type Wanted = {
  readonly after: number | 'whole'
  readonly failureIn?: number | undefined
}

export const readLogIndex = async (deps: Deps, opened: Opened, wanted: Wanted): Promise<LogIndex> => {
  const { isComplete, lastSeq, attempt } = opened.log
  const { chunks, texts } = await (opened.log.packed === null
    ? stored(deps, opened, wanted.after)
    : packed(deps, { ...opened, packed: opened.log.packed }, wanted.after))
  const step = wanted.failureIn
  // While it grows the end is what one looks at.
  const firstFailure =
    step === undefined || !isComplete ? null : await deps.failures.find({ attempt, step }, () => texts(step))
  return { isComplete, lastSeq, chunks, firstFailure }
}

/** See failure-line.ts. */
export const readFailureLine = async (
  deps: Deps,
  opened: Opened,
  { step, pinned }: { readonly step: number; readonly pinned: number | null },
): Promise<FailureLine | null> => {
  if (!opened.log.isComplete) return null
  const { attempt } = opened.log
  const { chunks, texts } = await (opened.log.packed === null
    ? stored(deps, opened, 'whole')
    : packed(deps, { ...opened, packed: opened.log.packed }, 'whole'))
  const firstFailure = pinned === null ? await deps.failures.find({ attempt, step }, () => texts(step)) : null
  const ends = chunks.map((chunk) => (chunk.step === step ? chunk.firstLine + chunk.lines - 1 : 0))
  const read = (from: number, to: number) => texts(step, { from, to })
  return failureLine({ lines: Math.max(0, ...ends), read }, { pinned, firstFailure })
}

/** Of what holds a part of these lines. */
type Range = { readonly from: number; readonly to: number }
const everything: Range = { from: 1, to: Number.POSITIVE_INFINITY }
const touches = (
  { firstLine, lines }: { readonly firstLine: number; readonly lines: number },
  { from, to }: Range,
): boolean => firstLine <= to && firstLine + lines >= from

const packed = async (
  { objects }: Deps,
  { log, key, packed }: Opened & { readonly packed: PackedObject },
  after: Wanted['after'],
) => {
  const { entries, text } = await openPackedText(objects, { attempt: log.attempt, packed, key })
  return {
    chunks: entries
      .filter(({ seqTo }) => after === 'whole' || seqTo > after)
      .map(({ step, firstLine, lines, seqFrom, seqTo, tMs, length: bytes }) => ({
        ...{ step, firstLine, lines, seqFrom, seqTo, tMs, bytes },
      })),
    texts: async function* (step: number, range: Range = everything): AsyncGenerator<LogText> {
      for (const entry of entries)
        if (entry.step === step && touches(entry, range))
          yield { firstLine: entry.firstLine, text: await text(entry) }
    },
  }
}

const inflaters = { 'deflate-raw': promisify(inflateRaw), zstd: promisify(zstdDecompress) } as const

const stored = async ({ db }: Deps, { log, key }: Opened, after: Wanted['after']) => ({
  chunks: await (after === 'whole'
    ? readWholeIndex(db, log.attempt)
    : readStoredIndex(db, log.attempt, after)),
  texts: async function* (step: number, wanted: Range = everything): AsyncGenerator<LogText> {
    const range = { after: 0, until: log.lastSeq, key: createGcm(key).open, codec: 'zstd' } as const
    for await (const frame of readStoredRange(db, log.attempt, range))
      if (frame.step === step && touches(frame, wanted))
        yield {
          firstLine: frame.firstLine,
          text: await inflaters[frame.codec](frame.body, { maxOutputLength: frameRawBytesMax }),
        }
  },
})
