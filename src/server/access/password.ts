// Passwords as Argon2id (64 MiB, 3 passes) in PHC strings. A check takes the same work whether the person exists,
// has no password, or typed a wrong one. Never more than a few at once: each holds 64 MiB.
import { argon2 } from 'node:crypto'
import { equalBytes, toBase64 } from '../../base/bytes.ts'
import type { RandomBytes } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import type { Secret } from '../../base/secret.ts'
import { createGate } from '../gate.ts'
import { limits } from './limits.ts'

const memoryKiB = 64 * 1024
const passes = 3
const saltBytes = 16
const tagBytes = 32
const form = new RegExp(
  `^\\$argon2id\\$v=19\\$m=${memoryKiB},t=${passes},p=1\\$([A-Za-z0-9+/]{22})\\$([A-Za-z0-9+/]{43})$`,
)

export type Passwords = {
  hash(password: Secret<string>): Promise<string>
  /** `stored` null means that there is nothing to compare with: the work is done all the same and the answer is no. */
  isRight(password: Secret<string>, stored: string | null): Promise<boolean>
}

export const createPasswords = (deps: { readonly randomBytes: RandomBytes }): Passwords => {
  const admit = createGate(limits.password)
  const nobodysSalt = deps.randomBytes(saltBytes)
  return {
    hash: async (password) => {
      const salt = deps.randomBytes(saltBytes)
      return formatHash(salt, await admit(() => derive(password, salt)))
    },
    isRight: async (password, stored) => {
      const parts = stored === null ? null : parseHash(stored)
      const tag = await admit(() => derive(password, parts?.salt ?? nobodysSalt))
      return parts !== null && equalBytes(tag, parts.tag)
    },
  }
}

const derive = (password: Secret<string>, nonce: Uint8Array): Promise<Uint8Array> =>
  new Promise((resolve, reject) => {
    // NFC: the same password typed on another keyboard or system is the same bytes.
    const message = Buffer.from(password.reveal('to derive its hash').normalize('NFC'))
    const parameters = { message, nonce, parallelism: 1, tagLength: tagBytes, memory: memoryKiB, passes }
    argon2('argon2id', parameters, (error, tag) => {
      message.fill(0)
      if (error) reject(error)
      else resolve(tag)
    })
  })

const unpadded = (bytes: Uint8Array): string => toBase64(bytes).replaceAll('=', '')

const formatHash = (salt: Uint8Array, tag: Uint8Array): string =>
  `$argon2id$v=19$m=${memoryKiB},t=${passes},p=1$${unpadded(salt)}$${unpadded(tag)}`

const parseHash = (text: string): { salt: Uint8Array; tag: Uint8Array } => {
  const match = form.exec(text)
  if (match === null) throw fault('E_INTERNAL', { detail: 'a stored password hash has an unknown form' })
  return { salt: Buffer.from(match[1] ?? '', 'base64'), tag: Buffer.from(match[2] ?? '', 'base64') }
}
