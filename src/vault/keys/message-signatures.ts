// The signatures of Standard Webhooks over one message, and that of CircleCI over its body. Pure: keys in, headers out.
import { createHmac, createPrivateKey, sign } from 'node:crypto'
import { utf8 } from '../../base/bytes.ts'

export type SignedMessage = { readonly message: string; readonly at: number; readonly body: string }

const signedBytes = ({ message, at, body }: SignedMessage) => utf8(`${message}.${at}.${body}`)

/** `v1`: HMAC-SHA-256; the key is the bytes of the secret. */
export const hmacSignature = (secret: Uint8Array, message: SignedMessage): string =>
  `v1,${createHmac('sha256', secret).update(signedBytes(message)).digest('base64')}`

/** `v1a`: Ed25519. */
export const keySignature = (pkcs8: Uint8Array, message: SignedMessage): string => {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
  return `v1a,${sign(null, signedBytes(message), key).toString('base64')}`
}

/** The key is the text of the secret, as it was shown. */
export const bodySignature = (secretText: Uint8Array, body: string): string =>
  `v1=${createHmac('sha256', secretText).update(body).digest('hex')}`
