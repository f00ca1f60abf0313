// Frames of a live log as their runner packed them, to the bytes a job wrote. No browser opens zstd outside of HTTP, so a library
// does (decision 0057). It takes as much memory as a header asks for: headers are judged here first.
import { Decompress } from 'fzstd'
import { concatBytes } from '../../base/bytes.ts'
import { frameRawBytesMax } from '../limits.ts'

/** Bounded: what is more than the protocol allows, is no single whole frame or does not open is nothing. */
export const unzstd = (packed: Uint8Array): Uint8Array => {
  if (!isOneFrame(packed)) return new Uint8Array(0)
  const parts: Uint8Array[] = []
  let total = 0
  const stream = new Decompress((part) => {
    total += part.length
    if (total > frameRawBytesMax) throw new RangeError('more than a frame may hold')
    parts.push(part)
  })
  try {
    stream.push(packed, true)
  } catch {
    return new Uint8Array(0)
  }
  return concatBytes(parts)
}

const magic = 0xfd2fb528
const blockHeaderBytes = 3
const checksumBytes = 4
const runLengthBlock = 1
const reservedBlock = 3
const blockBytesMax = 128 * 1024

/** RFC 8878 §3.1.1: one frame from the first byte to the last, that asks for no more memory than a frame may take. */
const isOneFrame = (bytes: Uint8Array): boolean => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 6 || view.getUint32(0, true) !== magic) return false
  const flags = view.getUint8(4)
  const isSingleSegment = (flags & 0x20) !== 0
  const isOther = (flags & 0x1b) !== 0
  const sizeBytes = flags >> 6 === 0 ? Number(isSingleSegment) : 1 << (flags >> 6)
  const sizeAt = isSingleSegment ? 5 : 6
  if (isOther || sizeAt + sizeBytes > bytes.length) return false
  const room = isSingleSegment ? sizeOf(view, sizeAt, sizeBytes) : windowOf(view.getUint8(5))
  if (room > frameRawBytesMax) return false
  const end = endOfBlocks(view, sizeAt + sizeBytes)
  return end + ((flags & 4) !== 0 ? checksumBytes : 0) === bytes.length
}

const sizeOf = (view: DataView, at: number, bytes: number): number => {
  if (bytes === 1) return view.getUint8(at)
  if (bytes === 2) return view.getUint16(at, true) + 256
  return bytes === 4 ? view.getUint32(at, true) : Number.POSITIVE_INFINITY
}

const windowOf = (descriptor: number): number => {
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}

/** -1 when they are cut off, or one is none. */
const endOfBlocks = (view: DataView, start: number): number => {
  for (let at = start; at + blockHeaderBytes <= view.byteLength; ) {
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16)
    const kind = (header >> 1) & 3
    const size = header >> 3
    if (kind === reservedBlock || size > blockBytesMax) return -1
    at += blockHeaderBytes + (kind === runLengthBlock ? 1 : size)
    if ((header & 1) === 1) return at
  }
  return -1
}
