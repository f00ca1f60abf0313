// Random values that open something, and what the database keeps of them: the SHA-256. They have 128 bits or more, so a
// plain hash is enough, and finding one by its hash leaks nothing through timing.
import { createHash } from 'node:crypto'
import { toBase64Url } from '../../base/bytes.ts'
import type { RandomBytes } from '../../base/clock.ts'
import { Secret } from '../../base/secret.ts'

export const hashOf = (text: string): Uint8Array => createHash('sha256').update(text).digest()

export const randomText = (randomBytes: RandomBytes, bytes: number): Secret<string> =>
  new Secret(toBase64Url(randomBytes(bytes)))
