// Looks for secrets where they cannot be masked (trust-model.md §4.7): inside base64, gzip and zip, each in the other to a
// depth of three, in what a step says after masking. It changes nothing; it only tells. Everything is bounded: what is longer
// or deeper is not looked into.
import { inflateRawSync, constants as zlib } from 'node:zlib'
import {
  leakScanBytesMax,
  leakScanDepth,
  packedBytesMax,
  unpackedBytesMax,
  zipEntriesMax,
} from '../limits.ts'

export interface LeakStream {
  /** What a step says, masked, in order. The bytes are the caller's again when it returns. */
  write(bytes: Uint8Array): void
  end(): void
}

/** `look` is shown what was found packed; it knows the secrets. */
export const createLeakScan = (look: (bytes: Buffer) => void): { stream(): LeakStream } => {
  let left = leakScanBytesMax
  /** Whatever stands behind the data is not read. What leads nowhere counts, too: all of it may have been unpacked. */
  const inflate = (bytes: Buffer): Buffer | null => {
    const maxOutputLength = Math.min(unpackedBytesMax, deflateRatioMax * bytes.length, left)
    if (maxOutputLength <= 0) return null
    try {
      return inflateRawSync(bytes, { ...unpackOptions, maxOutputLength })
    } catch {
      left -= maxOutputLength
      return null
    }
  }
  const inspect = (bytes: Buffer, depth: number): void => {
    left -= bytes.length
    if (left < 0) return
    look(bytes)
    if (depth < leakScanDepth) open(bytes, depth)
  }
  /** A piece of the log itself is depth 0: what is in it as it is was masked. One after the other: each may be large. */
  const open = (bytes: Buffer, depth = 0): void => {
    for (const inner of packedIn(bytes, inflate)) inspect(inner, depth + 1)
  }
  return { stream: () => createCollector(open, () => left > 0) }
}

type Inflate = (bytes: Buffer) => Buffer | null

/** Cuts out of a stream what may be packed, from its first byte to its last one or to `packedBytesMax`. */
const createCollector = (open: (bytes: Buffer) => void, isOn: () => boolean): LeakStream => {
  let kept: Buffer[] = []
  let keptBytes = 0
  /** Archives have no end that could be seen from outside. */
  let isArchive = false
  /** The last bytes of the chunk before: a magic number may be cut. */
  let before: Buffer = Buffer.alloc(0)
  const keep = (bytes: Buffer): void => {
    const part = Buffer.from(bytes.subarray(0, packedBytesMax - keptBytes))
    kept.push(part)
    keptBytes += part.length
  }
  const finish = (): void => {
    const whole = Buffer.concat(kept)
    kept = []
    keptBytes = 0
    isArchive = false
    if (whole.length >= encodedBytesMin) open(whole)
  }
  return {
    write: (chunk) => {
      if (!isOn()) return
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
      let at = 0
      const cut = isArchive
        ? -1
        : firstMagic(Buffer.concat([before, bytes.subarray(0, magicBytesMax - 1)]), 0)
      if (cut !== -1 && cut < before.length) {
        finish()
        isArchive = true
        keep(before.subarray(cut))
      }
      before = Buffer.concat([before, bytes.subarray(1 - magicBytesMax)]).subarray(1 - magicBytesMax)
      if (keptBytes > 0) {
        at = isArchive ? bytes.length : endOfRun(bytes, 0)
        keep(bytes.subarray(0, at))
        if (at === bytes.length && keptBytes < packedBytesMax) return
        finish()
      }
      while (at < bytes.length) {
        const found = nextPacked(bytes, at)
        if (found === null) return
        isArchive = found.isArchive
        keep(bytes.subarray(found.start, found.end))
        if (found.end === bytes.length && keptBytes < packedBytesMax) return
        at = found.end
        finish()
      }
    },
    end: finish,
  }
}

/** Shorter ones hold no archive and no secret that would not have been masked. */
const encodedBytesMin = 32
const gzipMagic = Buffer.from([0x1f, 0x8b, 8])
const zipMagic = Buffer.from('PK\x03\x04', 'latin1')

const magicBytesMax = 4
const firstMagic = (bytes: Buffer, from: number): number => {
  const [gzip, zip] = [bytes.indexOf(gzipMagic, from), bytes.indexOf(zipMagic, from)]
  return gzip === -1 || zip === -1 ? Math.max(gzip, zip) : Math.min(gzip, zip)
}

