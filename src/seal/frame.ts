// MFL1 log frames: header in the clear, body AES-256-GCM under the key of the attempt (foundation.md §3).
// Nonce = seq, AAD = header: a frame that is cut, changed, renumbered or moved to another attempt does not open.
// One WebCrypto call per frame and no copies besides the result, so that a runner can keep several under way.
import { type Bytes, concatBytes } from '../base/bytes.ts'
import {
  encodeFrameHeader,
  type FrameHeader,
  frameHeaderBytes,
  parseFrameHeader,
} from '../protocol/frames.ts'
import { type CryptoKey, gcmNonceBytes, gcmOpen, gcmSeal, importAesKey, randomBytes } from './subtle.ts'

export const logKeyBytes = 32

/** 32 fresh bytes: the runner seals them for the vault and imports them once per attempt. */
export const generateLogKey = (): Bytes => randomBytes(logKeyBytes)

/** Log keys have this length; anything else is a defect of the caller. */
export const importLogKey = (raw: Uint8Array): Promise<CryptoKey> => {
  if (raw.length !== logKeyBytes) throw new RangeError('a log key has 32 bytes')
  return importAesKey(raw)
}

/** ciphertext ‖ tag by the caller, where WebCrypto's way over another thread takes longer than the cipher. */
export type GcmSeal = (
  plaintext: Uint8Array,
  options: { readonly nonce: Uint8Array; readonly aad: Uint8Array },
) => Uint8Array

/** null when it is not authentic. */
export type GcmOpen = (
  sealed: Uint8Array,
  options: { readonly nonce: Uint8Array; readonly aad: Uint8Array },
) => Bytes | null

/** Never call it twice with one key and one `header.seq`: that would use a nonce twice. */
export const sealFrame = async (
  key: CryptoKey | GcmSeal,
  header: FrameHeader,
  compressed: Uint8Array,
): Promise<Bytes> => {
  const aad = encodeFrameHeader(header)
  const options = { nonce: frameNonce(header.seq), aad }
  const sealed =
    typeof key === 'function' ? key(compressed, options) : await gcmSeal(key, compressed, options)
  return concatBytes([aad, sealed])
}

/** The header and the still compressed body; null when the frame is not authentic under this key. */
export const openFrame = async (
  key: CryptoKey | GcmOpen,
  frame: Uint8Array,
): Promise<{ readonly header: FrameHeader; readonly compressed: Bytes } | null> => {
  const header = parseFrameHeader(frame)
  if (header === null) return null
  const aad = frame.subarray(0, frameHeaderBytes)
  const options = { nonce: frameNonce(header.seq), aad }
  const sealed = frame.subarray(frameHeaderBytes)
  const compressed = typeof key === 'function' ? key(sealed, options) : await gcmOpen(key, sealed, options)
  return compressed === null ? null : { header, compressed }
}

const frameNonce = (seq: number): Bytes => {
  const nonce = new Uint8Array(gcmNonceBytes)
  new DataView(nonce.buffer).setUint32(8, seq)
  return nonce
}
