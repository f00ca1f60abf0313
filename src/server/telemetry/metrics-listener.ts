// GET /metrics on a port of its own, on loopback alone: a scraper shows a token that may `metrics.read`. Plain HTTP never
// leaves the machine; Prometheus elsewhere comes through a tunnel or a proxy with TLS (docs/guides/see-how-it-is.md).
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import { http } from '../../sys/index.ts'
import { mayUse } from '../access/actor.ts'
import type { Tokens } from '../access/tokens.ts'
import { limits } from '../limits.ts'
import type { Metrics } from './metrics.ts'

type Deps = {
  readonly port: number
  readonly metrics: Pick<Metrics, 'scrape'>
  readonly tokens: Pick<Tokens, 'findBearer'>
  readonly log: Log
}

export const openMetricsListener = async (
  deps: Deps,
): Promise<{ readonly port: number; close(): Promise<void> }> => {
  const server = http().createServer(
    { requestTimeout: limits.telemetry.scrapeMs, maxHeaderSize: 8 * 1024, keepAliveTimeout: 65_000 },
    (request, response) => {
      respond(deps, request, response).catch((error: unknown) => {
        deps.log.warn('metrics not answered', { error })
        refuse(response, 503)
      })
    },
  )
  server.maxConnections = limits.telemetry.scrapersMax
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === 'EADDRINUSE'
      const taken = `Port ${deps.port} is taken: choose another for metrics.port in mayfly.yml`
      reject(isTaken ? fault('E_PORT_TAKEN', { public: taken, cause }) : cause)
    })
    server.listen({ port: deps.port, host: '127.0.0.1' }, resolve)
  })
  return {
    // SAFE: a TCP listener that has started has an address and a port.
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

const respond = async (deps: Deps, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  if (request.url !== '/metrics') return refuse(response, 404)
  if (request.method !== 'GET') return refuse(response, 405)
  const token = /^Bearer ([A-Za-z0-9_]{1,100})$/i.exec(request.headers.authorization ?? '')?.[1]
  const bearer = token === undefined ? null : await deps.tokens.findBearer(token)
  if (bearer === null) return refuse(response, 401)
  if (!mayUse(bearer, 'metrics.read')) return refuse(response, 403)
  const { contentType, text } = await deps.metrics.scrape()
  response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(text)
}

const refuse = (response: ServerResponse, status: number): void => {
  const ask = status === 401 ? { 'www-authenticate': 'Bearer realm="metrics"' } : {}
  if (response.headersSent) response.destroy()
  else response.writeHead(status, { ...ask, 'content-length': 0 }).end()
}
