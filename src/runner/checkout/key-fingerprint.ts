// The name of an SSH key by its public half, read from the private one: an unencrypted OpenSSH file, as the vault releases it.
import { createHash } from 'node:crypto'

const magic = Buffer.from('openssh-key-v1\0')

/** `SHA256:…` as `ssh-keygen -l` says it; null for anything else. */
export const keyFingerprint = (pem: string): string | null => {
  const bytes = Buffer.from(pem.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64')
  const isKey = bytes.subarray(0, magic.length).equals(magic)
  // Cipher, key derivation and its options, each with its length; then how many keys there are.
  let at: number | null = magic.length
  for (let part = 0; part < 3 && at !== null; part++) at = endOfString(bytes, at)
  const end = at === null ? null : endOfString(bytes, at + 4)
  const blob = isKey && at !== null && end !== null ? bytes.subarray(at + 8, end) : null
  const name = blob && `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
  bytes.fill(0)
  return name
}

const endOfString = (bytes: Buffer, at: number): number | null => {
  const end = at + 4 <= bytes.length ? at + 4 + bytes.readUInt32BE(at) : Number.POSITIVE_INFINITY
  return end > bytes.length ? null : end
}
