// The text of a whole log, opened for a reader, in order: so much of it as somebody may want to have looked at in one request,
// the beginning and the end of a longer one.
import { promisify } from 'node:util'
import { inflateRaw, zstdDecompress } from 'node:zlib'
import { frameRawBytesMax } from '../../protocol/frames.ts'
import type { LogIndexEntry } from '../../protocol/log-object.ts'
import { createGcm } from '../../sys/index.ts'
import type { Db } from '../db/database.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Log, PackedObject } from './find.ts'
import type { LogText } from './first-failure.ts'
import { openPackedText } from './packed-frames.ts'
import { readStoredRange } from './stored-frames.ts'

type Deps = { readonly db: Db; readonly objects: ObjectStore }
export type OpenedLog = { readonly log: Log; readonly key: Uint8Array }
export type StepText = LogText & { readonly step: number }

/** `bytesMax` bytes of text at most; `onLeftOut` hears when there was more. */
export const readLogTexts = (
  deps: Deps,
  opened: OpenedLog,
  bounds: { readonly bytesMax: number; readonly onLeftOut: () => void },
): AsyncGenerator<StepText> =>
  opened.log.packed === null
    ? ofFrames(deps, opened, bounds)
    : ofObject(deps, { ...opened, packed: opened.log.packed }, bounds)

type Bounds = Parameters<typeof readLogTexts>[2]

const ofObject = async function* (
  { objects }: Deps,
  { log, key, packed: object }: OpenedLog & { readonly packed: PackedObject },
  { bytesMax, onLeftOut }: Bounds,
): AsyncGenerator<StepText> {
  const packed = await openPackedText(objects, { attempt: log.attempt, packed: object, key })
  const chosen = bothEnds(packed.entries, bytesMax)
  if (chosen.length < packed.entries.length) onLeftOut()
  for (const entry of chosen) {
    const { step, firstLine } = entry
    yield { step, firstLine, text: await packed.text(entry) }
  }
}

/** So many from the beginning and so many from the end that each is half of it. */
export const bothEnds = <T extends Pick<LogIndexEntry, 'rawBytes'>>(
  entries: readonly T[],
  bytesMax: number,
): readonly T[] => {
  const upTo = (some: readonly T[]): number => {
    let left = bytesMax / 2
    const end = some.findIndex(({ rawBytes }) => {
      left -= rawBytes
      return left < 0
    })
    return end === -1 ? some.length : end
  }
  const whole = entries.reduce((sum, { rawBytes }) => sum + rawBytes, 0)
  if (whole <= bytesMax) return entries
  return [...entries.slice(0, upTo(entries)), ...entries.slice(entries.length - upTo(entries.toReversed()))]
}

const inflaters = { 'deflate-raw': promisify(inflateRaw), zstd: promisify(zstdDecompress) } as const

const ofFrames = async function* (
  { db }: Deps,
  { log, key }: OpenedLog,
  { bytesMax, onLeftOut }: Bounds,
): AsyncGenerator<StepText> {
  const range = { after: 0, until: log.lastSeq, key: createGcm(key).open, codec: 'zstd' } as const
  let left = bytesMax
  for await (const frame of readStoredRange(db, log.attempt, range)) {
    const text = await inflaters[frame.codec](frame.body, { maxOutputLength: frameRawBytesMax })
    left -= text.length
    if (left < 0) return onLeftOut()
    yield { step: frame.step, firstLine: frame.firstLine, text }
  }
}
