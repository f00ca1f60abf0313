// GET and HEAD of everything that is no API: the fixed map of static-site.ts.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Site } from '../access/site.ts'
import type { Missing } from './missing.ts'
import { type Asset, chooseEncoding, type StaticSite } from './static-site.ts'

type PageDeps = { readonly pages: StaticSite; readonly site: () => Site; readonly missing: Missing }

export const bindPages = (app: FastifyInstance, { pages, site, missing }: PageDeps): void => {
  app.route({
    method: ['GET', 'HEAD'],
    url: '/*',
    schema: { hide: true } as object,
    handler: async (request, reply) => {
      const path = new URL(request.raw.url ?? '/', 'http://path.invalid').pathname
      const asset = pages.find(path)
      if (asset === null) throw missing(request, reply)
      const home = properAddress(request, site())
      return home === null ? send(asset, request, reply) : reply.redirect(home + request.raw.url, 307)
    },
  })
}

const loopbackHost = /^(127\.0\.0\.1|\[::1\])(:\d+)?$/

/** Passkeys and cookies belong to `localhost`: who typed the number is led there. Null when the address is fine. */
const properAddress = ({ headers: { host = '' } }: FastifyRequest, site: Site): string | null =>
  site.hostname === 'localhost' && loopbackHost.test(host) ? site.url : null

const send = (asset: Asset, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  reply.headers({ 'cache-control': asset.cacheControl, etag: asset.etag, vary: 'accept-encoding' })
  if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send()
  const encoding = chooseEncoding(request.headers['accept-encoding'])
  const bytes = asset.bytes[encoding]
  reply.headers({ 'content-type': asset.contentType, 'content-length': bytes.length })
  if (encoding !== 'identity') reply.header('content-encoding', encoding)
  return reply.send(request.method === 'HEAD' ? undefined : bytes)
}
