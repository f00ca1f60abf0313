// A passkey's signature (WebAuthn level 2, §7.2), with Node's crypto alone: for this challenge, on this site, by a person
// who was there and was verified. The counter is not kept: passkeys that are synchronised always say 0, and `prev` already
// makes a signature good for one statement only.
import { createHash, createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto'
import { fromBase64Url, utf8Decode } from '../../base/bytes.ts'
import type { SignerKey, StatementProof } from '../../protocol/statement.ts'

type Passkey = Extract<SignerKey, { kind: 'webauthn' }>
type Assertion = Extract<StatementProof, { kind: 'webauthn' }>

const userPresent = 0x01
const userVerified = 0x04
const rsaBitsMin = 2048

export const verifyAssertion = (key: Passkey, proof: Assertion, challenge: Uint8Array): boolean => {
  const data = Buffer.from(proof.authenticator_data, 'base64url')
  const client = Buffer.from(proof.client_data, 'base64url')
  const publicKey = importPasskey(key.public_key)
  return (
    publicKey !== null &&
    isFor(client, { challenge: Buffer.from(challenge).toString('base64url'), origin: key.origin }) &&
    isFrom(data, key.rp) &&
    verifySignature(publicKey, Buffer.concat([data, sha256(client)]), Buffer.from(proof.sig, 'base64url'))
  )
}

/** Ed25519, P-256 or RSA, which are what a browser is asked for; null otherwise. */
export const importPasskey = (spki: string): KeyObject | null => {
  try {
    const bytes = Buffer.from(fromBase64Url(spki) ?? [])
    const key = createPublicKey({ key: bytes, format: 'der', type: 'spki' })
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
    const isUsable =
      type === 'ed25519' ||
      (type === 'ec' && details?.namedCurve === 'prime256v1') ||
      (type === 'rsa' && (details?.modulusLength ?? 0) >= rsaBitsMin)
    return isUsable ? key : null
  } catch {
    // Not the encoding of a key.
    return null
  }
}

const isFor = (
  client: Buffer,
  expected: { readonly challenge: string; readonly origin: string },
): boolean => {
  try {
    const said: unknown = JSON.parse(utf8Decode(client))
    if (typeof said !== 'object' || said === null) return false
    const { type, challenge, origin, crossOrigin } = said as Readonly<Record<string, unknown>>
    return (
      type === 'webauthn.get' &&
      challenge === expected.challenge &&
      origin === expected.origin &&
      crossOrigin !== true
    )
  } catch {
    // Not text, or not JSON: it names no challenge.
    return false
  }
}

/** rpIdHash (32), flags (1), counter (4), then extensions. */
const isFrom = (data: Buffer, rp: string): boolean =>
  data.length >= 37 &&
  timingSafeEqual(data.subarray(0, 32), sha256(Buffer.from(rp))) &&
  ((data[32] ?? 0) & (userPresent | userVerified)) === (userPresent | userVerified)

/** For RSA that is PKCS #1 v1.5, the RS256 of passkeys. */
const verifySignature = (key: KeyObject, message: Buffer, signature: Buffer): boolean =>
  verify(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', message, key, signature)

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
