// The log of an attempt, or some lines of a step, as a stream of bytes: as the job wrote it (ansi), as text, as a page, one JSON object
// per line, or the frames as followers get them.
// The bytes are what the job wrote, after redaction; whoever shows them treats them as hostile.
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { inflateRaw, zstdDecompress } from 'node:zlib'
import { concatBytes } from '../../base/bytes.ts'
import { encodeFollowerFrame, type FollowerFrame } from '../../protocol/live.ts'
import type { LogBytes } from '../log-use-cases.ts'
import type { StreamAnswer } from './binder.ts'
import { asHtml, type HtmlWords } from './log-html.ts'
import { asPlainText } from './log-lines.ts'
import { isSameAs, rangeOf } from './ranges.ts'

export type LogFormat = 'text' | 'ansi' | 'html' | 'ndjson' | 'frames'

const contentTypes: Readonly<Record<LogFormat, string>> = {
  text: 'text/plain; charset=utf-8',
  ansi: 'text/plain; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ndjson: 'application/x-ndjson',
  frames: 'application/octet-stream',
}

/** A frame holds at most 256 KiB raw (foundation.md §3); more is not one of ours. */
const frameBytesMax = 1024 * 1024

export const downloadLog = (
  format: LogFormat,
  frames: AsyncIterable<FollowerFrame>,
  {
    words = noWords,
    isLive = false,
    ...lines
  }: Lines & { readonly words?: HtmlWords; readonly isLive?: boolean } = {},
): StreamAnswer => ({
  contentType: contentTypes[format],
  chunks: format === 'frames' ? asFrames(frames) : writers[format](inflated(frames, lines), words),
  isLive,
  // Words of a job as a page: saved, and never one of ours.
  ...(format === 'html' ? { attachment: 'log.html' } : {}),
})

const noWords: HtmlWords = { title: 'Log', nameOf: (step) => `Step ${step}` }

/** Of what is stored as it was written: part of it, for who has the rest. */
export const downloadBytes = (
  { total, etag, read }: LogBytes,
  asked: { readonly range: string | undefined; readonly ifRange: string | undefined },
): StreamAnswer => {
  const part = isSameAs(asked.ifRange, etag) ? rangeOf(asked.range, total) : 'whole'
  const { first, last } = typeof part === 'string' ? { first: 0, last: total - 1 } : part
  return {
    contentType: contentTypes.ansi,
    chunks: part === 'unsatisfiable' ? Readable.from([]) : read(first, last),
    part: { etag, total, first, last, kind: typeof part === 'string' ? part : 'part' },
  }
}

/** Of one step, both included. */
type Lines = { readonly from?: number | undefined; readonly to?: number | undefined }
type Piece = Pick<FollowerFrame, 'step' | 'firstLine' | 'tMs'> & { readonly bytes: Uint8Array }

async function* inflated(
  frames: AsyncIterable<FollowerFrame>,
  { from = 1, to = Number.POSITIVE_INFINITY }: Lines,
): AsyncIterable<Piece> {
  for await (const frame of frames) {
    const bytes = await inflate(frame)
    const start = startOfLine(bytes, from - frame.firstLine)
    const end = startOfLine(bytes, to - frame.firstLine + 1)
    if (start < end)
      yield { ...frame, firstLine: Math.max(from, frame.firstLine), bytes: bytes.subarray(start, end) }
  }
}

/** Where the line begins that `lines` line ends come before. */
const startOfLine = (bytes: Uint8Array, lines: number): number => {
  if (lines > bytes.length) return bytes.length
  let at = 0
  for (let left = lines; left > 0; left--) {
    const end = bytes.indexOf(newline, at)
    if (end === -1) return bytes.length
    at = end + 1
  }
  return at
}

async function* asWritten(pieces: AsyncIterable<Piece>): AsyncIterable<Uint8Array> {
  for await (const { bytes } of pieces) yield bytes
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

/**
 * A line may begin in one frame and end in a later one of the same step: what is open waits, per step. A line may have no
 * end for a hundred megabytes: from here on it comes in pieces, of which all but the last say that there is more.
 */
const linePieceBytes = 256 * 1024

async function* asNdjson(pieces: AsyncIterable<Piece>): AsyncIterable<string> {
  const open = new Map<number, OpenLine>()
  for await (const piece of pieces) {
    const { complete, rest } = splitLines(piece, open.get(piece.step))
    if (complete.length > 0) yield complete.map((line) => toJson(piece.step, line)).join('')
    if (rest === null) open.delete(piece.step)
    else if (sizeOf(rest) < linePieceBytes) open.set(piece.step, rest)
    else {
      const bytes = concatBytes(rest.parts)
      const end = wholeCharacters(bytes)
      yield toJson(piece.step, { ...rest, parts: [bytes.subarray(0, end)] }, true)
      open.set(piece.step, { ...rest, parts: [bytes.slice(end)] })
    }
  }
  for (const [step, line] of open) yield toJson(step, line)
}

const newline = 0x0a

const splitLines = ({ firstLine, tMs, bytes }: Piece, before: OpenLine | undefined) => {
  const complete: OpenLine[] = []
  let current: OpenLine = before ?? { line: firstLine, t: tMs, parts: [] }
  let start = 0
  for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
    complete.push({ ...current, parts: [...current.parts, bytes.subarray(start, end)] })
    current = { line: current.line + 1, t: tMs, parts: [] }
    start = end + 1
  }
  const parts = start < bytes.length ? [...current.parts, bytes.subarray(start)] : current.parts
  return { complete, rest: parts.length === 0 ? null : { ...current, parts } }
}

const sizeOf = ({ parts }: OpenLine): number => parts.reduce((sum, { length }) => sum + length, 0)

/** Where the last character begins whose bytes may not all be there yet. */
const wholeCharacters = (bytes: Uint8Array): number => {
  const isInside = (at: number) => ((bytes[at] ?? 0) & 0xc0) === 0x80
  let at = bytes.length - 1
  while (at > bytes.length - 4 && isInside(at)) at--
  return (bytes[at] ?? 0) < 0x80 || isInside(at) ? bytes.length : at
}

const toJson = (step: number, { line, t, parts }: OpenLine, more = false): string => {
  const text = decodeText(concatBytes(parts))
  return `${JSON.stringify({ step, line, t, text, ...(more ? { more } : {}) })}\n`
}

/** A mark at its beginning is a character of the log like any other. */
const decodeText = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)

const inflaters = { 'deflate-raw': promisify(inflateRaw), zstd: promisify(zstdDecompress) } as const

const inflate = ({ codec, body }: FollowerFrame): Promise<Uint8Array> =>
  inflaters[codec](body, { maxOutputLength: frameBytesMax, chunkSize: frameBytesMax / 2 })

const writers = { text: asPlainText, ansi: asWritten, html: asHtml, ndjson: asNdjson } as const
