// Registers every route of protocol/api/routes.ts with its handler. A handler that is missing does not compile; a route
// without a known access does not start. Authorisation happens here, on the matched route, never on a path string.
import { Readable } from 'node:stream'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import * as z from 'zod'
import { fault } from '../../base/faults.ts'
import { type Access, type Route, type RouteName, routes } from '../../protocol/api/routes.ts'
import { problemJson } from '../../protocol/api/shapes.ts'
import { jcsDigest } from '../../seal/index.ts'
import { type Actor, isBeyond, mayUse, mustProve } from '../access/actor.ts'
import { rolesByVerb } from '../access/roles.ts'
import type { OpenedSession } from '../access/sessions.ts'
import type { Visit } from '../access/visit.ts'
import type { AnsweredRequests } from '../answered-requests.ts'
import { asDatabaseFault } from '../db/away.ts'
import { isOfOneThing, tagAnswer } from './etag.ts'
import { bodyBytesOf, limits } from './limits.ts'
import { tellNextPage } from './paging.ts'
import { refuseUnusable } from './plain-input.ts'
import { type Expect, expectationOf, readingOf, takesExpectation } from './precondition.ts'
import { fieldsOf, fieldsQuery, sparseJson } from './sparse.ts'

type ParamNames<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParamNames<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never

/** What a handler gets: checked input and who asks. Nothing of the framework. */
export type Call<R extends Route> = {
  readonly actor: R['access'] extends 'public' ? Actor | null : Actor
  readonly params: { readonly [K in ParamNames<R['path']>]: string }
  readonly query: R extends { query: infer Q extends z.ZodType } ? z.output<Q> : Record<string, never>
  readonly body: R extends { body: infer B extends z.ZodType } ? z.output<B> : undefined
  readonly visit: Visit
  /** What the caller has read: to be shown what stands there while the row is held. */
  readonly expect: Expect
  /** Which part of a stream is wanted; of routes that say `ranged`. */
  readonly part: { readonly range: string | undefined; readonly ifRange: string | undefined }
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal
  /** Gives the browser a session, or ends the one it has. */
  readonly setSession: (session: OpenedSession | null) => void
}

/** Answers whose shape is a plain string are streams of bytes. */
export type StreamAnswer = {
  readonly contentType: string
  readonly chunks: AsyncIterable<Uint8Array | string>
  /** It goes on as something is written: a proxy that collects answers first is asked to leave it be. */
  readonly isLive?: boolean
  /** Something of a job's for a person to keep, by this name: no browser may show it as a page of ours. */
  readonly attachment?: string
  /** Of what has a length and can be read in parts: which of it this is. */
  readonly part?: {
    readonly etag: string
    readonly total: number
    readonly first: number
    readonly last: number
    readonly kind: 'whole' | 'part' | 'unsatisfiable'
  }
}
export type AnswerTo<R extends Route> = R['answer'] extends z.ZodString ? StreamAnswer : z.output<R['answer']>

export type Handlers = {
  readonly [N in RouteName]: (call: Call<(typeof routes)[N]>) => Promise<AnswerTo<(typeof routes)[N]>>
}

export type Door = {
  /** The operator's socket has every route; the others lack those with access `operator`. */
  readonly kind: 'people' | 'operator'
  /** Finds the actor, refuses cross-site requests and too many of them; runs before any body is read. */
  readonly admit: (request: FastifyRequest) => Promise<Actor | null>
  readonly visit: (request: FastifyRequest) => Visit
  /** Names of owners, where who is refused may hear them. */
  readonly whomToAsk: (actor: Actor | null) => Promise<readonly string[]>
  readonly sessionCookie: (session: OpenedSession | null) => string
}

type AnyHandler = (call: Call<Route>) => Promise<unknown>

export type RouteDeps = { readonly handlers: Handlers; readonly answered: AnsweredRequests }

export const bindRoutes = (app: FastifyInstance, door: Door, { handlers, answered }: RouteDeps): void => {
  for (const name of Object.keys(routes) as RouteName[]) {
    const route: Route = routes[name]
    assertAccess(name, route.access)
    if (route.access === 'operator' && door.kind !== 'operator') continue
    // SAFE: `Handlers` ties each handler to its own route; the loop forgets which, the schemas of that route check it.
    bind(app, door, { name, route, handler: handlers[name] as AnyHandler, answered })
  }
}

const assertAccess = (name: string, access: Access): void => {
  const known = ['public', 'session', 'operator', ...Object.keys(rolesByVerb)]
  if (!known.includes(access)) throw new Error(`route ${name} has no access that roles.ts knows`)
}

type Binding = {
  readonly name: RouteName
  readonly route: Route
  readonly handler: AnyHandler
  readonly answered: AnsweredRequests
}

