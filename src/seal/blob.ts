// MFB1, the container of large objects (logs, artifacts, caches; trust-model.md §3.2):
//   "MFB1" ‖ u16 length ‖ key id ‖ salt[32], then chunks of 64 KiB plaintext, each AES-256-GCM.
// Object key = HKDF-SHA256(key, salt, "mayfly/v1/blob"); nonce = 11-byte big-endian chunk counter ‖ 1 on the last
// chunk, else 0; AAD = header ‖ object id. So truncation, reordering, splicing and a swap of objects all fail.
// An object has at least one chunk, and only the last is shorter than 64 KiB. Failure is the fault E_OBJECT_TAMPERED.
import { type Bytes, concatBytes, utf8, utf8Decode } from '../base/bytes.ts'
import { type Fault, fault } from '../base/faults.ts'
import type { SealingKey } from './hpke.ts'
import {
  type CryptoKey,
  type GcmOptions,
  gcmOpen,
  gcmSeal,
  gcmTagBytes,
  type Hkdf,
  hkdfSha256,
  importAesKey,
  randomBytes,
} from './subtle.ts'

const blobChunkBytes = 64 * 1024
const sealedChunkBytes = blobChunkBytes + gcmTagBytes
const magic = utf8('MFB1')
const saltBytes = 32
const keyIdBytesMax = 256
const headerBytesMax = magic.length + 2 + keyIdBytesMax + saltBytes
/** Chunks under way at once: enough to keep WebCrypto's threads busy, little memory. */
const inFlightMax = 4

/** Gives the 32-byte key that a key id names; it is not kept. null refuses the object. */
type BlobKeyFor = (keyId: string) => Uint8Array | null | Promise<Uint8Array | null>
/** Reads exactly `length` bytes of the container at `offset`. */
type RangeRead = (offset: number, length: number) => Promise<Uint8Array>

type EncryptOptions = {
  readonly keyId: string
  readonly key: Uint8Array
  readonly objectId: string
  /** For what is small, where WebCrypto's way over another thread takes longer than the work. */
  readonly here?: Pick<SealingKey, 'hkdf' | 'seal'>
}

export const encryptBlob = (
  plaintext: AsyncIterable<Uint8Array>,
  options: EncryptOptions,
): AsyncGenerator<Bytes> => encryptFrom(randomBytes(saltBytes), plaintext, options)

/** With a given salt: for test vectors only, so not on the door. */
export const encryptFrom = async function* (
  salt: Bytes,
  plaintext: AsyncIterable<Uint8Array>,
  options: EncryptOptions,
): AsyncGenerator<Bytes> {
  const header = encodeHeader(options.keyId, salt)
  const seal = await openSeal(header, options)
  yield header.bytes
  yield* inOrder(splitChunks(plaintext, blobChunkBytes), ({ bytes, index, last }) =>
    seal(bytes, { nonce: chunkNonce(index, last), aad: aadOf(header, options.objectId) }),
  )
}

/** Yields plaintext that is authentic so far; a cut container throws at its end, so use nothing before `done`. */
export const decryptBlob = async function* (
  container: AsyncIterable<Uint8Array>,
  options: { readonly keyFor: BlobKeyFor; readonly objectId: string },
): AsyncGenerator<Bytes> {
  const source = byteSource(container)
  try {
    const header = parseBlobHeader(await source.peek(headerBytesMax))
    source.skip(header.bytes.length)
    const cipher = await openCipher(header, await requireKey(header, options.keyFor), options.objectId)
    yield* inOrder(splitChunks(source.rest(), sealedChunkBytes), ({ bytes, index, last }) =>
      cipher.open(bytes, index, last),
    )
  } finally {
    await source.close()
  }
}

/** Random access. Opening proves the last chunk, so an object cut at a chunk border is refused at once. */
export const openBlob = async (options: {
  readonly read: RangeRead
  readonly sizeBytes: number
  readonly keyFor: BlobKeyFor
  readonly objectId: string
}): Promise<{ readonly plainBytes: number; readonly read: RangeRead }> => {
  const { read, sizeBytes } = options
  const header = parseBlobHeader(await read(0, Math.min(headerBytesMax, sizeBytes)))
  const cipher = await openCipher(header, await requireKey(header, options.keyFor), options.objectId)
  const body = sizeBytes - header.bytes.length
  const chunks = Math.ceil(body / sealedChunkBytes)
  const openChunk = async (index: number): Promise<Bytes> => {
    const offset = index * sealedChunkBytes
    const sealed = await read(header.bytes.length + offset, Math.min(sealedChunkBytes, body - offset))
    return cipher.open(sealed, index, index === chunks - 1)
  }
  if (chunks < 1) throw broken('no chunk')
  await openChunk(chunks - 1)
  const plainBytes = body - chunks * gcmTagBytes
  return { plainBytes, read: (offset, length) => readRange(openChunk, plainBytes, { offset, length }) }
}

const parseBlobHeader = (start: Uint8Array): BlobHeader => {
  if (start.length < magic.length + 2 || !magic.every((byte, i) => start[i] === byte)) throw broken('no MFB1')
  const keyIdLength = new DataView(start.buffer, start.byteOffset).getUint16(magic.length)
  const length = magic.length + 2 + keyIdLength + saltBytes
  if (keyIdLength === 0 || keyIdLength > keyIdBytesMax || start.length < length)
    throw broken('header cut off')
  const bytes = start.slice(0, length)
  return {
    bytes,
    keyId: decodeKeyId(bytes.subarray(magic.length + 2, length - saltBytes)),
    salt: bytes.subarray(length - saltBytes),
  }
}

