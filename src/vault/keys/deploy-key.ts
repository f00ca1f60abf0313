// Deploy keys: one Ed25519 pair per project in OpenSSH's own formats (PROTOCOL.key of OpenSSH, RFC 8709). The seed is
// what the vault stores wrapped; the PEM exists only inside an answer that is about to be sealed to a runner.
import { createHash } from 'node:crypto'
import { type Bytes, concatBytes, utf8 } from '../../base/bytes.ts'
import { generateSigningKey } from '../../seal/index.ts'

const keyType = 'ssh-ed25519'
const seedBytes = 32
/** Cipher block size that the padding is counted by; 8 for an unencrypted key. */
const blockBytes = 8

export type DeployKey = {
  /** The caller wraps and wipes it. */
  readonly seed: Bytes
  /** `ssh-ed25519 AAAA… <comment>` */
  readonly publicLine: string
  readonly fingerprint: string
}

export const generateDeployKey = async (comment: string): Promise<DeployKey> => {
  const { pkcs8, publicKey } = await generateSigningKey()
  // RFC 8410 §7: the seed is the last 32 bytes of the PKCS #8 form.
  const seed = pkcs8.slice(-seedBytes)
  pkcs8.fill(0)
  const blob = publicBlob(publicKey)
  return {
    seed,
    publicLine: `${keyType} ${Buffer.from(blob).toString('base64')} ${comment}`,
    fingerprint: `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`,
  }
}

/** The unencrypted `openssh-key-v1` form, as `ssh-add -` takes it. `check` are four random bytes. */
export const openSshPrivateKey = (options: {
  readonly seed: Uint8Array
  readonly publicLine: string
  readonly check: Uint8Array
}): string => {
  const [, base64 = '', comment = ''] = options.publicLine.split(' ')
  const blob = Buffer.from(base64, 'base64')
  const publicKey = blob.subarray(-seedBytes)
  const secret = concatBytes([
    options.check,
    options.check,
    sshString(utf8(keyType)),
    sshString(publicKey),
    sshString(concatBytes([options.seed, publicKey])),
    sshString(utf8(comment)),
  ])
  const padding = Uint8Array.from({ length: -secret.length & (blockBytes - 1) }, (_, i) => i + 1)
  const whole = Buffer.concat([
    utf8('openssh-key-v1\0'),
    ...['none', 'none', ''].map((text) => sshString(utf8(text))),
    Uint8Array.of(0, 0, 0, 1),
    sshString(blob),
    sshString(concatBytes([secret, padding])),
  ])
  const body = whole.toString('base64').replace(/.{70}(?=.)/g, '$&\n')
  for (const bytes of [secret, whole]) bytes.fill(0)
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----\n`
}

const publicBlob = (publicKey: Uint8Array): Bytes =>
  concatBytes([sshString(utf8(keyType)), sshString(publicKey)])

/** RFC 4251 §5: u32 length, then the bytes. */
const sshString = (bytes: Uint8Array): Bytes => {
  const out = new Uint8Array(4 + bytes.length)
  new DataView(out.buffer).setUint32(0, bytes.length)
  out.set(bytes, 4)
  return out
}
