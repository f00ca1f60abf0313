// AES-256-GCM of log frames on the spot: a frame is small, and WebCrypto's way over another thread takes longer than its
// cipher and lets frames of one moment leave in different requests.
import { createCipheriv, createSecretKey } from 'node:crypto'
import { concatBytes } from '../../base/bytes.ts'
import type { GcmSeal } from '../../seal/index.ts'

/** The key may be wiped afterwards. */
export const createFrameSeal = (logKey: Uint8Array): GcmSeal => {
  const key = createSecretKey(logKey)
  return (plaintext, { nonce, aad }) => {
    const cipher = createCipheriv('aes-256-gcm', key, nonce)
    cipher.setAAD(aad)
    return concatBytes([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  }
}
