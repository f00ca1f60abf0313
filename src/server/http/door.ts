// The two ways in. People come over TCP: cookies or tokens, cross-site checks, rates. The operator comes through a
// socket that only the server's own user may open, and is audited for everything that changes something.
import type { FastifyInstance } from 'fastify'
import type { Access } from '../access/access.ts'
import { type Actor, actorId } from '../access/actor.ts'
import { browserName } from '../access/browser-name.ts'
import { networkOf } from '../access/network.ts'
import type { Site } from '../access/site.ts'
import { authenticateOperator, authenticatePeople } from './authenticate.ts'
import type { Door } from './binder.ts'
import { endedCookie, readSessionCookie, sessionCookie } from './cookie.ts'
import { refuseCrossSite } from './cross-site.ts'
import { limits } from './limits.ts'
import { refuseTooMany } from './rate.ts'

/** Needs `@fastify/rate-limit` on `app`. */
export const peopleDoor = (
  app: FastifyInstance,
  { access, site }: { readonly access: Access; readonly site: () => Site },
): Door => {
  const authenticate = authenticatePeople(access, site)
  const credentialRate = app.createRateLimit({
    max: limits.rate.credential,
    keyGenerator: (request) => (request.actor === null ? networkOf(request.ip) : actorId(request.actor)),
  })
  return {
    kind: 'people',
    admit: async (request) => {
      refuseCrossSite(request.method, request.headers, site())
      request.actor = await authenticate(request.headers)
      await refuseTooMany(credentialRate, 'credential', request)
      return request.actor
    },
    whomToAsk: access.whomToAsk,
    visit: (request) => ({
      address: request.ip,
      cookie: readSessionCookie(site(), request.headers.cookie),
      browser: browserName(request.headers['user-agent']),
    }),
    sessionCookie: (session) =>
      session === null
        ? endedCookie(site())
        : sessionCookie(site(), session.token.reveal('to set the cookie of its browser')),
  }
}

export const operatorDoor = ({
  access,
  site,
}: {
  readonly access: Access
  readonly site: () => Site
}): Door => {
  const authenticate = authenticateOperator(access)
  return {
    kind: 'operator',
    admit: (request): Promise<Actor | null> => authenticate(request.headers),
    whomToAsk: async () => [],
    visit: () => ({ address: 'operator', cookie: null, browser: null }),
    // Nobody on the socket keeps cookies; an ended one tells a curious client nothing.
    sessionCookie: () => endedCookie(site()),
  }
}
