// One Fastify application per door, both from the same route table. Decides nothing about runs or secrets: it parses,
// admits, calls one use case and shapes the answer. Opened by server/index.ts.
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import fastifyRateLimit from '@fastify/rate-limit'
import fastifySwagger from '@fastify/swagger'
import {
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify'
import { jsonSchemaTransform, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import type { Clock } from '../../base/clock.ts'
import { fault, isFault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import type { Access } from '../access/access.ts'
import { networkOf } from '../access/network.ts'
import type { Site } from '../access/site.ts'
import type { AnsweredRequests } from '../answered-requests.ts'
import type { Live } from '../live/live.ts'
import type { Meter } from '../telemetry/meter.ts'
import type { Intake } from '../use-cases.ts'
import { livePaths, signingIn } from './api-description.ts'
import { authenticateOperator, authenticatePeople } from './authenticate.ts'
import { bindRoutes, type Door, type Handlers } from './binder.ts'
import { isCanonicalTarget } from './canonical.ts'
import { refuseCrossSiteSocket } from './cross-site.ts'
import { operatorDoor, peopleDoor } from './door.ts'
import { newRequestId, rawProblem, sendError } from './error-response.ts'
import { bindHooks } from './hooks.ts'
import { bindIssuers, type Issuers } from './issuers.ts'
import { limits } from './limits.ts'
import { answerMissing } from './missing.ts'
import { bindPages } from './pages.ts'
import { refuseTooMany, tellRate } from './rate.ts'
import './request-actor.ts'
import { securityHeaders } from './security-headers.ts'
import { type SecurityTxtSettings, securityTxt } from './security-txt.ts'
import { noSite, type StaticSite } from './static-site.ts'

export type HttpDeps = {
  readonly access: Access
  readonly handlers: Handlers
  readonly live: Live
  readonly intake: Intake
  readonly answered: AnsweredRequests
  readonly issuers: Issuers
  readonly pages: StaticSite
  readonly site: () => Site
  readonly securityTxt: SecurityTxtSettings | null
  /** Reverse proxies whose `X-Forwarded-For` is believed, by address. */
  readonly trustedProxies: readonly string[]
  readonly meter: Pick<Meter, 'requestAnswered'>
  readonly clock: Clock
  readonly log: Log
  readonly version: string
}

type Options = FastifyHttpOptions<Server>

/** The application for people: API, hooks, event streams, web interface. */
export const createPeopleApp = async (deps: HttpDeps): Promise<FastifyInstance> => {
  const app = await createApp(deps, { trustProxy: [...deps.trustedProxies] })
  await app.register(fastifyRateLimit, {
    global: false,
    timeWindow: limits.rate.windowMs,
    cache: limits.rate.addressesRemembered,
  })
  const addressRate = app.createRateLimit({
    max: limits.rate.address,
    keyGenerator: (request) => networkOf(request.ip),
  })
  app.addHook('onRequest', (request) => refuseTooMany(addressRate, 'address', request))
  app.addHook('onSend', tellRate)
  const missing = answerMissing(app, deps.pages)
  bindApi(app, deps, peopleDoor(app, deps))
  bindHooks(app, deps.intake)
  bindHealth(app)
  bindSecurityTxt(app, deps)
  bindIssuers(app, deps.issuers)
  bindPages(app, { ...deps, missing })
  const authenticate = authenticatePeople(deps.access, deps.site)
  bindUpgrade(app, deps, async (headers) => {
    refuseCrossSiteSocket(headers, deps.site())
    return authenticate(headers)
  })
  await app.ready()
  return app
}

/** The same API on the local socket, with the routes of the operator. */
export const createOperatorApp = async (deps: HttpDeps): Promise<FastifyInstance> => {
  const app = await createApp(deps, {})
  answerMissing(app, noSite)
  bindApi(app, deps, operatorDoor(deps))
  bindHealth(app)
  bindUpgrade(app, deps, authenticateOperator(deps.access))
  await app.ready()
  return app
}

/** Nobody has to read what he asked for: TCP keeps his connection as long as his machine says that it is there. */
const endStalled = (socket: Socket, afterMs: number): void => {
  if (socket.writableLength > 0) socket.destroy()
  // A followed log may be silent for hours.
  else socket.setTimeout(afterMs)
}

const createApp = async (deps: HttpDeps, options: Options): Promise<FastifyInstance> => {
  const app: FastifyInstance = fastify({
    ...options,
    logger: false,
    genReqId: newRequestId,
    requestIdHeader: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionTimeout: limits.stalledMs,
    http: { maxHeaderSize: limits.headerBytes, shouldUpgradeCallback: wantsLive },
    // Every GET answers HEAD, too: the same handler, without the body.
    exposeHeadRoutes: true,
    forceCloseConnections: true,
    return503OnClosing: true,
    routerOptions: { maxParamLength: limits.paramLength },
    // No hook has seen these: addresses that the router does not read.
    frameworkErrors: (error, request, reply) => {
      tellAlways(deps, request, reply)
      sendError(deps, error, request, reply)
    },
    clientErrorHandler: refuseMalformed(deps.site),
  })
  app.server.maxConnections = limits.connections
  // Of an answer and not of its server: a connection without one is ended by Node.
  app.server.on('request', (_request, response) =>
    response.on('timeout', (socket: Socket) => endStalled(socket, app.server.timeout)),
  )
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  acceptOnlyJson(app)
  app.decorateRequest('actor', null)
  app.decorateRequest('rate', null)
  app.addHook('onRequest', async (request, reply) => {
    tellAlways(deps, request, reply)
    if (!isCanonicalTarget(request.raw.url ?? ''))
      throw fault('E_INPUT', { public: 'The address is not canonical' })
  })
  app.addHook('onResponse', async (request, reply) => {
    const { method, routeOptions } = request
    const route = routeOptions.url ?? '-'
    deps.meter.requestAnswered({ route, method, status: reply.statusCode, ms: reply.elapsedTime })
    deps.log.debug('request answered', {
      requestId: request.id,
      method,
      route,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
    })
  })
  app.setErrorHandler((error, request, reply) => sendError(deps, error, request, reply))
  app.setNotFoundHandler((request, reply) => sendError(deps, fault('E_NOT_FOUND'), request, reply))
  await describeApi(app, deps.version)
  return app
}

/** The headers of every answer, whatever becomes of the request. */
const tellAlways = ({ site }: Pick<HttpDeps, 'site'>, request: FastifyRequest, reply: FastifyReply): void => {
  reply.headers({ ...securityHeaders(site().secure), 'x-request-id': request.id })
}

/** One parser for one media type; `__proto__` and `constructor` keys are refused. */
const acceptOnlyJson = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  )
}

const describeApi = async (app: FastifyInstance, version: string): Promise<void> => {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Mayfly', version },
    },
    transform: jsonSchemaTransform,
  })
}

