// Where clouds look up the issuer of identity tokens: for everybody, without a session, the same bytes for all.
import type { FastifyInstance } from 'fastify'
import { configurationPath, issuerPath, jwksPath } from '../../protocol/identity.ts'
import type { Identity } from '../use-cases.ts'

export type Issuers = Pick<Identity, 'documents'>

/** As short as a rotation of the key should be noticed late. */
const cacheControl = 'public, max-age=60'

export const bindIssuers = (app: FastifyInstance, issuers: Issuers): void => {
  const bind = (path: string, name: 'configuration' | 'jwks') =>
    app.route<{ Params: { uuid: string } }>({
      method: ['GET', 'HEAD'],
      url: `${issuerPath(':uuid')}${path}`,
      schema: { hide: true } as object,
      handler: async ({ params }, reply) => {
        const documents = await issuers.documents(params.uuid)
        reply.headers({ 'cache-control': cacheControl, 'content-type': 'application/json' })
        return reply.send(documents[name])
      },
    })
  bind(configurationPath, 'configuration')
  bind(jwksPath, 'jwks')
}