const bind = (app: FastifyInstance, door: Door, binding: Binding): void => {
  const { name, route, handler } = binding
  app.route({
    method: route.method,
    url: route.path,
    bodyLimit: bodyBytesOf[name] ?? limits.bodyBytes,
    schema: schemaOf(name, route),
    ...(isOfOneThing(route) ? { onSend: tagAnswer } : {}),
    ...(route.onlySealed === true ? { errorHandler: refuseUnsealed } : {}),
    onRequest: async (request) => {
      request.actor = await (route.access === 'public' ? admitOrNobody(door, request) : door.admit(request))
      await authorise(door, request.actor, route)
      if (route.body !== undefined) requireJson(request)
    },
    preHandler: async ({ query, body }) => refuseUnusable([query, body]),
    handler: async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const answer = await unlessAnswered(binding, request, () =>
        handler(callOf(door, route, { request, reply })),
      )
      tellNextPage(request, reply, answer)
      const { fields } = request.query as { readonly fields?: string }
      if (fields !== undefined && fieldsOf(route) !== null)
        return reply
          .type(jsonTypes[1])
          .serializer(String)
          .send(sparseJson(route, answer, fields))
      return route.answer instanceof z.ZodString ? stream(request, reply, answer as StreamAnswer) : answer
    },
  })
}

/**
 * The same request with the same key is carried out once. Nobody is nobody again: their keys say nothing. Nor do keys on routes for
 * everybody, whoever asks: these let somebody in, so their bodies hold passwords and links, and their answers come with a session.
 */
const unlessAnswered = async (
  { name, route, answered }: Binding,
  request: FastifyRequest,
  work: () => Promise<unknown>,
): Promise<unknown> => {
  const key = request.headers[keyHeader]
  if (route.method !== 'POST' || typeof key !== 'string' || request.actor === null) return work()
  if (route.access === 'public' || route.takesCredential === true) return work()
  const digest = await jcsDigest({ name, url: request.url, body: request.body })
  return answered.once(request.actor, { key, digest, showsSecret: route.showsSecret === true }, work)
}

const keyHeader = 'idempotency-key'
const keyed = z.looseObject({
  [keyHeader]: z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/)
    .optional(),
})

const guarded = z.looseObject({ 'if-match': z.string().optional() })
const ifMatch = 'With the `ETag` of GET as `If-Match` it counts only for what was read there (412 otherwise).'

const isGuarded = (route: Route): boolean => takesExpectation(route) && readingOf(route) !== undefined

const headersOf = (route: Route) => {
  if (route.method === 'POST') return { headers: keyed }
  return isGuarded(route) ? { headers: guarded } : {}
}

const schemaOf = (name: string, route: Route) => ({
  operationId: name,
  summary: route.summary,
  description: isGuarded(route) ? `${whoMay(route)} ${ifMatch}` : whoMay(route),
  params: paramsOf(route.path),
  querystring: queryOf(route),
  ...headersOf(route),
  ...(route.body === undefined ? {} : { body: route.body }),
  response: {
    ...(route.answer instanceof z.ZodString ? bytesOf(route) : { 200: route.answer }),
    default: problems,
  },
})

/** For the description of the API: no stream is serialised by a schema. */
const bytesOf = ({ ranged }: Route) => {
  const content = { '*/*': { schema: z.string() } }
  const part = { 206: { description: 'The part of them that `Range` named', content } }
  return { 200: { description: 'The bytes', content }, ...(ranged === true ? part : {}) }
}

const queryOf = (route: Route) => {
  const own = route.query ?? z.strictObject({})
  return fieldsOf(route) === null ? own : own.extend(fieldsQuery)
}

const whoMay = (route: Route): string =>
  route.provenAnew === true
    ? `${whoIs(route)} A session must have been proven within ten minutes.`
    : whoIs(route)

const whoIs = ({ access, ofAll }: Route): string => {
  if (access === 'public') return 'For everybody.'
  if (access === 'operator') return 'For the operator, on the socket of the machine.'
  if (access === 'session') return 'For people who are signed in.'
  const limited = ofAll === true ? ', and is not limited to projects' : ''
  return `For who may \`${access}\`${limited}.`
}

/** For the description of the API; error-response.ts writes them. */
const problems = {
  description: 'What went wrong (RFC 9457)',
  content: { 'application/problem+json': { schema: problemJson } },
}

const paramsOf = (path: string) =>
  z.strictObject(
    Object.fromEntries(
      [...path.matchAll(/:([a-z]+)/g)].map((match) => [match[1], z.string().min(1).max(limits.paramLength)]),
    ),
  )

/** 401 for nobody, 403 for somebody who may not: the routes themselves are no secret. */
const authorise = async (door: Door, actor: Actor | null, route: Route): Promise<void> => {
  if (!mayUse(actor, route.access)) {
    if (actor === null) throw fault('E_UNAUTHENTICATED')
    throw fault('E_FORBIDDEN', {
      public: whatIsMissing(actor, route.access, await door.whomToAsk(actor)),
    })
  }
  if (isBeyond(actor, route))
    throw fault('E_FORBIDDEN', { public: 'The token is limited to projects, and this is about more' })
  if (mustProve(actor, route)) throw fault('E_STEP_UP')
}

