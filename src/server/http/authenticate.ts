// From a request to an Actor: a bearer token, else the session cookie. A token that is wrong is refused, never replaced
// by the cookie beside it. Used for API calls, event streams and WebSocket upgrades alike.
import type { IncomingHttpHeaders } from 'node:http'
import { fault } from '../../base/faults.ts'
import type { Access } from '../access/access.ts'
import type { Actor } from '../access/actor.ts'
import type { Site } from '../access/site.ts'
import { readSessionCookie } from './cookie.ts'

/** Who is behind these headers; null when nobody says so. A fault for a token that is not (any more) valid. */
export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Actor | null>

export const authenticatePeople =
  (access: Access, site: () => Site): Authenticate =>
  async (headers) => {
    if (headers.authorization !== undefined) return bearer(access, headers.authorization)
    const cookie = readSessionCookie(site(), headers.cookie)
    return cookie === null ? null : access.sessions.findByCookie(cookie)
  }

/** The local socket is 0600: whoever could open it is the operator. */
export const authenticateOperator =
  (access: Access): Authenticate =>
  async () =>
    access.operator

const bearer = async (access: Access, header: string): Promise<Actor> => {
  const token = /^Bearer ([A-Za-z0-9_]{1,100})$/i.exec(header)?.[1] ?? ''
  const actor = await access.tokens.findBearer(token)
  if (actor === null) throw fault('E_UNAUTHENTICATED', { public: await access.tokens.whyRefused(token) })
  return actor
}
