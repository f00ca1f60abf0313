// The session cookie. `__Host-` binds it to exactly this origin; browsers accept that prefix on https only, so plain
// loopback has the short name. Values are base64url: nothing needs quoting.
import { limits } from '../access/limits.ts'
import type { Site } from '../access/site.ts'

export const cookieName = (site: Site): string => (site.secure ? '__Host-mf_s' : 'mf_s')

/** The value in a `Cookie` header; null when there is none, or two: somebody planted one, and which is unknown. */
export const readSessionCookie = (site: Site, header = ''): string | null => {
  const start = `${cookieName(site)}=`
  const values = header
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(start))
  return values.length === 1 ? (values[0]?.slice(start.length) ?? null) : null
}

export const sessionCookie = (site: Site, token: string): string =>
  serialise(site, token, limits.session.absoluteMs / 1000)

export const endedCookie = (site: Site): string => serialise(site, '', 0)

const serialise = (site: Site, value: string, maxAgeSeconds: number): string =>
  `${cookieName(site)}=${value}; Max-Age=${maxAgeSeconds}; Path=/; HttpOnly; SameSite=Lax${site.secure ? '; Secure' : ''}`
