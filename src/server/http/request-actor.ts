// What requests carry besides what Fastify gives them.
import type { Actor } from '../access/actor.ts'
import type { Rate } from './rate.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the route's own hook; null on public routes for people who are not signed in. */
    actor: Actor | null
    /** The limit that was looked at last; null where there is none. */
    rate: Rate | null
  }
}
