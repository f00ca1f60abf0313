// What is asked for and not there: 404, or 405 with `Allow` where the address has other methods (RFC 9110, 15.5.6). It is told before a
// body is read, and after the rates: who guesses addresses is counted. Called by http.ts before any route is bound.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Fault, fault } from '../../base/faults.ts'
import type { StaticSite } from './static-site.ts'

/** What to throw; it puts `Allow` on the answer. */
export type Missing = (request: FastifyRequest, reply: FastifyReply) => Fault

export const answerMissing = (app: FastifyInstance, pages: StaticSite): Missing => {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    // The pages are one route for every path; which of them are there, they know.
    if (!url.includes('*')) routes.push({ pattern: patternOf(url), methods: [method].flat() })
  })
  const methodsOf = (path: string): readonly string[] => {
    const found = routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods)
    if (found.length === 0) return pages.find(path) === null ? [] : ['GET', 'HEAD']
    return [...new Set(found)].sort()
  }
  const missing: Missing = (request, reply) => {
    const { url = '/', method = '' } = request.raw
    const methods = methodsOf(url.replace(/\?.*$/s, ''))
    if (methods.length === 0 || methods.includes(method)) return fault('E_NOT_FOUND')
    reply.header('allow', methods.join(', '))
    return fault('E_METHOD', { public: `There is ${methods.join(', ')} at this address` })
  }
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) throw missing(request, reply)
  })
  return missing
}

/** `/api/v1/runs/:run` as the router reads it: a parameter is one segment. */
const patternOf = (url: string): RegExp =>
  new RegExp(
    `^${url
      .split('/')
      .map((segment) =>
        segment.startsWith(':') ? '[^/]+' : segment.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'),
      )
      .join('/')}$`,
  )
