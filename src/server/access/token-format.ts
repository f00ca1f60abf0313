// The text of an API token: `mfp_` (personal) or `mfs_` (service), 43 base62 characters (256 bit), 6 base62 digits of
// the CRC-32 of everything before. Secret scanners match `mf[psd]_[0-9A-Za-z]{49}` and check the sum offline.
import { crc32 } from 'node:zlib'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const randomLength = 43
const checksumLength = 6
const form = /^mf[psd]_[0-9A-Za-z]{49}$/

export type TokenKind = 'mfp' | 'mfs'

/** `random` is 32 bytes: 43 base62 digits hold 256 bits. */
export const formatToken = (kind: TokenKind, random: Uint8Array): string => {
  const rest = `${kind}_${base62(bigIntOf(random), randomLength)}`
  return rest + checksum(rest)
}

/** Whether `text` is a token somebody was given, before the database is asked. */
export const isTokenText = (text: string): boolean =>
  form.test(text) && checksum(text.slice(0, -checksumLength)) === text.slice(-checksumLength)

const checksum = (rest: string): string => base62(BigInt(crc32(rest)), checksumLength)

const bigIntOf = (bytes: Uint8Array): bigint => bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)

const base62 = (value: bigint, length: number): string => {
  let text = ''
  for (let rest = value; text.length < length; rest /= 62n) text = alphabet.charAt(Number(rest % 62n)) + text
  return text
}
