// HPKE (RFC 9180), base mode, single shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
// Wire form: enc (32 bytes) ‖ ciphertext ‖ tag. No other suite, no other mode, no negotiation (trust-model.md §3.2).
import { type Bytes, concatBytes, equalBytes, utf8 } from '../base/bytes.ts'
import { generateEphemeralKey, type KeyPair, publicKeyBytes } from './keys.ts'
import {
  type CryptoKey,
  type GcmOptions,
  gcmOpen,
  gcmSeal,
  type Hkdf,
  hkdfSha256,
  hmacSha256,
  importAesKey,
  isOperationError,
  view,
} from './subtle.ts'

/** `info` names the purpose, `aad` binds the context; both must be equal on both sides. */
export type HpkeContext = { readonly info: string; readonly aad: Uint8Array }

const { subtle } = globalThis.crypto
const none = new Uint8Array(0)
const version = utf8('HPKE-v1')
const kemSuite = concatBytes([utf8('KEM'), Uint8Array.of(0x00, 0x20)])
const suite = concatBytes([utf8('HPKE'), Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x02)])
const modeBase = 0x00

/** Seals to a raw X25519 public key; null when that is not a usable key (wrong length, small order). */
export const hpkeSeal = async (
  recipient: Uint8Array,
  plaintext: Uint8Array,
  context: HpkeContext,
): Promise<Bytes | null> => sealFrom(await generateEphemeralKey(), recipient, plaintext, context)

/** Works once: its nonce is the first of its key. */
export type SealOnce = (plaintext: Uint8Array, aad: Uint8Array) => Promise<Bytes>

/** What a seal needs before it is known what will be sealed, which is nearly all of its work. `ephemeral` is used for it alone. */
export const prepareSeal = async (
  recipient: Uint8Array,
  info: string,
  ephemeral?: SealingKey,
): Promise<SealOnce | null> => senderFrom(ephemeral ?? (await generateEphemeralKey()), recipient, info)

/**
 * A private key with all that opening takes. WebCrypto hands each of the calls to another thread; a platform that can do
 * them on the spot gives its own (sys/opening-key.ts).
 */
export type OpeningKey = {
  readonly publicKey: Bytes
  /** X25519; null for a peer that is no key or has no order to speak of. */
  agree(peer: Uint8Array): Bytes | null | Promise<Bytes | null>
  readonly hkdf: Hkdf
  /** null when it does not authenticate. */
  open(key: Uint8Array, sealed: Uint8Array, options: GcmOptions): Bytes | null | Promise<Bytes | null>
}

/** The same for sealing to others. */
export type SealingKey = OpeningKey & {
  seal(key: Uint8Array, plaintext: Uint8Array, options: GcmOptions): Bytes | Promise<Bytes>
}

const sealingKeyOf = (pair: KeyPair): SealingKey => ({
  ...openingKeyOf(pair),
  seal: async (key, plaintext, options) => gcmSeal(await importAesKey(key), plaintext, options),
})

const openingKeyOf = ({ privateKey, publicKey }: KeyPair): OpeningKey => ({
  publicKey,
  agree: (peer) => diffieHellman(privateKey, peer),
  hkdf: hkdfSha256,
  open: async (key, sealed, options) => gcmOpen(await importAesKey(key), sealed, options),
})

/** null when the bytes were not sealed to this key in this context, or were changed. */
export const hpkeOpen = async (
  recipient: KeyPair | OpeningKey,
  sealed: Uint8Array,
  context: HpkeContext,
): Promise<Bytes | null> => {
  if (sealed.length < publicKeyBytes) return null
  const own = 'agree' in recipient ? recipient : openingKeyOf(recipient)
  const enc = sealed.subarray(0, publicKeyBytes)
  const shared = await own.agree(enc)
  if (shared === null) return null
  const kemContext = concatBytes([enc, own.publicKey])
  const { key, nonce } = await keySchedule(shared, { hkdf: own.hkdf, kemContext, info: context.info })
  const opened = await own.open(key, sealed.subarray(publicKeyBytes), { nonce, aad: context.aad })
  key.fill(0)
  return opened
}

