// What travels over the one WebSocket per tab (foundation.md §4). Text messages are JSON, log frames are binary.
// Topics: `run:<run id>` (cursor = rev), `log:<attempt id>` (cursor = seq), `project:<project id>` and `runs`
// (no cursor: they only say that something changed). State comes from the API; the stream patches it.
import type { Job, RunSummary } from './api/shapes.ts'
import type { FrameCodec } from './frames.ts'

export type ClientMessage =
  | {
      readonly t: 'sub'
      readonly topic: string
      readonly cursor: number
      /** Of log frames: who takes zstd as well gets them as they are stored. */
      readonly codec?: 'zstd'
    }
  | { readonly t: 'unsub'; readonly topic: string }
  | { readonly t: 'ping' }

export type ServerMessage =
  /** All jobs whose `rev` is above the subscriber's cursor; after it the cursor is `rev`. */
  | {
      readonly t: 'run'
      readonly topic: string
      readonly rev: number
      readonly run: RunSummary
      readonly jobs: readonly Job[]
    }
  | { readonly t: 'runs'; readonly topic: string; readonly run: RunSummary }
  /** No frame after `last` will come. */
  | { readonly t: 'log-end'; readonly topic: string; readonly last: number }
  | { readonly t: 'refused'; readonly topic: string; readonly reason: string }
  | { readonly t: 'pong' }

/** A log frame as a follower gets it: decrypted, still compressed. */
export type FollowerFrame = {
  readonly attempt: string
  readonly seq: number
  readonly step: number
  /** Line number within the step of the frame's first byte, from 1. */
  readonly firstLine: number
  /** Line ends inside. */
  readonly lines: number
  readonly tMs: number
  readonly codec: FrameCodec
  readonly body: Uint8Array
}

const headerLength = 1 + 30 + 4 + 2 + 4 + 4 + 8
/** The first byte tells the codec. */
const kinds: Readonly<Record<FrameCodec, number>> = { 'deflate-raw': 1, zstd: 2 }

/** `u8 codec | 30 bytes attempt id | u32 seq | u16 step | u32 firstLine | u32 lines | u64 tMs | body`. */
export const encodeFollowerFrame = (frame: FollowerFrame): Uint8Array<ArrayBuffer> => {
  const out = new Uint8Array(headerLength + frame.body.length)
  const view = new DataView(out.buffer)
  view.setUint8(0, kinds[frame.codec])
  out.set(new TextEncoder().encode(frame.attempt.padEnd(30).slice(0, 30)), 1)
  view.setUint32(31, frame.seq)
  view.setUint16(35, frame.step)
  view.setUint32(37, frame.firstLine)
  view.setUint32(41, frame.lines)
  view.setBigUint64(45, BigInt(frame.tMs))
  out.set(frame.body, headerLength)
  return out
}

/** null when the bytes are no frame. */
export const parseFollowerFrame = (bytes: Uint8Array): FollowerFrame | null => {
  const codec = bytes[0] === kinds.zstd ? 'zstd' : 'deflate-raw'
  if (bytes.length < headerLength || bytes[0] !== kinds[codec]) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    attempt: new TextDecoder().decode(bytes.subarray(1, 31)),
    seq: view.getUint32(31),
    step: view.getUint16(35),
    firstLine: view.getUint32(37),
    lines: view.getUint32(41),
    tMs: Number(view.getBigUint64(45)),
    codec,
    body: bytes.subarray(headerLength),
  }
}
