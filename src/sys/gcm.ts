// AES-256-GCM on the spot, with a 16-byte tag behind the ciphertext: what is small is done sooner than WebCrypto has handed
// it to another thread, and pieces of one moment stay together.
import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import { concatBytes } from '../base/bytes.ts'

type GcmOptions = { readonly nonce: Uint8Array; readonly aad: Uint8Array }

export type Gcm = {
  /** ciphertext ‖ tag. Never twice with one nonce. */
  seal(plaintext: Uint8Array, options: GcmOptions): Uint8Array<ArrayBuffer>
  /** null when it does not authenticate. */
  open(sealed: Uint8Array, options: GcmOptions): Uint8Array<ArrayBuffer> | null
}

const cipherName = 'aes-256-gcm'
const tagBytes = 16

/** `raw` are 32 bytes, which may be wiped afterwards. */
export const createGcm = (raw: Uint8Array): Gcm => {
  const key = createSecretKey(raw)
  return {
    seal: (plaintext, { nonce, aad }) => {
      const cipher = createCipheriv(cipherName, key, nonce)
      cipher.setAAD(aad)
      return concatBytes([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
    },
    open: (sealed, { nonce, aad }) => {
      const end = sealed.length - tagBytes
      if (end < 0) return null
      const decipher = createDecipheriv(cipherName, key, nonce, { authTagLength: tagBytes })
      decipher.setAAD(aad)
      decipher.setAuthTag(sealed.subarray(end))
      const opened = decipher.update(sealed.subarray(0, end))
      try {
        // Of a stream cipher nothing is left for the end: no copy.
        decipher.final()
        return new Uint8Array(opened.buffer, opened.byteOffset, opened.length)
      } catch {
        // SAFE: `final` fails for one reason here, a tag that does not fit; nothing of `opened` leaves.
        return null
      }
    },
  }
}
