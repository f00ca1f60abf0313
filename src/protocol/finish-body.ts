// The body of `finish`: the JSON of a FinishRequest alone, or MFF1, which brings with it everything of a small attempt that
// the server does not have yet, so that its end is one request (decision 0010). All integers are big-endian:
//   "MFF1" | 5 × { u32 length ‖ part }: finish JSON, events JSON, sealed log key, MFR1 batch, MFB1 log
// A part of no bytes is not there; only `finish` must be. Parsing finds the borders and copies nothing.
import { type Bytes, concatBytes, utf8, utf8Decode } from '../base/bytes.ts'
import type { LeaseId } from '../base/ids.ts'
import type { Parsed, Problem } from '../base/problem.ts'
import { type ParsedFrameItem, parseFrameBatch, sealedLogKeyBytes } from './frames.ts'
import type { AttemptEvent, FinishRequest } from './runner-wire.ts'
import { parseEventsRequest, parseFinishRequest } from './runner-wire-parse.ts'

/** Of an MFF1 body. What is larger goes the separate way: frames, log, events, and `finish` as JSON. */
export const finishBundleBytesMax = 1024 * 1024

/** Encoded parts, as a runner has them. */
export type FinishParts = {
  /** JSON of a FinishRequest. */
  readonly finish: Uint8Array
  /** JSON of an EventsRequest: what is not acknowledged yet. */
  readonly events: Uint8Array | null
  /** Goes along until the server has it: with the first frames, or with a log of which no frame was sent. */
  readonly sealedKey: Uint8Array | null
  /** MFR1 batch of the frames that are not durable yet. */
  readonly frames: Uint8Array | null
  /** The finished log, MFB1. */
  readonly log: Uint8Array | null
}

export type FinishBody = {
  readonly request: FinishRequest
  readonly events: readonly AttemptEvent[]
  readonly sealedKey: Uint8Array | null
  /** `offset` of an item counts from the start of `batch`. */
  readonly frames: { readonly batch: Uint8Array; readonly items: readonly ParsedFrameItem[] } | null
  readonly log: Uint8Array | null
}

const magic = utf8('MFF1')
const partNames = ['finish', 'events', 'sealedKey', 'frames', 'log'] as const
const lengthBytes = 4

export const finishBundleBytes = (parts: FinishParts): number =>
  partNames.reduce((sum, name) => sum + lengthBytes + (parts[name]?.length ?? 0), magic.length)

/** A sender looks at `finishBundleBytes` first: one that does not fit is a defect and throws. */
export const encodeFinishBundle = (parts: FinishParts): Bytes => {
  if (finishBundleBytes(parts) > finishBundleBytesMax) throw new RangeError('bundle of a finish too large')
  return concatBytes([magic, ...partNames.flatMap((name) => withLength(parts[name] ?? new Uint8Array(0)))])
}

/** Either form, for the lease in the address. Any malformed byte refuses the whole. */
export const parseFinishBody = (body: Uint8Array, lease: LeaseId): Parsed<FinishBody> => {
  if (!magic.every((byte, i) => body[i] === byte)) {
    const request = parseFinishRequest(parseJson(body))
    return request.ok ? parsed({ request: request.value, ...nothingElse }) : request
  }
  if (body.length > finishBundleBytesMax) return refused('a bundle is at most 1 MiB')
  const parts = splitParts(body)
  return typeof parts === 'string' ? refused(parts) : parseParts(parts, lease)
}

const nothingElse = { events: [], sealedKey: null, frames: null, log: null }

type Split = Readonly<Record<(typeof partNames)[number], Uint8Array | null>>

/** Views into `body`, or what is wrong with it. Every length is checked before it is used. */
const splitParts = (body: Uint8Array): Split | string => {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const parts: Record<string, Uint8Array | null> = {}
  let at = magic.length
  for (const name of partNames) {
    if (at + lengthBytes > body.length) return 'cut off'
    const length = view.getUint32(at)
    at += lengthBytes
    if (at + length > body.length) return 'cut off'
    parts[name] = length === 0 ? null : body.subarray(at, at + length)
    at += length
  }
  // SAFE: the loop above has set every name.
  return at === body.length ? (parts as Split) : 'bytes after the last part'
}

const parseParts = (
  { finish, events, sealedKey, frames, log }: Split,
  lease: LeaseId,
): Parsed<FinishBody> => {
  const request = parseFinishRequest(parseJson(finish ?? new Uint8Array(0)))
  if (!request.ok) return request
  const told = events === null ? null : parseEventsRequest(parseJson(events))
  if (told?.ok === false) return told
  if (sealedKey !== null && sealedKey.length !== sealedLogKeyBytes)
    return refused('a sealed log key has 80 bytes')
  const batch = frames === null ? null : parseFrameBatch(frames)
  if (batch?.ok === false) return batch
  if (batch?.value.some((item) => item.lease !== lease)) return refused('a frame of another lease')
  return parsed({
    request: request.value,
    events: told?.value.events ?? [],
    sealedKey,
    frames: frames === null ? null : { batch: frames, items: batch?.value ?? [] },
    log,
  })
}

const withLength = (part: Uint8Array): readonly Uint8Array[] => {
  const length = new Uint8Array(lengthBytes)
  new DataView(length.buffer).setUint32(0, part.length)
  return [length, part]
}

const parseJson = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(utf8Decode(bytes))
  } catch {
    return undefined
  }
}

const parsed = (value: FinishBody): Parsed<FinishBody> => ({ ok: true, value, problems: [] })

const refused = (message: string): { readonly ok: false; readonly problems: readonly [Problem] } => ({
  ok: false,
  problems: [{ code: 'E_PROTOCOL', severity: 'error', message, at: null, frame: [], help: null }],
})
