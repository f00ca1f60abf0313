// Which installation a command talks to, and as whom. Where it is named (`-R HOST/…`, MAYFLY_URL, the link of the work tree), there and
// nowhere else; else the operator's socket of this machine, else where the person signed in last. A token goes to the address it was
// kept for and to no other.
import { existsSync } from 'node:fs'
import { fault } from '../../base/faults.ts'
import { Secret } from '../../base/secret.ts'
import type { Surroundings } from '../surroundings.ts'
import { readSignIns, type SignIn, withoutSlash } from './sign-ins.ts'

export type Target =
  | { readonly kind: 'operator'; readonly socket: string }
  | { readonly kind: 'token'; readonly url: string; readonly token: Secret<string> }

/** Who said it, in the words of `mayfly settings`. */
export type Origin = 'flag' | 'environment' | 'link' | 'checkout' | 'sign-in' | 'this machine' | 'default'

export const findTarget = async (around: Surroundings): Promise<Target> => (await findOrigin(around)).target

export const findOrigin = async (
  around: Surroundings,
): Promise<{ readonly target: Target; readonly origin: Origin }> => {
  const given = ofEnvironment(around)
  const host = around.wishes?.host ?? null
  if (given !== null && (host === null || isOfHost(given, host)))
    return { target: asTarget(given), origin: host === null ? 'environment' : 'flag' }
  const wanted = await wantedBy(around, host)
  const kept = await readSignIns(around)
  if (wanted !== null) {
    const found = kept.find(wanted.isIt)
    if (found === undefined)
      throw fault('E_UNAUTHENTICATED', {
        public: `you are not signed in to ${wanted.where}, which ${wanted.says} names`,
      })
    return { target: asTarget(found), origin: wanted.origin }
  }
  const pasted = kept.find((each) => isOfHost(each, around.wishes?.pasted ?? ''))
  if (pasted !== undefined) return { target: asTarget(pasted), origin: 'flag' }
  const socket = await around.operatorSocket()
  if (existsSync(socket)) return { target: { kind: 'operator', socket }, origin: 'this machine' }
  const [last] = kept
  if (last !== undefined) return { target: asTarget(last), origin: 'sign-in' }
  throw fault('E_UNREACHABLE', { public: 'no installation runs here and you are not signed in to one' })
}

type Wanted = {
  readonly where: string
  readonly says: string
  readonly origin: Origin
  readonly isIt: (signIn: SignIn) => boolean
}

const wantedBy = async (around: Surroundings, host: string | null): Promise<Wanted | null> => {
  if (host !== null)
    return { where: host, says: '-R', origin: 'flag', isIt: (signIn) => isOfHost(signIn, host) }
  const { MAYFLY_URL: address } = around.environment
  if (address) return { ...isAt(address), says: 'MAYFLY_URL', origin: 'environment' }
  const link = (await around.wishes?.link?.()) ?? null
  return link?.url == null ? null : { ...isAt(link.url), says: link.path, origin: 'link' }
}

const isAt = (url: string) => ({
  where: withoutSlash(url),
  isIt: (signIn: SignIn) => withoutSlash(signIn.url) === withoutSlash(url),
})

const isOfHost = ({ url }: SignIn, host: string): boolean => URL.parse(url)?.host === host

/** A token that nobody says an address for goes nowhere; to go on as somebody else is not what was meant. */
const ofEnvironment = ({ environment }: Surroundings): SignIn | null => {
  const { MAYFLY_URL: url, MAYFLY_TOKEN: token } = environment
  if (token && !url)
    throw fault('E_INPUT', {
      public: 'MAYFLY_TOKEN is set, but not MAYFLY_URL: say which installation it is for, or unset it',
    })
  return url && token ? { url: withoutSlash(url), token: new Secret(token) } : null
}

const asTarget = ({ url, token }: SignIn): Target => ({ kind: 'token', url, token })
