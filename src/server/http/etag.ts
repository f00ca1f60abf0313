// Entity tags of answers about one thing: who has it already asks whether it changed (`If-None-Match`) and is told so
// without its bytes. The tag is made of the answer itself, so it cannot miss a change.
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Route } from '../../protocol/api/routes.ts'

const tagLength = 27

/** Whether the route answers one thing: named by the end of its path, or what can be changed under the same address. */
export const isOfOneThing = ({ method, path, versioned }: Route): boolean =>
  method === 'GET' && (versioned === true || /\/:[a-z]+$/.test(path))

export const tagOf = (payload: string): string =>
  `"${createHash('sha256').update(payload).digest('base64url').slice(0, tagLength)}"`

/** Fastify's `onSend` of such a route. */
export const tagAnswer = async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
  const { fields } = request.query as { readonly fields?: string }
  // A tag is of the whole: what `If-Match` takes, and what was left out may have changed, too.
  if (reply.statusCode !== 200 || typeof payload !== 'string' || fields !== undefined) return payload
  const etag = tagOf(payload)
  reply.header('etag', etag)
  if (!isKnown(request.headers['if-none-match'], etag)) return payload
  reply.code(304).removeHeader('content-type')
  return ''
}

/** Compared weakly, as RFC 9110 §13.1.2 says: proxies may have made a tag weak. */
const isKnown = (header: string | undefined, etag: string): boolean =>
  header?.split(',').some((part) => ['*', etag].includes(part.trim().replace(/^W\//, ''))) === true
