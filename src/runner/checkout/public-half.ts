// The public half of an OpenSSH private key, which stands in the clear at its head (PROTOCOL.key of OpenSSH). It tells keys
// apart: the private form of one and the same key differs each time the vault writes it.
import type { Secret } from '../../base/secret.ts'

const magic = 'openssh-key-v1\0'
/** Cipher, key derivation and its options come before it, each with its length. */
const fieldsBefore = 3

/** base64; null for another form. */
export const publicHalf = (key: Secret<string>): string | null => {
  const [, body] =
    /^-----BEGIN OPENSSH PRIVATE KEY-----\n([\sA-Za-z0-9+/=]+)-----END/.exec(
      key.reveal('for its public half, which is in the clear'),
    ) ?? []
  const bytes = Buffer.from(body ?? '', 'base64')
  try {
    return readPublicHalf(bytes)
  } catch {
    // It is shorter than its lengths say.
    return null
  } finally {
    bytes.fill(0)
  }
}

const readPublicHalf = (bytes: Buffer): string | null => {
  if (bytes.toString('latin1', 0, magic.length) !== magic) return null
  let at = magic.length
  for (let field = 0; field < fieldsBefore; field++) at += 4 + bytes.readUInt32BE(at)
  const start = at + 8
  const end = start + bytes.readUInt32BE(at + 4)
  return end > bytes.length ? null : bytes.toString('base64', start, end)
}
