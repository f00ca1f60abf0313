// Whether what a person puts as a signing key is one (protocol/signing.ts), said before it is sealed: afterwards only the vault can
// look, and it looks again. Nothing is derived or kept here.
import { fromBase64, utf8Decode } from '../base/bytes.ts'
import { rsaBitsMax, rsaBitsMin } from '../protocol/signing.ts'
import { type CryptoKey, view } from './subtle.ts'

const { subtle } = globalThis.crypto

/** In words, with what to do; null: it can be used. */
export const privateKeyProblem = async (pem: Uint8Array): Promise<string | null> => {
  const text = textOf(pem)
  const label = /^-----BEGIN ([A-Z0-9 ]{1,40})-----$/m.exec(text)?.[1]
  if (label !== undefined && label !== 'PRIVATE KEY') return wordsFor(label)
  const [, body = ''] = pemForm.exec(text) ?? []
  const der = fromBase64(body.replaceAll(/\s/g, ''))
  if (der === null || der.length === 0)
    return 'this is no private key as PEM, which begins with -----BEGIN PRIVATE KEY----- and holds that key only'
  const key = await importAny(der)
  der.fill(0)
  if (key === null) return `this key cannot be used: ${usable}`
  const bits = bitsOf(key)
  return bits === null || (bits >= rsaBitsMin && bits <= rsaBitsMax)
    ? null
    : `this RSA key has ${bits} bits: ${usable}`
}

const bitsOf = ({ algorithm }: CryptoKey): number | null =>
  'modulusLength' in algorithm && typeof algorithm.modulusLength === 'number' ? algorithm.modulusLength : null

const usable = `a signing key is Ed25519, ECDSA on P-256 or P-384, or RSA of ${rsaBitsMin} to ${rsaBitsMax} bits`

/** From its first byte, as the vault takes it. */
const pemForm = /^-----BEGIN PRIVATE KEY-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END PRIVATE KEY-----\s*$/

const wordsFor = (label: string): string => {
  if (label.includes('PUBLIC') || label.includes('CERTIFICATE'))
    return `this is a ${label.toLowerCase()}: the vault needs the private half to sign`
  if (label.startsWith('ENCRYPTED'))
    return 'this key has a passphrase, which nobody could type: openssl pkcs8 -topk8 -nocrypt -in KEY -out PLAIN'
  return `this key is in the form "${label}", not PKCS #8: openssl pkcs8 -topk8 -nocrypt -in KEY -out PLAIN`
}

const rsa = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const
const algorithms = [
  { name: 'Ed25519' },
  { name: 'ECDSA', namedCurve: 'P-256' },
  { name: 'ECDSA', namedCurve: 'P-384' },
  rsa,
] as const

/** A key of another algorithm and one that is broken fail alike. */
const importAny = async (der: Uint8Array): Promise<CryptoKey | null> => {
  for (const algorithm of algorithms) {
    const key = await subtle.importKey('pkcs8', view(der), algorithm, false, ['sign']).catch(() => null)
    if (key !== null) return key
  }
  return null
}

const textOf = (pem: Uint8Array): string => {
  try {
    return utf8Decode(pem)
  } catch {
    return ''
  }
}
