// The few WebCrypto calls that every sealed format is made of. Internal to seal/: nothing here knows a format.
// Opening answers null when the bytes do not authenticate, and throws only when the caller misused a key.
import type { Bytes } from '../base/bytes.ts'

/** A key handle of WebCrypto; the same name in Node and in browsers. */
export type CryptoKey = InstanceType<typeof globalThis.CryptoKey>

const { subtle } = globalThis.crypto

export const randomBytes = (count: number): Bytes => globalThis.crypto.getRandomValues(new Uint8Array(count))

export const sha256 = async (bytes: Uint8Array): Promise<Bytes> =>
  new Uint8Array(await subtle.digest('SHA-256', view(bytes)))

/** HMAC-SHA-256. An empty key stands for 32 zero bytes, as RFC 5869 §2.2 says of a missing salt. */
export const hmacSha256 = async (keyBytes: Uint8Array, message: Uint8Array): Promise<Bytes> => {
  const raw = keyBytes.length === 0 ? new Uint8Array(32) : keyBytes
  const key = await subtle.importKey('raw', view(raw), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return new Uint8Array(await subtle.sign('HMAC', key, view(message)))
}

/** HKDF-SHA-256: a secret, a salt, and what of it is wanted. */
export type Hkdf = (
  secret: Uint8Array,
  salt: Uint8Array,
  outputs: readonly { readonly info: Uint8Array; readonly length: number }[],
) => Bytes[] | Promise<Bytes[]>

/** HKDF-SHA-256 (RFC 5869), extract and expand. Several outputs of one extraction cost one import. */
export const hkdfSha256 = async (
  secret: Uint8Array,
  salt: Uint8Array,
  outputs: readonly { readonly info: Uint8Array; readonly length: number }[],
): Promise<Bytes[]> => {
  const key = await subtle.importKey('raw', view(secret), 'HKDF', false, ['deriveBits'])
  return Promise.all(
    outputs.map(async ({ info, length }) => {
      const parameters = { name: 'HKDF', hash: 'SHA-256', salt: view(salt), info: view(info) }
      return new Uint8Array(await subtle.deriveBits(parameters, key, 8 * length))
    }),
  )
}

/** A handle that can encrypt and decrypt and cannot be exported; `raw` may be wiped afterwards. */
export const importAesKey = (raw: Uint8Array): Promise<CryptoKey> =>
  subtle.importKey('raw', view(raw), 'AES-GCM', false, ['encrypt', 'decrypt'])

export type GcmOptions = { readonly nonce: Uint8Array; readonly aad: Uint8Array }

/** ciphertext ‖ 16-byte tag. */
export const gcmSeal = async (key: CryptoKey, plaintext: Uint8Array, options: GcmOptions): Promise<Bytes> =>
  new Uint8Array(await subtle.encrypt(gcm(options), key, view(plaintext)))

export const gcmOpen = async (
  key: CryptoKey,
  sealed: Uint8Array,
  options: GcmOptions,
): Promise<Bytes | null> => {
  if (sealed.length < gcmTagBytes) return null
  try {
    return new Uint8Array(await subtle.decrypt(gcm(options), key, view(sealed)))
  } catch (error) {
    if (isOperationError(error)) return null
    throw error
  }
}

export const gcmTagBytes = 16
export const gcmNonceBytes = 12

const gcm = ({ nonce, aad }: GcmOptions) => ({
  name: 'AES-GCM',
  iv: view(nonce),
  additionalData: view(aad),
  tagLength: 8 * gcmTagBytes,
})

/** WebCrypto's one answer to a wrong tag, a small-order point and a key that does not parse. */
export const isOperationError = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'OperationError' || error.name === 'DataError')

// SAFE: WebCrypto takes any view; the DOM types only exclude SharedArrayBuffer, which nobody here makes.
export const view = (bytes: Uint8Array): Bytes => bytes as Bytes