/** Which role or scope it takes, and who gives it. The routes and their verbs stand in the description of the API. */
const whatIsMissing = (actor: Actor, access: Access, ask: readonly string[]): string => {
  if (actor.kind === 'token') return `The token needs \`${access}\`: its owner makes another with that scope`
  const roles = access in rolesByVerb ? rolesByVerb[access as keyof typeof rolesByVerb] : []
  if (actor.kind !== 'user' || roles.length === 0) return 'Only the operator of this machine may do that'
  const owners = ask.length === 0 ? '' : `: ask ${ask.join(', ')}`
  return `This takes the role ${roles.join(' or ')}; yours is ${actor.role}. An owner changes it under Members${owners}`
}

/** Who they are stands in the database: while it is away, the status page is for nobody in particular. */
const admitOrNobody = async (door: Door, request: FastifyRequest): Promise<Actor | null> => {
  try {
    return await door.admit(request)
  } catch (error) {
    if (asDatabaseFault(error) === null) throw error
    return null
  }
}

/** What is not the envelope may be an open secret: which field is wrong, or anything else of it, is not repeated. */
const refuseUnsealed = (error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void => {
  const isUnread =
    hasZodFastifySchemaValidationErrors(error) || error.code === 'FST_ERR_CTP_INVALID_JSON_BODY'
  reply.send(isUnread ? fault('E_PLAINTEXT') : error)
}

const jsonTypes = ['application/json', 'application/json; charset=utf-8'] as const

const requireJson = (request: FastifyRequest): void => {
  if (!jsonTypes.some((type) => type === request.headers['content-type'])) throw fault('E_MEDIA_TYPE')
}

const callOf = (
  door: Door,
  route: Route,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
): Call<Route> => {
  const gone = new AbortController()
  // Whoever has the whole answer is not gone.
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort()
  })
  // Gone while it was looked who it is: what closed then does not say so again.
  if (request.raw.socket.destroyed) gone.abort()
  return {
    // SAFE: `authorise` let nobody through but on public routes, whose handlers take null; the rest was validated by the
    // route's own schemas before the handler runs.
    actor: request.actor as Actor,
    params: request.params as Record<string, string>,
    query: request.query as Record<string, never>,
    body: request.body as undefined,
    visit: door.visit(request),
    expect: expectationOf(route, request.headers['if-match']),
    part: partAsked(route, request),
    signal: gone.signal,
    setSession: (session) => void reply.header('set-cookie', door.sessionCookie(session)),
  }
}

const partAsked = (route: Route, { headers }: FastifyRequest): Call<Route>['part'] => {
  if (route.ranged !== true) return { range: undefined, ifRange: undefined }
  const { range, 'if-range': ifRange } = headers
  return { range, ifRange: typeof ifRange === 'string' ? ifRange : undefined }
}

/** RFC 9110, 14: what can be asked for in parts says so, with the tag that tells whether the rest is of the same bytes. */
const tellPart = (reply: FastifyReply, part: StreamAnswer['part']): FastifyReply => {
  if (part === undefined) return reply
  const { etag, total, first, last, kind } = part
  reply.header('accept-ranges', 'bytes')
  if (kind === 'unsatisfiable') {
    reply.header('content-range', `bytes */${total}`)
    throw fault('E_RANGE', { public: `There are ${total} bytes` })
  }
  reply.header('etag', etag).header('content-length', last - first + 1)
  return kind === 'part' ? reply.code(206).header('content-range', `bytes ${first}-${last}/${total}`) : reply
}

const stream = (request: FastifyRequest, reply: FastifyReply, answer: StreamAnswer): FastifyReply =>
  asAttachment(tellPart(reply, answer.part), answer.attachment)
    .headers({ 'content-type': answer.contentType, ...(answer.isLive ? unbuffered : {}) })
    .send(
      Readable.from(request.method === 'HEAD' ? unread(answer.chunks) : answer.chunks, { objectMode: false }),
    )

/** As nginx reads it; who knows nothing of it passes it on. */
const unbuffered = { 'x-accel-buffering': 'no' } as const

/** For HEAD nothing of it is read, opened or waited for. */
const unread = (chunks: StreamAnswer['chunks']): readonly never[] => {
  chunks[Symbol.asyncIterator]()
    .return?.()
    .catch(() => undefined)
  return []
}

// SAFE: hostile bytes under our own address. They are only ever saved; were they shown all the same, then as a document
// of nobody, without scripts.
const asAttachment = (reply: FastifyReply, name: string | undefined): FastifyReply =>
  name === undefined
    ? reply
    : reply
        .header('content-disposition', `attachment; filename*=UTF-8''${rfc5987(name)}`)
        .header('content-security-policy', "sandbox; default-src 'none'")
        .header('x-content-type-options', 'nosniff')

const rfc5987 = (name: string): string =>
  encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
