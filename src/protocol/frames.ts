// Log frames on the wire (foundation.md §3). The header of an MFL1 frame travels in the clear and is authenticated;
// seal/frame.ts encrypts the body. A runner sends the frames of all its attempts in one MFR1 body, which the server
// stores as it came: parsing only finds the borders, it copies nothing. All integers are big-endian.
import { type Bytes, utf8 } from '../base/bytes.ts'
import { type AttemptId, formatId, idBytes, type LeaseId, parseId } from '../base/ids.ts'
import type { Parsed, Problem } from '../base/problem.ts'

export type FrameCodec = 'deflate-raw' | 'zstd'

export type FrameHeader = {
  readonly attempt: AttemptId
  /** Counts from 1 per attempt; it is also the nonce, so no number is ever sealed twice with one key. */
  readonly seq: number
  readonly step: number
  readonly codec: FrameCodec
  /** Milliseconds since the attempt started, or whatever clock the runner declares; never negative. */
  readonly tMs: number
  /** Line of the step at which the frame starts, from 1. */
  readonly firstLine: number
  /** Line ends inside. */
  readonly lines: number
}

export type FrameBatchItem = {
  readonly lease: LeaseId
  /** The attempt's log key sealed to the vault, with the first frames of a lease; else null. */
  readonly sealedKey: Uint8Array | null
  readonly frame: Uint8Array
}

/** An item as the server sees it: `offset` is where the frame starts in the batch, so that the batch is the store. */
export type ParsedFrameItem = FrameBatchItem & { readonly header: FrameHeader; readonly offset: number }

export const frameHeaderBytes = 44
/** Of one frame before compression: what a reader must be ready to inflate. Runners flush at 256 KiB. */
export const frameRawBytesMax = 1024 * 1024
/** Of one sealed frame: incompressible text grows a little, and 16 bytes are the tag. */
export const frameBytesMax = frameRawBytesMax + 64 * 1024
/** Twice as long after the start of any attempt is still a time that a date can tell. */
export const frameMsMax = 2 ** 51
export const frameBatchBytesMax = 4 * 1024 * 1024
export const frameBatchItemsMax = 1024
/** HPKE: 32 bytes of ephemeral key, 32 of log key, 16 of tag. */
export const sealedLogKeyBytes = 80

const magic = 'MFL1'
const batchMagic = 'MFR1'
const gcmTagBytes = 16
const codecNumbers: Readonly<Record<FrameCodec, number>> = { 'deflate-raw': 1, zstd: 2 }
const codecNames: readonly (FrameCodec | undefined)[] = [undefined, 'deflate-raw', 'zstd']

/** A number that does not fit its field is a defect and throws: a wrapped `seq` would use a nonce twice. */
export const encodeFrameHeader = (header: FrameHeader): Bytes => {
  const fits =
    isUpTo(header.seq, 0xffff_ffff) &&
    isUpTo(header.step, 0xffff) &&
    isUpTo(header.tMs, frameMsMax) &&
    isUpTo(header.firstLine, 0xffff_ffff) &&
    isUpTo(header.lines, 0xffff_ffff)
  if (!fits) throw new RangeError('a number of the frame header does not fit')
  const out = new Uint8Array(frameHeaderBytes)
  const view = new DataView(out.buffer)
  out.set(utf8(magic), 0)
  out.set(idBytes(header.attempt), 4)
  view.setUint32(20, header.seq)
  view.setUint16(24, header.step)
  view.setUint8(26, codecNumbers[header.codec])
  view.setBigUint64(28, BigInt(header.tMs))
  view.setUint32(36, header.firstLine)
  view.setUint32(40, header.lines)
  return out
}

/** The header at the start of a frame; null when it is none. */
export const parseFrameHeader = (frame: Uint8Array): FrameHeader | null => {
  if (frame.length < frameHeaderBytes || !startsWith(frame, magic)) return null
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const codec = codecNames[view.getUint8(26)]
  const tMs = Number(view.getBigUint64(28))
  if (codec === undefined || view.getUint8(27) !== 0 || tMs > frameMsMax) return null
  return {
    attempt: formatId('attempt', frame.subarray(4, 20)),
    seq: view.getUint32(20),
    step: view.getUint16(24),
    codec,
    tMs,
    firstLine: view.getUint32(36),
    lines: view.getUint32(40),
  }
}

