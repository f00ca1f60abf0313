// Key pairs: Ed25519 for signing, X25519 for sealing. Public halves travel as 32 raw bytes, private halves are kept
// as PKCS #8. A handle made here cannot be exported; what is to be stored is exported once, when it is generated.
import type { Bytes } from '../base/bytes.ts'
import { fromBase64Url } from '../base/bytes.ts'
import { type CryptoKey, isOperationError, view } from './subtle.ts'

/** A private key that works, and its public half for people and peers. */
export type KeyPair = { readonly privateKey: CryptoKey; readonly publicKey: Bytes }
/** Fresh key material: `pkcs8` is the caller's to store and to wipe. */
export type GeneratedKey = KeyPair & { readonly pkcs8: Bytes }

const { subtle } = globalThis.crypto
type Purpose = 'signing' | 'sealing'

export const publicKeyBytes = 32

export const generateSigningKey = (): Promise<GeneratedKey> => generate('signing')
export const generateSealingKey = (): Promise<GeneratedKey> => generate('sealing')

/** A sealing key for one use, which never leaves this process: `eph` of a runner, a browser, a command line. */
export const generateEphemeralKey = (): Promise<KeyPair> => generatePair('sealing', { exportable: false })

/** null when `pkcs8` is not a key of this kind. */
export const importSigningKey = (pkcs8: Uint8Array): Promise<KeyPair | null> => importPair('signing', pkcs8)
export const importSealingKey = (pkcs8: Uint8Array): Promise<KeyPair | null> => importPair('sealing', pkcs8)

/** A public Ed25519 key from its 32 bytes; null when they are none. */
export const importVerifyKey = async (raw: Uint8Array): Promise<CryptoKey | null> => {
  if (raw.length !== publicKeyBytes) return null
  try {
    return await subtle.importKey('raw', view(raw), 'Ed25519', true, ['verify'])
  } catch (error) {
    if (isOperationError(error)) return null
    throw error
  }
}

export const signBytes = async (privateKey: CryptoKey, message: Uint8Array): Promise<Bytes> =>
  new Uint8Array(await subtle.sign('Ed25519', privateKey, view(message)))

export const verifyBytes = (
  publicKey: CryptoKey,
  signature: Uint8Array,
  message: Uint8Array,
): Promise<boolean> => subtle.verify('Ed25519', publicKey, view(signature), view(message))

const generate = async (purpose: Purpose): Promise<GeneratedKey> => {
  const pair = await generatePair(purpose, { exportable: true })
  const pkcs8 = new Uint8Array(await subtle.exportKey('pkcs8', pair.privateKey))
  return { ...pair, privateKey: await importPrivate(purpose, pkcs8, { exportable: false }), pkcs8 }
}

const generatePair = async (
  purpose: Purpose,
  options: { readonly exportable: boolean },
): Promise<KeyPair> => {
  const pair = await (purpose === 'signing'
    ? subtle.generateKey('Ed25519', options.exportable, ['sign', 'verify'])
    : subtle.generateKey('X25519', options.exportable, ['deriveBits']))
  if (!('privateKey' in pair)) throw new Error('WebCrypto gave no key pair')
  const publicKey = new Uint8Array(await subtle.exportKey('raw', pair.publicKey))
  return { privateKey: pair.privateKey, publicKey }
}

/** WebCrypto derives no public key from a private one, but the JWK of a private key contains it (RFC 8037 §2). */
const importPair = async (purpose: Purpose, pkcs8: Uint8Array): Promise<KeyPair | null> => {
  try {
    const { x } = await subtle.exportKey('jwk', await importPrivate(purpose, pkcs8, { exportable: true }))
    const publicKey = fromBase64Url(x ?? '')
    if (publicKey?.length !== publicKeyBytes) return null
    return { privateKey: await importPrivate(purpose, pkcs8, { exportable: false }), publicKey }
  } catch (error) {
    if (isOperationError(error)) return null
    throw error
  }
}

const importPrivate = (
  purpose: Purpose,
  pkcs8: Uint8Array,
  options: { readonly exportable: boolean },
): Promise<CryptoKey> =>
  purpose === 'signing'
    ? subtle.importKey('pkcs8', view(pkcs8), 'Ed25519', options.exportable, ['sign'])
    : subtle.importKey('pkcs8', view(pkcs8), 'X25519', options.exportable, ['deriveBits'])