type BlobHeader = { readonly bytes: Uint8Array; readonly keyId: string; readonly salt: Uint8Array }
type Chunk = { readonly bytes: Uint8Array; readonly index: number; readonly last: boolean }

const encodeHeader = (keyId: string, salt: Bytes) => {
  const name = utf8(keyId)
  if (name.length === 0 || name.length > keyIdBytesMax) throw new RangeError('key id of 1 to 256 bytes')
  const bytes = concatBytes([magic, Uint8Array.of(name.length >> 8, name.length & 0xff), name, salt])
  return { bytes, keyId, salt }
}

const objectKey = async (header: BlobHeader, key: Uint8Array, hkdf: Hkdf): Promise<Bytes> => {
  const [raw = new Uint8Array(0)] = await hkdf(key, header.salt, [
    { info: utf8('mayfly/v1/blob'), length: 32 },
  ])
  return raw
}

const aadOf = (header: BlobHeader, objectId: string): Bytes => concatBytes([header.bytes, utf8(objectId)])

const openSeal = async (header: BlobHeader, { key, here }: EncryptOptions) => {
  const raw = await objectKey(header, key, here?.hkdf ?? hkdfSha256)
  if (here !== undefined)
    return async (bytes: Uint8Array, options: GcmOptions) => here.seal(raw, bytes, options)
  const handle = await importAesKey(raw)
  raw.fill(0)
  return (bytes: Uint8Array, options: GcmOptions) => gcmSeal(handle, bytes, options)
}

const openCipher = async (header: BlobHeader, key: Uint8Array, objectId: string) => {
  const raw = await objectKey(header, key, hkdfSha256)
  const handle: CryptoKey = await importAesKey(raw)
  raw.fill(0)
  const aad = aadOf(header, objectId)
  return {
    open: async (bytes: Uint8Array, index: number, last: boolean) => {
      const plain = await gcmOpen(handle, bytes, { nonce: chunkNonce(index, last), aad })
      if (plain === null || (plain.length === 0 && index > 0)) throw broken(`chunk ${index}`)
      return plain
    },
  }
}

/** 11-byte big-endian counter, of which a safe integer fills the low 7 bytes, then the flag of the last chunk. */
const chunkNonce = (index: number, last: boolean): Bytes => {
  const nonce = new Uint8Array(12)
  new DataView(nonce.buffer).setBigUint64(3, BigInt(index))
  nonce[11] = last ? 1 : 0
  return nonce
}

const requireKey = async (header: BlobHeader, keyFor: BlobKeyFor): Promise<Uint8Array> => {
  const key = await keyFor(header.keyId)
  if (key === null) throw broken('unknown key id')
  return key
}

const readRange = async (
  openChunk: (index: number) => Promise<Bytes>,
  plainBytes: number,
  range: { readonly offset: number; readonly length: number },
): Promise<Bytes> => {
  const end = range.offset + range.length
  if (range.offset < 0 || range.length < 0 || end > plainBytes) throw new RangeError('outside of the object')
  if (range.length === 0) return new Uint8Array(0)
  const first = Math.floor(range.offset / blobChunkBytes)
  const after = Math.ceil(end / blobChunkBytes)
  const parts: Bytes[] = []
  for (let index = first; index < after; index++) parts.push(await openChunk(index))
  const from = range.offset - first * blobChunkBytes
  return concatBytes(parts).slice(from, from + range.length)
}

/** Cuts a stream into chunks of `size`; holds one back, because only the end tells which is the last. */
const splitChunks = async function* (stream: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Chunk> {
  let chunk = new Uint8Array(size)
  let filled = 0
  let index = 0
  for await (const piece of stream) {
    for (let at = 0; at < piece.length; ) {
      if (filled === size) {
        yield { bytes: chunk, index: index++, last: false }
        chunk = new Uint8Array(size)
        filled = 0
      }
      const part = piece.subarray(at, at + size - filled)
      chunk.set(part, filled)
      filled += part.length
      at += part.length
    }
  }
  yield { bytes: chunk.subarray(0, filled), index, last: true }
}

/** Keeps a few chunks under way and yields the results in their order. */
const inOrder = async function* (
  chunks: AsyncIterable<Chunk>,
  work: (chunk: Chunk) => Promise<Bytes>,
): AsyncGenerator<Bytes> {
  const underway: Promise<Bytes>[] = []
  for await (const chunk of chunks) {
    const result = work(chunk)
    // A failure is reported when its turn comes; until then it must not count as unhandled.
    result.catch(() => undefined)
    underway.push(result)
    const oldest = underway.length >= inFlightMax ? underway.shift() : undefined
    if (oldest !== undefined) yield await oldest
  }
  for (const result of underway) yield await result
}

/** A stream of which the beginning can be looked at before it is consumed. */
const byteSource = (stream: AsyncIterable<Uint8Array>) => {
  const iterator = stream[Symbol.asyncIterator]()
  let head: Bytes = new Uint8Array(0)
  return {
    peek: async (count: number): Promise<Bytes> => {
      while (head.length < count) {
        const next = await iterator.next()
        if (next.done) break
        head = concatBytes([head, next.value])
      }
      return head
    },
    /** Whoever gives the stream learns that no more of it is wanted. */
    close: async (): Promise<void> => void (await iterator.return?.()),
    skip: (count: number): void => {
      head = head.subarray(count)
    },
    rest: async function* (): AsyncGenerator<Uint8Array> {
      yield head
      yield* { [Symbol.asyncIterator]: () => iterator }
    },
  }
}

const decodeKeyId = (bytes: Uint8Array): string => {
  try {
    return utf8Decode(bytes)
  } catch {
    throw broken('key id is not UTF-8')
  }
}

const broken = (detail: string): Fault => fault('E_OBJECT_TAMPERED', { detail })
