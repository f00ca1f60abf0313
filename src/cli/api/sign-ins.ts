// What `mayfly login` keeps: a token for each installation, the newest first, in a file of mode 0600 of the user. There is no keychain
// on a server.
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { fault } from '../../base/faults.ts'
import { Secret } from '../../base/secret.ts'
import { configPath, writeConfig } from '../config-directory.ts'
import type { Surroundings } from '../surroundings.ts'

export type SignIn = { readonly url: string; readonly token: Secret<string> }

const fileName = 'sign-in.json'
const keptMax = 20

export const storeSignIn = async (
  around: Surroundings,
  url: string,
  token: Secret<string>,
): Promise<string> =>
  // A file that is damaged is what somebody who signs in again gets rid of.
  write(around, [{ url: withoutSlash(url), token }, ...(await others(around, url).catch(() => []))])

/** Of one installation, or all; answers what is forgotten. */
export const forgetSignIns = async (
  around: Surroundings,
  url: string | undefined,
): Promise<readonly string[]> => {
  const kept = await readSignIns(around).catch(() => [])
  const left = url === undefined ? [] : kept.filter((each) => each.url !== withoutSlash(url))
  if (left.length > 0) await write(around, left)
  else await rm(configPath(around, fileName), { force: true })
  return kept.filter((each) => !left.some((other) => other.url === each.url)).map((each) => each.url)
}

const others = async (around: Surroundings, url: string): Promise<readonly SignIn[]> =>
  (await readSignIns(around)).filter((each) => each.url !== withoutSlash(url))

const write = (around: Surroundings, signIns: readonly SignIn[]): Promise<string> =>
  writeConfig(around, fileName, {
    sign_ins: signIns.slice(0, keptMax).map(({ url, token }) => ({
      url,
      token: token.reveal('kept in a file of mode 0600 of the user'),
    })),
  })

export const readSignIns = async (around: Surroundings): Promise<readonly SignIn[]> => {
  const path = configPath(around, fileName)
  if (!existsSync(path)) return []
  const read = parse(await readFile(path, 'utf8'))
  if (read === null) throw fault('E_CONFIG_INVALID', { public: `${path} is damaged: sign in again` })
  return read
}

const parse = (text: string): readonly SignIn[] | null => {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return null
  }
  const { sign_ins: items } = (document ?? {}) as { readonly sign_ins?: unknown }
  // A file of before there were several holds the one.
  const read = (Array.isArray(items) ? items : [document]).map(one)
  return read.every((each) => each !== null) ? read : null
}

const one = (item: unknown): SignIn | null => {
  const { url, token } = (item ?? {}) as { readonly url?: unknown; readonly token?: unknown }
  return typeof url === 'string' && typeof token === 'string' ? { url, token: new Secret(token) } : null
}

export const withoutSlash = (url: string): string => url.replace(/\/+$/, '')
