// Which installation a command talks to, and as whom: a token from the environment, else the operator's socket of
// this machine, else what `mayfly login` stored.
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fault } from '../../base/faults.ts'
import { Secret } from '../../base/secret.ts'
import { ensureDirectory, writeFileDurably } from '../../sys/index.ts'
import { configPath } from '../config-directory.ts'
import type { Surroundings } from '../surroundings.ts'

export type Target =
  | { readonly kind: 'operator'; readonly socket: string }
  | { readonly kind: 'token'; readonly url: string; readonly token: Secret<string> }

export const findTarget = async (around: Surroundings): Promise<Target> => {
  const { MAYFLY_URL: url, MAYFLY_TOKEN: token } = around.environment
  if (url && token) return { kind: 'token', url: withoutSlash(url), token: new Secret(token) }
  const socket = await around.operatorSocket()
  if (existsSync(socket)) return { kind: 'operator', socket }
  const stored = await readSignIn(around)
  if (stored !== null) return stored
  throw fault('E_UNREACHABLE', { public: 'no installation runs here and you are not signed in to one' })
}

/** Readable by this user only; there is no keychain on a server. */
export const storeSignIn = async (
  around: Surroundings,
  url: string,
  token: Secret<string>,
): Promise<string> => {
  const path = signInPath(around)
  await ensureDirectory(join(path, '..'))
  const content = { url: withoutSlash(url), token: token.reveal('kept in a file of mode 0600 of the user') }
  await writeFileDurably(path, `${JSON.stringify(content)}\n`)
  return path
}

export const forgetSignIn = (around: Surroundings): Promise<void> => rm(signInPath(around), { force: true })

const readSignIn = async (around: Surroundings): Promise<Target | null> => {
  const path = signInPath(around)
  if (!existsSync(path)) return null
  const stored: unknown = JSON.parse(await readFile(path, 'utf8'))
  const { url, token } = (stored ?? {}) as { url?: unknown; token?: unknown }
  if (typeof url !== 'string' || typeof token !== 'string')
    throw fault('E_CONFIG_INVALID', { public: `${path} is damaged: sign in again` })
  return { kind: 'token', url, token: new Secret(token) }
}

const signInPath = (around: Surroundings): string => configPath(around, 'sign-in.json')

const withoutSlash = (url: string): string => url.replace(/\/+$/, '')
