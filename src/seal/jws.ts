// JWS compact serialisation (RFC 7515), Ed25519 only: tickets, runner requests, receipts. There is no negotiation:
// `alg` is always EdDSA, `typ` is what the caller expects, header members besides `kid` are refused, and header and
// claims must stand in canonical form, so that a token has one spelling and no duplicate member can hide.
import { fromBase64Url, toBase64Url, utf8, utf8Decode } from '../base/bytes.ts'
import { canonicalJson } from './jcs.ts'
import { signBytes, verifyBytes } from './keys.ts'
import type { CryptoKey } from './subtle.ts'

export type JwsClaims = Readonly<Record<string, unknown>>

/** Ed25519 by the caller, where WebCrypto's way over another thread takes longer than the signature. */
export type Sign = (message: Uint8Array) => Uint8Array

/** The other half of it. */
export type Verify = (message: Uint8Array, signature: Uint8Array) => boolean

/** Far above any ticket; a receipt of a long job is the largest token. */
const textMax = 1024 * 1024

export const signJws = async (
  token: { readonly typ: string; readonly kid?: string; readonly claims: JwsClaims },
  privateKey: CryptoKey | Sign,
): Promise<string> => {
  const header = canonicalJson({ alg: 'EdDSA', typ: token.typ, kid: token.kid })
  const signed = `${toBase64Url(utf8(header))}.${toBase64Url(utf8(canonicalJson(token.claims)))}`
  const message = utf8(signed)
  const signature =
    typeof privateKey === 'function' ? privateKey(message) : await signBytes(privateKey, message)
  return `${signed}.${toBase64Url(signature)}`
}

type Key = CryptoKey | Verify

/** The claims, or null for every kind of failure. `keyFor` maps the unproven `kid` to a pinned key, or to null. */
export const verifyJws = async (
  text: string,
  expected: {
    readonly typ: string
    readonly keyFor: (kid: string | null) => Key | null | Promise<Key | null>
  },
): Promise<JwsClaims | null> => {
  const parts = text.length <= textMax ? text.split('.') : []
  const [headerPart, claimsPart, signaturePart] = parts
  if (parts.length !== 3 || !headerPart || !claimsPart || !signaturePart) return null
  const header = decodeObject(headerPart)
  const signature = fromBase64Url(signaturePart)
  if (header === null || signature === null || !isExpectedHeader(header, expected.typ)) return null
  const key = await expected.keyFor(header.kid ?? null)
  if (key === null) return null
  const message = utf8(`${headerPart}.${claimsPart}`)
  const isGenuine =
    typeof key === 'function' ? key(message, signature) : await verifyBytes(key, signature, message)
  if (!isGenuine) return null
  return decodeObject(claimsPart)
}

type Header = { readonly alg: 'EdDSA'; readonly typ: string; readonly kid?: string }

const isExpectedHeader = (header: JwsClaims, typ: string): header is Header =>
  Object.keys(header).every((name) => name === 'alg' || name === 'typ' || name === 'kid') &&
  header.alg === 'EdDSA' &&
  header.typ === typ &&
  (header.kid === undefined || typeof header.kid === 'string')

const decodeObject = (part: string): JwsClaims | null => {
  const bytes = fromBase64Url(part)
  if (bytes === null) return null
  try {
    const text = utf8Decode(bytes)
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    // SAFE: a plain object of JSON, as just checked; its members stay unknown.
    return isObject && canonicalJson(value) === text ? (value as JwsClaims) : null
  } catch {
    // Not UTF-8, not JSON, or JSON without a canonical form: one answer for all of them.
    return null
  }
}
