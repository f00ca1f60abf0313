// Keys of kind `signing`: what of one is public, and a signature over a digest. A key is open here while it signs, in buffers that are
// overwritten, and inside OpenSSL; nothing but signatures leaves.
import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  privateEncrypt,
  sign,
} from 'node:crypto'
import { fault } from '../../base/faults.ts'
import {
  type PublicHalf,
  readDigest,
  rsaBitsMax,
  rsaBitsMin,
  type SigningAlgorithm,
} from '../../protocol/signing.ts'
import { curves, signEcdsa } from './ecdsa.ts'

/** Of a PEM of PKCS #8 without a passphrase; null where it is no key that can be used. */
export const publicHalfOf = (pem: Uint8Array): PublicHalf | null => {
  const key = openKey(pem)
  const algorithm = key === null ? null : algorithmOf(key)
  if (key === null || algorithm === null) return null
  const half = createPublicKey(key)
  const digest = createHash('sha256')
    .update(half.export({ format: 'der', type: 'spki' }))
    .digest('base64')
  return {
    algorithm,
    publicKey: half.export({ format: 'pem', type: 'spki' }).toString(),
    fingerprint: `SHA256:${digest.replace(/=+$/, '')}`,
  }
}

/** `digest`: `sha256:…`, of the form that protocol/signing.ts admits. */
export const signDigest = (
  pem: Uint8Array,
  digest: string,
  randomBytes: (size: number) => Uint8Array,
): Uint8Array => {
  const key = openKey(pem)
  const algorithm = key === null ? null : algorithmOf(key)
  if (key === null || algorithm === null) throw fault('E_STORE_TAMPERED', { detail: 'a signing key is none' })
  const { name, hex } = readDigest(digest)
  const bytes = Buffer.from(hex, 'hex')
  switch (algorithm) {
    case 'ed25519':
      return sign(null, bytes, key)
    case 'rsa':
      return privateEncrypt(
        { key, padding: constants.RSA_PKCS1_PADDING },
        Buffer.concat([digestInfo[name], bytes]),
      )
    case 'ecdsa-p256':
    case 'ecdsa-p384':
      return ecdsa(key, curves[algorithm], { digest: bytes, randomBytes })
  }
}

const begin = Buffer.from('-----BEGIN PRIVATE KEY-----')

const openKey = (pem: Uint8Array): KeyObject | null => {
  // A view: a copy would be one more to overwrite.
  const bytes = Buffer.from(pem.buffer, pem.byteOffset, pem.length)
  if (!bytes.subarray(0, begin.length).equals(begin)) return null
  try {
    return createPrivateKey({ key: bytes, format: 'pem' })
  } catch {
    // Whatever OpenSSL says of it, it is no key.
    return null
  }
}

const algorithmOf = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): SigningAlgorithm | null => {
  const { namedCurve, modulusLength = 0 } = asymmetricKeyDetails ?? {}
  if (asymmetricKeyType === 'ed25519') return 'ed25519'
  if (asymmetricKeyType === 'rsa')
    return modulusLength >= rsaBitsMin && modulusLength <= rsaBitsMax ? 'rsa' : null
  if (asymmetricKeyType !== 'ec') return null
  return namedCurve === curves['ecdsa-p256'].name
    ? 'ecdsa-p256'
    : namedCurve === curves['ecdsa-p384'].name
      ? 'ecdsa-p384'
      : null
}

/** DER before the digest itself (RFC 8017 §9.2, note 1). */
const digestInfo = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
} as const

const ecdsa = (
  key: KeyObject,
  curve: (typeof curves)[keyof typeof curves],
  of: { readonly digest: Uint8Array; readonly randomBytes: (size: number) => Uint8Array },
): Uint8Array => {
  // RFC 5915: SEQUENCE {INTEGER 1, OCTET STRING of the private number, …}.
  const whole = key.export({ format: 'der', type: 'sec1' })
  const start = whole.indexOf(Buffer.of(0x02, 0x01, 0x01, 0x04, curve.bytes)) + 5
  const entropy = of.randomBytes(curve.bytes)
  try {
    return signEcdsa({ ...of, curve, entropy, secret: whole.subarray(start, start + curve.bytes) })
  } finally {
    whole.fill(0)
  }
}