const bindApi = (app: FastifyInstance, deps: HttpDeps, door: Door): void => {
  bindRoutes(app, door, deps)
  app.get('/api/v1/openapi.json', { schema: { hide: true } as object }, () => {
    const described = app.swagger()
    return { ...described, ...signingIn(deps.site()), paths: { ...described.paths, ...livePaths() } }
  })
  deps.live.bindEvents(app, door.admit)
}

const bindHealth = (app: FastifyInstance): void => {
  app.get('/health', { schema: { hide: true } as object }, (_request, reply) =>
    reply.type('text/plain').send('ok\n'),
  )
}

const bindSecurityTxt = (app: FastifyInstance, deps: HttpDeps): void => {
  app.get('/.well-known/security.txt', { schema: { hide: true } as object }, (_request, reply) => {
    const text = securityTxt(deps.securityTxt, deps.site().url, deps.clock)
    if (text === null) throw fault('E_NOT_FOUND')
    return reply.type('text/plain; charset=utf-8').send(text)
  })
}

const bindUpgrade = (
  app: FastifyInstance,
  deps: HttpDeps,
  admit: Parameters<Live['acceptUpgrade']>[0]['admit'],
): void => {
  app.server.on('upgrade', (request, socket, head) => {
    const refuse = (error: unknown) => refuseUpgrade(socket, error, deps.site())
    deps.live.acceptUpgrade({ request, socket, head, admit }).catch(refuse)
  })
}

/** Whoever offers another protocol (`h2c`, as some clients do with every first request) is answered in this one (RFC 9110, 7.8). */
const wantsLive = ({ url, headers }: IncomingMessage): boolean =>
  url === '/api/v1/live' && headers.upgrade?.toLowerCase() === 'websocket'

const refuseUpgrade = (socket: Duplex, error: unknown, site: Site): void => {
  socket.on('error', () => undefined)
  socket.end(rawProblem(isFault(error) ? error.code : 'E_INTERNAL', site))
}

const refuseMalformed =
  (site: () => Site): NonNullable<Options['clientErrorHandler']> =>
  (error, socket) => {
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET' || !socket.writable) socket.destroy()
    else socket.end(rawProblem('E_INPUT', site()))
  }
