// Short secrets at rest: `mv1:<key id>:<base64(nonce ‖ ciphertext ‖ tag)>`, AES-256-GCM with a random 96-bit nonce,
// the byte layout of Vault Transit's aes256-gcm96 (trust-model.md §3.2). Always with AAD that says what it is.
import { type Bytes, concatBytes, fromBase64, toBase64 } from '../base/bytes.ts'
import type { GcmOpen } from './frame.ts'
import { type CryptoKey, gcmNonceBytes, gcmOpen, gcmSeal, gcmTagBytes, randomBytes } from './subtle.ts'

const keyIdForm = /^[A-Za-z0-9_.-]{1,128}$/
/** A file secret is at most 1 MiB; nothing longer belongs into this form. */
const textMax = 2 * 1024 * 1024

export const sealMv1 = async (
  key: { readonly id: string; readonly key: CryptoKey },
  plaintext: Uint8Array,
  aad: Uint8Array,
): Promise<string> => {
  if (!keyIdForm.test(key.id)) throw new RangeError('not a key id')
  const nonce = randomBytes(gcmNonceBytes)
  return `mv1:${key.id}:${toBase64(concatBytes([nonce, await gcmSeal(key.key, plaintext, { nonce, aad })]))}`
}

/** null when the text is malformed, names no key that `keyFor` knows, or does not authenticate. */
export const openMv1 = async (
  text: string,
  options: { readonly keyFor: (keyId: string) => CryptoKey | GcmOpen | null; readonly aad: Uint8Array },
): Promise<Bytes | null> => {
  const [form, keyId, body, ...rest] = text.length <= textMax ? text.split(':') : []
  if (form !== 'mv1' || !keyId || !keyIdForm.test(keyId) || !body || rest.length > 0) return null
  const bytes = fromBase64(body)
  const key = options.keyFor(keyId)
  if (bytes === null || key === null || bytes.length < gcmNonceBytes + gcmTagBytes) return null
  const of = { nonce: bytes.subarray(0, gcmNonceBytes), aad: options.aad }
  const sealed = bytes.subarray(gcmNonceBytes)
  return typeof key === 'function' ? key(sealed, of) : gcmOpen(key, sealed, of)
}
