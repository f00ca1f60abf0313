// The TLS listener for runners: small, no framework, everything signed. Routes are data; each handler gets a caller who
// has proved who it is. Errors are `{code, message}` with the status of the catalogue.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Fault, fault, isFault } from '../../base/faults.ts'
import { type LeaseId, type ObjectId, parseId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import { streamedBody } from '../../protocol/stored-wire.ts'
import { asDatabaseFault } from '../db/away.ts'
import { sqlState } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import { type Authenticate, type Caller, requireBody, type Sender } from './authenticate.ts'

export type RunnerCall = {
  readonly caller: Caller
  /** Aborts when the runner has gone or the listener closes. */
  readonly signal: AbortSignal
}
/** The same of one of whom no table was asked yet. */
export type SenderCall = { readonly sender: Sender; readonly signal: AbortSignal }
/** `undefined` is 204. */
export type Answer = object | undefined

export type RunnerRoutes = {
  /** Path below `/runner/v1/` of a POST. */
  readonly plain: Readonly<Record<string, (call: RunnerCall, body: Uint8Array) => Promise<Answer>>>
  /** Path below `/runner/v1/leases/:lease/` of a POST. */
  readonly ofLease: Readonly<
    Record<string, (call: RunnerCall, lease: LeaseId, body: Uint8Array) => Promise<Answer>>
  >
  /**
   * Path below `/runner/v1/` of a POST on the way of a first line: no statement looks who sent it before the handler has it,
   * which asks in its own, or does nothing that a runner of before could abuse.
   */
  readonly unasked: Readonly<Record<string, (call: SenderCall, body: Uint8Array) => Promise<Answer>>>
  /** The same below `/runner/v1/leases/:lease/`. */
  readonly unaskedOfLease: Readonly<
    Record<string, (call: SenderCall, lease: LeaseId, body: Uint8Array) => Promise<Answer>>
  >
  /** `PUT` (or POST) `/runner/v1/leases/:lease/log`: streams; checks the digest itself. */
  readonly putLog: (call: RunnerCall, lease: LeaseId, content: AsyncIterable<Uint8Array>) => Promise<Answer>
  /** `PUT` and `GET` `/runner/v1/leases/:lease/objects/:object`: the one is signed by its manifest, later. */
  readonly putObject: (
    call: RunnerCall,
    of: ObjectOfLease,
    content: AsyncIterable<Uint8Array>,
  ) => Promise<Answer>
  readonly getObject: (call: RunnerCall, of: ObjectOfLease) => Promise<AsyncIterable<Uint8Array>>
}

export type ObjectOfLease = { readonly lease: LeaseId; readonly object: ObjectId }

export type RunnerListener = { readonly port: number; close(): Promise<void> }

export const listenForRunners = async (options: {
  readonly port: number
  readonly host?: string
  readonly key: string
  readonly cert: string
  readonly authenticate: Authenticate
  readonly routes: RunnerRoutes
  readonly log: Log
}): Promise<RunnerListener> => {
  const closing = new AbortController()
  const server = createServer(
    {
      key: options.key,
      cert: options.cert,
      minVersion: 'TLSv1.2',
      maxHeaderSize: limits.runnerHeaderBytesMax,
      requestTimeout: limits.storedObjectMs,
      headersTimeout: 10_000,
      keepAliveTimeout: 65_000,
    },
    (request, response) => {
      void respond({ ...options, closing: closing.signal }, request, response)
    },
  )
  server.maxConnections = limits.runnerConnectionsMax
  server.on('tlsClientError', (error) => options.log.debug('no TLS with a runner', { error }))
  await listen(server, options)
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        closing.abort()
        server.close(() => resolve())
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), closeMs).unref()
      }),
  }
}

/** Time for answers under way; a held poll is answered at once when we close. */
const closeMs = 2_000

const listen = (
  server: Server,
  { port, host }: { readonly port: number; readonly host?: string },
): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === 'EADDRINUSE'
      reject(
        isTaken
          ? fault('E_PORT_TAKEN', {
              public: `Port ${port} is taken: choose another with --runner-port`,
              cause,
            })
          : cause,
      )
    })
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.removeAllListeners('error')
      server.on('error', () => undefined)
      resolve()
    })
  })

type Context = {
  readonly authenticate: Authenticate
  readonly routes: RunnerRoutes
  readonly log: Log
  readonly closing: AbortSignal
}

const respond = async (
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const gone = new AbortController()
  // Ending well is not going away; and an abort that nobody hears costs an exception with its stack.
  response.once('close', () => {
    if (!response.writableFinished) gone.abort()
  })
  try {
    const answer = await dispatch(context, request, AbortSignal.any([gone.signal, context.closing]))
    if (answer !== undefined && Symbol.asyncIterator in answer) return await sendStream(response, answer)
    write(request, response, answer === undefined ? 204 : 200, answer)
  } catch (error) {
    const { status, code, message } = describe(context.log, request, error)
    write(request, response, status, { code, message })
  }
}

