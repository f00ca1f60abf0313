// The finished log of an attempt (foundation.md §3): what stands inside its MFB1 object, whose key id and object id are
// the attempt's id. The runner writes it once, the server reads ranges of it.
//   chunk* ‖ index ‖ footer[12]
// A chunk is one zstd frame of at most 1 MiB of masked output of one step; the index is UTF-8 JSON, an array of entries in the
// order of the chunks; the footer is `u32 length of the index | u32 last seq of the attempt | "MFO1"`.
import { type Bytes, concatBytes, utf8, utf8Decode } from '../base/bytes.ts'
import type { Parsed } from '../base/problem.ts'
import { integer, list, object, optional, parseShape } from '../base/shape.ts'
import { frameMsMax } from './frames.ts'

export const logChunkRawBytesMax = 1024 * 1024
export const logIndexEntriesMax = 100_000
/** Times inside of one chunk; a longer one tells fewer of them, further apart. */
export const logTimesMax = 256
export const logFooterBytes = 12
/** 100,000 entries of some 120 characters. */
export const logIndexBytesMax = 16 * 1024 * 1024

const magic = 'MFO1'
const uint32 = integer({ min: 0, max: 0xffff_ffff })
const offset = integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const ms = integer({ min: 0, max: frameMsMax })

const entry = object({
  step: integer({ min: 0, max: 0xffff }),
  /** Line of the step at which the chunk starts, from 1; a chunk may start inside of a line. */
  firstLine: uint32,
  /** Line ends inside. */
  lines: uint32,
  /** Of the compressed bytes, from the start of the plaintext. */
  offset,
  length: integer({ min: 1, max: 2 * logChunkRawBytesMax }),
  rawBytes: integer({ min: 1, max: logChunkRawBytesMax }),
  tMs: ms,
  /** The frames it was made of: a follower that has seen frame `seqTo` needs nothing of it. */
  seqFrom: uint32,
  seqTo: uint32,
  /** Frames that came later than the first: raw bytes, line ends and milliseconds before each, three numbers for one. */
  times: optional(list(ms, { max: 3 * logTimesMax })),
})
const index = list(entry, { max: logIndexEntriesMax })

export type LogIndexEntry = {
  readonly step: number
  readonly firstLine: number
  readonly lines: number
  readonly offset: number
  readonly length: number
  readonly rawBytes: number
  readonly tMs: number
  readonly seqFrom: number
  readonly seqTo: number
  readonly times?: readonly number[]
}

/** What follows the last chunk. */
export const encodeLogIndex = (entries: readonly LogIndexEntry[], lastSeq: number): Bytes => {
  const text = utf8(JSON.stringify(entries))
  if (entries.length > logIndexEntriesMax || text.length > logIndexBytesMax)
    throw new RangeError('too many chunks in one log')
  const footer = new Uint8Array(logFooterBytes)
  const view = new DataView(footer.buffer)
  view.setUint32(0, text.length)
  view.setUint32(4, lastSeq)
  footer.set(utf8(magic), 8)
  return concatBytes([text, footer])
}

/** From the last 12 bytes of the plaintext; null when they are no footer. */
export const parseLogFooter = (
  bytes: Uint8Array,
): { readonly indexBytes: number; readonly lastSeq: number } | null => {
  if (bytes.length !== logFooterBytes || !utf8(magic).every((byte, i) => bytes[8 + i] === byte)) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const indexBytes = view.getUint32(0)
  return indexBytes > logIndexBytesMax ? null : { indexBytes, lastSeq: view.getUint32(4) }
}

/** The entries; a runner wrote them, so they are checked: chunks lie one after another from 0. */
export const parseLogIndex = (bytes: Uint8Array): Parsed<readonly LogIndexEntry[]> => {
  const parsed = parseShape(index, parseJson(bytes), 'E_PROTOCOL')
  if (!parsed.ok) return parsed
  let at = 0
  for (const chunk of parsed.value) {
    if (chunk.offset !== at || chunk.seqTo < chunk.seqFrom || timesOf(chunk) === null)
      return parseShape(index, 'chunks that do not follow each other', 'E_PROTOCOL')
    at += chunk.length
  }
  return parsed
}

export type LogTime = { readonly bytes: number; readonly lines: number; readonly ms: number }

/** Each behind the one before it and within the chunk; null when they are not. */
export const timesOf = ({ times = [], rawBytes, lines }: LogIndexEntry): readonly LogTime[] | null => {
  const found: LogTime[] = []
  for (let i = 0; i < times.length; i += 3) {
    const [bytes = -1, ended = -1, ms = -1] = times.slice(i, i + 3)
    const before = found.at(-1) ?? { bytes: 0, lines: 0, ms: 0 }
    const isBehind = bytes > before.bytes && ended >= before.lines && ms >= before.ms
    if (!isBehind || bytes >= rawBytes || ended > lines) return null
    found.push({ bytes, lines: ended, ms })
  }
  return found
}

const parseJson = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(utf8Decode(bytes))
  } catch {
    return undefined
  }
}
