// A part of a stored object for people: one zstd frame of it, opened with the key that the vault gives to a named reader.
// What it holds is what a job wrote, so whoever shows it treats it as hostile.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdDecompress } from 'node:zlib'
import { fromBase64Url } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import type { ObjectId } from '../../base/ids.ts'
import { openBlob } from '../../seal/index.ts'
import { limits } from '../limits.ts'
import type { LogReader } from '../log-use-cases.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { VaultClient } from '../vault-client.ts'
import { storedObjectKey } from './object-key.ts'

export type StoredPart = {
  readonly object: ObjectId
  readonly objectBytes: number
  readonly manifest: string
  readonly wrapped: string
  /** Unpacked. */
  readonly size: number
  readonly offset: number
  readonly length: number
}

/** Fails at its end when it is not what was stored. */
export const openPart = async (
  { vault, objects }: { readonly vault: VaultClient; readonly objects: ObjectStore },
  part: StoredPart,
  reader: LogReader,
): Promise<AsyncIterable<Uint8Array>> => {
  const { manifest, wrapped } = part
  const answer = await vault.call('object.key', { kept: { manifest, wrapped }, ...reader })
  const key = fromBase64Url(answer.key)
  if (key === null) throw fault('E_VAULT_UNAVAILABLE', { detail: 'a key that is not base64url' })
  const name = storedObjectKey(part.object)
  const blob = await openBlob({
    read: (offset, length) => objects.read(name, { offset, length }),
    sizeBytes: part.objectBytes,
    keyFor: (id) => (id === part.object ? key : null),
    objectId: part.object,
  })
  const packed = async function* () {
    const end = part.offset + part.length
    for (let at = part.offset; at < end; at += limits.storedPieceBytes)
      yield await blob.read(at, Math.min(limits.storedPieceBytes, end - at))
  }
  const plain = createZstdDecompress()
  // A failure reaches whoever reads the plain bytes; here it must not count as unhandled.
  pipeline(Readable.from(packed(), { objectMode: false }), plain).catch(() => undefined)
  return bounded(plain, part.size)
}

/** The list says how long it is: what unpacks to more or less is not what was stored. */
const bounded = async function* (plain: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let seen = 0
  for await (const bytes of plain) {
    seen += bytes.length
    if (seen > size) break
    yield bytes
  }
  if (seen !== size) throw fault('E_OBJECT_TAMPERED', { detail: 'a part of another size than listed' })
}