const dispatch = async (
  context: Context,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<Answer | AsyncIterable<Uint8Array>> => {
  const method = request.method ?? ''
  const url = request.url ?? ''
  const { authorization } = request.headers
  const target = findTarget(context.routes, method, url)
  if (target === null) throw fault('E_NOT_FOUND')
  const signed = { method, url, authorization }
  if (target.kind === 'unasked') {
    const sender = await context.authenticate.sender(signed)
    const body = await readBody(request)
    requireBody(sender, body)
    return target.handle({ sender, signal }, body)
  }
  const call = { caller: await context.authenticate.caller(signed), signal }
  if (target.kind === 'log') return context.routes.putLog(call, target.lease, request)
  if (target.kind === 'object')
    return carryObject(context.routes, call, { ...target, method, content: request })
  const body = await readBody(request)
  requireBody(call.caller, body)
  return target.handle(call, body)
}

const carryObject = async (
  { putObject, getObject }: RunnerRoutes,
  call: RunnerCall,
  {
    method,
    content,
    ...of
  }: ObjectOfLease & { readonly method: string; readonly content: AsyncIterable<Uint8Array> },
): Promise<Answer | AsyncIterable<Uint8Array>> => {
  if (method === 'PUT') {
    if (call.caller.bodyDigest !== streamedBody)
      throw fault('E_RUNNER_UNKNOWN', { detail: 'not signed as a stream' })
    return putObject(call, of, content)
  }
  requireBody(call.caller, new Uint8Array(0))
  return getObject(call, of)
}

const sendStream = async (response: ServerResponse, pieces: AsyncIterable<Uint8Array>): Promise<void> => {
  response.writeHead(200, { 'content-type': 'application/octet-stream' })
  // What breaks half-way cannot be said any more: the connection ends, and the reader sees that it is cut off.
  await pipeline(Readable.from(pieces, { objectMode: false }), response).catch(() => void response.destroy())
}

type Target =
  | { readonly kind: 'unasked'; readonly handle: (call: SenderCall, body: Uint8Array) => Promise<Answer> }
  | ({ readonly kind: 'object' } & ObjectOfLease)
  | { readonly kind: 'log'; readonly lease: LeaseId }
  | { readonly kind: 'body'; readonly handle: (call: RunnerCall, body: Uint8Array) => Promise<Answer> }

const findTarget = (routes: RunnerRoutes, method: string, url: string): Target | null => {
  const named = /^\/runner\/v1\/leases\/([a-z0-9_]{1,64})\/objects\/([a-z0-9_]{1,64})$/.exec(url)
  if (named !== null) {
    const [of, object] = [parseId('lease', named[1]), parseId('object', named[2])]
    const isKnown = of !== null && object !== null && (method === 'PUT' || method === 'GET')
    return isKnown ? { kind: 'object', lease: of, object } : null
  }
  const match = /^\/runner\/v1\/(?:leases\/([a-z0-9_]{1,64})\/)?([a-z]{1,16})$/.exec(url)
  const [, leaseText, name] = match ?? []
  if (name === undefined) return null
  const lease = leaseText === undefined ? null : parseId('lease', leaseText)
  if (leaseText !== undefined && lease === null) return null
  if (lease !== null && name === 'log' && (method === 'PUT' || method === 'POST'))
    return { kind: 'log', lease }
  if (method !== 'POST') return null
  const unasked = findUnasked(routes, lease, name)
  if (unasked !== null) return unasked
  if (lease === null) {
    const handle = Object.hasOwn(routes.plain, name) ? routes.plain[name] : undefined
    return handle === undefined ? null : { kind: 'body', handle }
  }
  const handle = Object.hasOwn(routes.ofLease, name) ? routes.ofLease[name] : undefined
  return handle === undefined ? null : { kind: 'body', handle: (call, body) => handle(call, lease, body) }
}

const findUnasked = (routes: RunnerRoutes, lease: LeaseId | null, name: string): Target | null => {
  if (lease === null) {
    const handle = Object.hasOwn(routes.unasked, name) ? routes.unasked[name] : undefined
    return handle === undefined ? null : { kind: 'unasked', handle }
  }
  const handle = Object.hasOwn(routes.unaskedOfLease, name) ? routes.unaskedOfLease[name] : undefined
  return handle === undefined ? null : { kind: 'unasked', handle: (call, body) => handle(call, lease, body) }
}

const readBody = async (request: IncomingMessage): Promise<Uint8Array> => {
  const late = setTimeout(() => request.destroy(), limits.runnerRequestMs)
  try {
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > limits.runnerBodyBytesMax) throw fault('E_TOO_LARGE')
      chunks.push(chunk)
    }
    return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
  } finally {
    clearTimeout(late)
  }
}

const write = (request: IncomingMessage, response: ServerResponse, status: number, answer: Answer): void => {
  if (response.destroyed) return
  // A body that was refused half-way is not read to its end: the connection ends with the answer.
  const connection = request.complete ? {} : { connection: 'close' }
  if (answer === undefined) {
    response.writeHead(status, connection).end()
    return
  }
  const text = JSON.stringify(answer)
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...connection,
    })
    .end(text)
}

const describe = (log: Log, request: IncomingMessage, error: unknown) => {
  const known = isFault(error) ? error : (asDatabaseFault(error) ?? passing(error))
  const { status } = known.row
  if (status >= 500) log.error('runner request failed', { path: request.url, error })
  else log.info('runner request refused', { path: request.url, code: known.code, detail: known.detail })
  return { status, code: known.code, message: known.public }
}

/** Classes of PostgreSQL that pass by themselves (a lock that somebody holds for long): the runner sends again. */
const passing = (error: unknown): Fault =>
  fault(/^(53|57|40|55)/.test(sqlState(error) ?? '') ? 'E_DATABASE' : 'E_INTERNAL', { cause: error })