/** With a given ephemeral key: for the vector of the specification only, so not on the door. */
export const sealFrom = async (
  ephemeral: KeyPair | SealingKey,
  recipient: Uint8Array,
  plaintext: Uint8Array,
  { info, aad }: HpkeContext,
): Promise<Bytes | null> => {
  const seal = await senderFrom(ephemeral, recipient, info)
  return seal === null ? null : seal(plaintext, aad)
}

const senderFrom = async (
  ephemeral: KeyPair | SealingKey,
  recipient: Uint8Array,
  info: string,
): Promise<SealOnce | null> => {
  const own = 'agree' in ephemeral ? ephemeral : sealingKeyOf(ephemeral)
  const shared = await own.agree(recipient)
  if (shared === null) return null
  const kemContext = concatBytes([own.publicKey, recipient])
  const { key, nonce } = await keySchedule(shared, { hkdf: own.hkdf, kemContext, info })
  let isUsed = false
  return async (plaintext, aad) => {
    // A second message under this nonce would give both away.
    if (isUsed) throw new TypeError('a prepared seal works once')
    isUsed = true
    const sealed = await own.seal(key, plaintext, { nonce, aad })
    key.fill(0)
    return concatBytes([own.publicKey, sealed])
  }
}

/** §7.1.4: an all-zero result (a small-order point) is refused, whether or not the platform refuses it first. */
const diffieHellman = async (privateKey: CryptoKey, peer: Uint8Array): Promise<Bytes | null> => {
  if (peer.length !== publicKeyBytes) return null
  try {
    const publicKey = await subtle.importKey('raw', view(peer), 'X25519', true, [])
    const shared = new Uint8Array(
      await subtle.deriveBits({ name: 'X25519', public: publicKey }, privateKey, 256),
    )
    return equalBytes(shared, new Uint8Array(32)) ? null : shared
  } catch (error) {
    if (isOperationError(error)) return null
    throw error
  }
}

/** §4.1 ExtractAndExpand, then §5.1 KeySchedule with empty psk and psk_id. `dh` is wiped, the key is the caller's to wipe. */
const keySchedule = async (
  dh: Bytes,
  given: { readonly hkdf: Hkdf; readonly kemContext: Bytes; readonly info: string },
): Promise<{ readonly key: Bytes; readonly nonce: Bytes }> => {
  const { hkdf, kemContext, info } = given
  const [sharedSecret = none] = await hkdf(labeledIkm(kemSuite, 'eae_prk', dh), none, [
    { info: labeledInfo(kemSuite, 'shared_secret', kemContext, 32), length: 32 },
  ])
  const schedule = await scheduleContext(info)
  const [key = none, nonce = none] = await hkdf(labeledIkm(suite, 'secret', none), sharedSecret, [
    { info: labeledInfo(suite, 'key', schedule, 32), length: 32 },
    { info: labeledInfo(suite, 'base_nonce', schedule, 12), length: 12 },
  ])
  for (const secret of [dh, sharedSecret]) secret.fill(0)
  return { key, nonce }
}

const contexts = new Map<string, Promise<Bytes>>()

/** Of constants only (mode, empty psk_id, purpose), so each of our few purposes is computed once. */
const scheduleContext = (info: string): Promise<Bytes> => {
  const known = contexts.get(info) ?? computeContext(info)
  contexts.set(info, known)
  return known
}

const computeContext = async (info: string): Promise<Bytes> => {
  const [pskIdHash, infoHash] = await Promise.all([
    hmacSha256(none, labeledIkm(suite, 'psk_id_hash', none)),
    hmacSha256(none, labeledIkm(suite, 'info_hash', utf8(info))),
  ])
  return concatBytes([Uint8Array.of(modeBase), pskIdHash, infoHash])
}

const labeledIkm = (suiteId: Bytes, label: string, ikm: Uint8Array): Bytes =>
  concatBytes([version, suiteId, utf8(label), ikm])

const labeledInfo = (suiteId: Bytes, label: string, info: Uint8Array, length: number): Bytes =>
  concatBytes([Uint8Array.of(length >> 8, length & 0xff), version, suiteId, utf8(label), info])
