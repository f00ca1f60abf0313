// Signatures by keys that stay in the vault (trust-model.md §4.1, kind `signing`): what a step says on the job's socket, what its
// runner signs and asks with it, and what the vault answers. Only digests travel, and what is public anyway.
import { id, integer, list, object, oneOf, parseShape, type Shaped, text } from '../base/shape.ts'
import { evidence } from './evidence.ts'
import { bytes, secretName } from './statement.ts'

export const signingAlgorithms = ['ed25519', 'ecdsa-p256', 'ecdsa-p384', 'rsa'] as const
const signingAlgorithm = oneOf(...signingAlgorithms)
export type SigningAlgorithm = Shaped<typeof signingAlgorithm>
export const rsaBitsMin = 2048
export const rsaBitsMax = 4096

/** Of a signing key what everybody may know. */
export const publicHalf = object({
  algorithm: signingAlgorithm,
  /** SubjectPublicKeyInfo as PEM. */
  publicKey: text({
    max: 1200,
    form: /^-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]+-----END PUBLIC KEY-----\n$/,
  }),
  /** `SHA256:` and base64 of the digest of the same as DER. */
  fingerprint: text({ max: 51, form: /^SHA256:[A-Za-z0-9+/]{43}$/ }),
})
export type PublicHalf = Shaped<typeof publicHalf>

const digestBytes = { sha256: 32, sha384: 48, sha512: 64 } as const
type DigestName = keyof typeof digestBytes
const digestForm = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/
const digest = text({ max: 135, form: digestForm })

/** Of a text of that form. */
export const readDigest = (text: string): { readonly name: DigestName; readonly hex: string } => {
  const [name = '', hex = ''] = text.split(':')
  // SAFE: the form admits these names only.
  return { name: name as DigestName, hex }
}

/** Where every step of a job that may sign finds its runner: JSON, a line each way for each connection. */
export const jobSocketPath = '/run/mayfly/job.sock'
export const jobSocketLineMax = 64 * 1024
const socketRequest = object({ verb: oneOf('sign'), name: secretName, digest })
export type SocketRequest = Shaped<typeof socketRequest>
export const parseSocketRequest = (json: unknown) => parseShape(socketRequest, json, 'E_PROTOCOL')

export const signPathForm = /\/runner\/v1\/leases\/lse_[0-9a-v]{26}\/sign$/
const signRequest = object({
  v: oneOf(1),
  /** For whom: a ticket about another one gets nothing. */
  attempt: id('attempt'),
  /** Of the step that asks, from 1. */
  step: integer({ min: 1, max: 65_535 }),
  name: secretName,
  digest,
  evidence,
  /** New for every time it is asked: what was answered once is answered never again. */
  eph: list(bytes({ length: 32 }), { min: 1, max: 1 }),
})
export type SignRequest = Shaped<typeof signRequest>
export const parseSignRequest = (json: unknown) => parseShape(signRequest, json, 'E_PROTOCOL')

export const signature = object({
  secret: id('secret'),
  version: integer({ min: 1, max: 1_000_000 }),
  algorithm: signingAlgorithm,
  /** ECDSA as DER, RSA as PKCS #1 v1.5, Ed25519 over the bytes of the digest. */
  signature: bytes({ max: rsaBitsMax / 8 }),
})
export type Signature = Shaped<typeof signature>
export const parseSignature = (json: unknown) => parseShape(signature, json, 'E_PROTOCOL')
