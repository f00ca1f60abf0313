// X25519, HKDF-SHA-256 and AES-256-GCM with one private key, on the spot: sealing or opening something small this way is over
// before WebCrypto has handed the first of its steps to another thread.
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import { type Bytes, concatBytes, equalBytes, fromBase64Url } from '../base/bytes.ts'
import { createGcm } from './gcm.ts'

/** What opens what others sealed to it, in the shape that seal/hpke.ts takes. null: `pkcs8` is not an X25519 key. */
export const createOpeningKey = (pkcs8: Uint8Array) => {
  const privateKey = importPrivate(pkcs8)
  const publicKey = privateKey === null ? null : publicBytes(createPublicKey(privateKey))
  return privateKey === null || publicKey === null ? null : withKey(privateKey, publicKey)
}

/** A new key for one use, which never leaves this process. */
export const createEphemeralKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  const bytes = publicBytes(publicKey)
  if (bytes === null) throw new Error('a key pair without a public half')
  return withKey(privateKey, bytes)
}

type GcmOptions = Parameters<ReturnType<typeof createGcm>['open']>[1]

/** What takes no private key, in the shapes that seal/ takes. */
export const sealingHere = {
  hkdf: (
    secret: Uint8Array,
    salt: Uint8Array,
    outputs: readonly { readonly info: Uint8Array; readonly length: number }[],
  ): Bytes[] =>
    outputs.map(({ info, length }) => new Uint8Array(hkdfSync('sha256', secret, salt, info, length))),
  seal: (key: Uint8Array, plaintext: Uint8Array, options: GcmOptions): Bytes =>
    createGcm(key).seal(plaintext, options),
}

const withKey = (privateKey: KeyObject, publicKey: Bytes) => ({
  ...sealingHere,
  publicKey,
  agree: (peer: Uint8Array) => agree(privateKey, peer),
  open: (key: Uint8Array, sealed: Uint8Array, options: GcmOptions) => createGcm(key).open(sealed, options),
})

const importPrivate = (pkcs8: Uint8Array): KeyObject | null => {
  try {
    const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
    return key.asymmetricKeyType === 'x25519' ? key : null
  } catch {
    return null
  }
}

const publicBytes = (publicKey: KeyObject): Bytes | null => {
  const { x } = publicKey.export({ format: 'jwk' })
  return fromBase64Url(x ?? '')
}

const keyBytes = 32
/** SubjectPublicKeyInfo of X25519 up to the key itself (RFC 8410 §4). */
const spkiHead = Uint8Array.from([0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00])

/** null for a peer that is no key, or of small order: its result is zero, which RFC 9180 §7.1.4 refuses. */
const agree = (privateKey: KeyObject, peer: Uint8Array): Bytes | null => {
  if (peer.length !== keyBytes) return null
  const key = Buffer.from(concatBytes([spkiHead, peer]))
  try {
    const publicKey = createPublicKey({ key, format: 'der', type: 'spki' })
    const shared = new Uint8Array(diffieHellman({ privateKey, publicKey }))
    return equalBytes(shared, new Uint8Array(keyBytes)) ? null : shared
  } catch (error) {
    if (isRefusedByOpenSsl(error)) return null
    throw error
  }
}

const isRefusedByOpenSsl = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_OSSL_')