type Packed = { readonly start: number; readonly end: number; readonly isArchive: boolean }

/** The first archive or long encoded text from `from` on; one that the end of the bytes cuts off may be short. */
const nextPacked = (bytes: Buffer, from: number): Packed | null => {
  const archive = firstMagic(bytes, from)
  const run = nextRun(bytes, from, archive === -1 ? bytes.length : archive)
  if (run !== null) return { ...run, isArchive: false }
  return archive === -1 ? null : { start: archive, end: bytes.length, isArchive: true }
}

/** A look at every 32nd byte meets every run of 32. */
const nextRun = (
  bytes: Buffer,
  from: number,
  limit: number,
): { readonly start: number; readonly end: number } | null => {
  for (let at = from + encodedBytesMin - 1; at < limit; at += encodedBytesMin) {
    if (isEncoded[bytes[at] as number] !== 1) continue
    const start = startOfRun(bytes, at, from)
    const end = endOfRun(bytes, at)
    if (end - start >= encodedBytesMin) return { start, end }
    at = Math.max(at, end - 1)
  }
  const start = startOfRun(bytes, limit, from)
  return limit === bytes.length && start < limit ? { start, end: limit } : null
}

const startOfRun = (bytes: Buffer, at: number, from: number): number => {
  let start = at
  while (start > from && isEncoded[bytes[start - 1] as number] === 1) start--
  return start
}

/** Over line ends between encoded lines: tools wrap. */
const endOfRun = (bytes: Buffer, from: number): number => {
  let end = from
  for (;;) {
    while (end < bytes.length && isEncoded[bytes[end] as number] === 1) end++
    const next = bytes[end] === 13 && bytes[end + 1] === 10 ? end + 2 : bytes[end] === 10 ? end + 1 : end
    if (next === end || (next < bytes.length && isEncoded[bytes[next] as number] !== 1)) return end
    end = next
  }
}

const isEncoded = Uint8Array.from({ length: 256 }, (_, byte) =>
  /[A-Za-z0-9+/_-]/.test(String.fromCharCode(byte)) ? 1 : 0,
)

const packedIn = function* (bytes: Buffer, inflate: Inflate): Generator<Buffer> {
  yield* unzip(bytes, inflate)
  const gzip = bytes.indexOf(gzipMagic)
  const inflated = gzip === -1 ? null : inflate(bytes.subarray(gzip + gzipHeaderBytes(bytes.subarray(gzip))))
  if (inflated !== null) yield inflated
  yield* decodeRuns(bytes)
}

const decodeRuns = function* (bytes: Buffer): Generator<Buffer> {
  for (let run = nextRun(bytes, 0, bytes.length); run !== null; run = nextRun(bytes, run.end, bytes.length))
    if (run.end - run.start >= encodedBytesMin)
      yield Buffer.from(bytes.toString('latin1', run.start, run.end), 'base64')
}

/** What was cut off is read as far as it goes; what becomes too large is not read. */
const unpackOptions = { finishFlush: zlib.Z_SYNC_FLUSH }
/** No byte becomes more in this format. */
const deflateRatioMax = 1_032

/** Local headers one after the other: the directory at the end may be missing, or lie. */
const unzip = function* (bytes: Buffer, inflate: Inflate): Generator<Buffer> {
  let at = bytes.indexOf(zipMagic)
  for (let entry = 0; at !== -1 && at + 30 <= bytes.length && entry < zipEntriesMax; entry++) {
    const method = bytes.readUInt16LE(at + 8)
    const data = at + 30 + bytes.readUInt16LE(at + 26) + bytes.readUInt16LE(at + 28)
    const packed = bytes.subarray(data)
    const found =
      method === 0 ? packed.subarray(0, bytes.readUInt32LE(at + 18)) : method === 8 ? inflate(packed) : null
    if (found !== null) yield found
    at = bytes.indexOf(zipMagic, at + 4)
  }
}

/** RFC 1952; the checksum behind the data decides nothing here. */
const gzipHeaderBytes = (bytes: Buffer): number => {
  const flags = bytes[3] ?? 0
  let at = 10
  if ((flags & 4) !== 0) at += 2 + (bytes[at] ?? 0) + 256 * (bytes[at + 1] ?? 0)
  for (const text of [8, 16]) if ((flags & text) !== 0) at = Math.max(at, bytes.indexOf(0, at) + 1)
  return (flags & 2) === 0 ? at : at + 2
}