/** `MFR1 | u16 n | n × { u8 len ‖ lease id | u16 len ‖ sealed log key | u32 len ‖ frame }`. */
export const encodeFrameBatch = (items: readonly FrameBatchItem[]): Bytes => {
  if (items.length > frameBatchItemsMax) throw new RangeError('too many frames in one batch')
  const out = new Uint8Array(items.reduce((sum, item) => sum + frameBatchItemBytes(item), batchHeaderBytes))
  if (out.length > frameBatchBytesMax) throw new RangeError('batch of frames too large')
  const view = new DataView(out.buffer)
  out.set(utf8(batchMagic), 0)
  view.setUint16(4, items.length)
  let at = batchHeaderBytes
  for (const item of items) at = writeItem(out, view, at, item)
  return out
}

/** What an item adds to a batch, so that a sender can stop in time. */
export const frameBatchItemBytes = (item: FrameBatchItem): number =>
  1 + item.lease.length + 2 + (item.sealedKey?.length ?? 0) + 4 + item.frame.length
export const batchHeaderBytes = 6

/** The items in their order, as views into `batch`; any malformed byte refuses the whole batch. */
export const parseFrameBatch = (batch: Uint8Array): Parsed<readonly ParsedFrameItem[]> => {
  if (batch.length > frameBatchBytesMax) return refused('a batch is at most 4 MiB')
  if (batch.length < batchHeaderBytes || !startsWith(batch, batchMagic)) return refused('no MFR1 batch')
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)
  const count = view.getUint16(4)
  if (count > frameBatchItemsMax) return refused('a batch is at most 1024 frames')
  const items: ParsedFrameItem[] = []
  let at = batchHeaderBytes
  for (let i = 0; i < count; i++) {
    const item = readItem(batch, view, at)
    if (typeof item === 'string') return refused(`frame ${i}: ${item}`)
    items.push(item)
    at = item.offset + item.frame.length
  }
  if (at !== batch.length) return refused('bytes after the last frame')
  return { ok: true, value: items, problems: [] }
}

const writeItem = (out: Bytes, view: DataView, start: number, item: FrameBatchItem): number => {
  const lease = utf8(item.lease)
  const sealedKey = item.sealedKey ?? new Uint8Array(0)
  let at = start
  view.setUint8(at, lease.length)
  out.set(lease, at + 1)
  at += 1 + lease.length
  view.setUint16(at, sealedKey.length)
  out.set(sealedKey, at + 2)
  at += 2 + sealedKey.length
  view.setUint32(at, item.frame.length)
  out.set(item.frame, at + 4)
  return at + 4 + item.frame.length
}

/** The item at `start`, or what is wrong with it. Every length is checked before it is used. */
const readItem = (batch: Uint8Array, view: DataView, start: number): ParsedFrameItem | string => {
  const cut = 'cut off'
  if (start + 1 > batch.length) return cut
  const keyAt = start + 1 + view.getUint8(start)
  if (keyAt + 2 > batch.length) return cut
  const lease = parseId('lease', asciiText(batch.subarray(start + 1, keyAt)))
  if (lease === null) return 'not a lease id'
  const keyLength = view.getUint16(keyAt)
  if (keyLength !== 0 && keyLength !== sealedLogKeyBytes) return 'a sealed log key has 80 bytes'
  const frameAt = keyAt + 2 + keyLength
  if (frameAt + 4 > batch.length) return cut
  const frameLength = view.getUint32(frameAt)
  if (frameLength > frameBytesMax || frameLength < frameHeaderBytes + gcmTagBytes)
    return 'frame of a wrong size'
  const offset = frameAt + 4
  if (offset + frameLength > batch.length) return cut
  const frame = batch.subarray(offset, offset + frameLength)
  const header = parseFrameHeader(frame)
  if (header === null) return 'not an MFL1 header'
  const sealedKey = keyLength === 0 ? null : batch.subarray(keyAt + 2, frameAt)
  return { lease, sealedKey, frame, header, offset }
}

const isUpTo = (value: number, max: number): boolean =>
  Number.isSafeInteger(value) && value >= 0 && value <= max

const asciiText = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

const startsWith = (bytes: Uint8Array, text: string): boolean =>
  [...text].every((char, i) => bytes[i] === char.charCodeAt(0))

const refused = (message: string): { readonly ok: false; readonly problems: readonly [Problem] } => ({
  ok: false,
  problems: [{ code: 'E_PROTOCOL', severity: 'error', message, at: null, frame: [], help: null }],
})
