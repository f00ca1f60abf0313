// The log of an attempt as a stream of bytes: plain text, one JSON object per line, or the frames as followers get them.
// The bytes are what the job wrote, after redaction; whoever shows them treats them as hostile.
import { promisify } from 'node:util'
import { inflateRaw } from 'node:zlib'
import { concatBytes } from '../../base/bytes.ts'
import { encodeFollowerFrame, type FollowerFrame } from '../../protocol/live.ts'
import type { StreamAnswer } from './binder.ts'

export type LogFormat = 'text' | 'ndjson' | 'frames'

const contentTypes: Readonly<Record<LogFormat, string>> = {
  text: 'text/plain; charset=utf-8',
  ndjson: 'application/x-ndjson',
  frames: 'application/octet-stream',
}

/** A frame holds at most 256 KiB raw (foundation.md §3); more is not one of ours. */
const frameBytesMax = 1024 * 1024

export const downloadLog = (format: LogFormat, frames: AsyncIterable<FollowerFrame>): StreamAnswer => ({
  contentType: contentTypes[format],
  chunks: writers[format](frames),
})

async function* asText(frames: AsyncIterable<FollowerFrame>): AsyncIterable<Uint8Array> {
  for await (const frame of frames) yield await inflate(frame)
}

async function* asFrames(frames: AsyncIterable<FollowerFrame>): AsyncIterable<Uint8Array> {
  for await (const frame of frames) {
    const bytes = encodeFollowerFrame(frame)
    const length = new Uint8Array(4)
    new DataView(length.buffer).setUint32(0, bytes.length)
    yield concatBytes([length, bytes])
  }
}

type OpenLine = { readonly line: number; readonly t: number; readonly parts: readonly Uint8Array[] }

/** A line may begin in one frame and end in a later one of the same step: what is open waits, per step. */
async function* asNdjson(frames: AsyncIterable<FollowerFrame>): AsyncIterable<string> {
  const open = new Map<number, OpenLine>()
  for await (const frame of frames) {
    const { complete, rest } = splitLines(frame, await inflate(frame), open.get(frame.step))
    if (rest === null) open.delete(frame.step)
    else open.set(frame.step, rest)
    if (complete.length > 0) yield complete.map((line) => toJson(frame.step, line)).join('')
  }
  for (const [step, line] of open) yield toJson(step, line)
}

const newline = 0x0a

const splitLines = (frame: FollowerFrame, bytes: Uint8Array, before: OpenLine | undefined) => {
  const complete: OpenLine[] = []
  let current: OpenLine = before ?? { line: frame.firstLine, t: frame.tMs, parts: [] }
  let start = 0
  for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
    complete.push({ ...current, parts: [...current.parts, bytes.subarray(start, end)] })
    current = { line: current.line + 1, t: frame.tMs, parts: [] }
    start = end + 1
  }
  const parts = start < bytes.length ? [...current.parts, bytes.subarray(start)] : current.parts
  return { complete, rest: parts.length === 0 ? null : { ...current, parts } }
}

const toJson = (step: number, { line, t, parts }: OpenLine): string =>
  `${JSON.stringify({ step, line, t, text: new TextDecoder().decode(concatBytes(parts)) })}\n`

const inflateOnce = promisify(inflateRaw)

const inflate = (frame: FollowerFrame): Promise<Uint8Array> =>
  inflateOnce(frame.deflated, { maxOutputLength: frameBytesMax })

const writers: Readonly<
  Record<LogFormat, (frames: AsyncIterable<FollowerFrame>) => AsyncIterable<Uint8Array | string>>
> = { text: asText, ndjson: asNdjson, frames: asFrames }
