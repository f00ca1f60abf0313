// Pages, the same everywhere: `limit` and `cursor` in, `items` and `next_cursor` out, and the next page as a `Link`. Lists
// that a limit keeps short are read whole and cut here; the others give their own cursors.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { fault } from '../../base/faults.ts'
import type { Page, Paging } from '../use-cases.ts'

/** The page of a list whose order stays as it is while things come and go. `keyOf` names a thing. */
export const pageOf = <T>(items: readonly T[], query: Paging, keyOf: (item: T) => string): Page<T> => {
  const { limit, cursor } = query
  const at = cursor === undefined ? 0 : items.findIndex((item) => keyOf(item) === cursor) + 1
  // What the cursor names is gone: where it stood, nobody can tell.
  if (cursor !== undefined && at === 0)
    throw fault('E_INPUT', { public: 'The list changed at this cursor. Begin without one.' })
  const page = items.slice(at, at + limit)
  const last = page.at(-1)
  return {
    items: page,
    next_cursor: last === undefined || at + limit >= items.length ? null : keyOf(last),
  }
}

/** RFC 8288, for programs that follow links. */
export const tellNextPage = (request: FastifyRequest, reply: FastifyReply, answer: unknown): void => {
  const { next_cursor: next } = (answer ?? {}) as { readonly next_cursor?: unknown }
  if (typeof next !== 'string') return
  const url = new URL(request.url, 'http://path.invalid')
  url.searchParams.set('cursor', next)
  reply.header('link', `<${url.pathname}${url.search}>; rel="next"`)
}
