// From a request to an answer: which verb, is it offered on this socket, is the body what the verb takes. A failure
// answers its code and nothing else; what happened stands in our own log.
import { type Fault, fault, isFault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import { parseShape, type Shape } from '../base/shape.ts'
import {
  type VaultAnswer,
  type VaultRequest,
  type VaultSocket,
  type VaultVerb,
  vaultBodyBytesMax,
  vaultVerbs,
} from '../protocol/vault.ts'
import type { WebhookVerifier } from './verbs/webhook.ts'

/** A request as the HTTP front hands it over; header names are in lower case. */
export type VaultHttpRequest = {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: AsyncIterable<Uint8Array>
}
export type VaultHttpAnswer = { readonly status: number; readonly body: object }

export type Handlers = {
  readonly [V in VaultVerb]: (request: VaultRequest<V>) => VaultAnswer<V> | Promise<VaultAnswer<V>>
}

export const createDispatch =
  (deps: { readonly handlers: Handlers; readonly webhook: WebhookVerifier; readonly log: Log }) =>
  (socket: VaultSocket) =>
  async (request: VaultHttpRequest): Promise<VaultHttpAnswer> => {
    try {
      return { status: 200, body: await answer(deps, socket, request) }
    } catch (error) {
      return refusal(deps.log.child({ path: request.path.slice(0, 64) }), error)
    }
  }

const answer = async (
  deps: { readonly handlers: Handlers; readonly webhook: WebhookVerifier },
  socket: VaultSocket,
  request: VaultHttpRequest,
): Promise<object> => {
  const verb = request.method === 'POST' && request.path.startsWith('/v1/') ? request.path.slice(4) : ''
  if (verb === 'webhook.verify' && socket === 'server') {
    requireMediaType(request, 'application/octet-stream')
    return deps.webhook.verify(request.headers, request.body)
  }
  if (!isVerbOf(socket, verb)) throw fault('E_NOT_FOUND')
  requireMediaType(request, 'application/json')
  const parsed = parseShape<unknown>(vaultVerbs[verb].request, await readJson(request.body))
  if (!parsed.ok) throw fault('E_INPUT', { public: parsed.problems.map(({ message }) => message).join('; ') })
  // SAFE: the shape of this very verb was just checked; the types cannot follow a verb that is a variable.
  const handle = deps.handlers[verb] as (value: unknown) => object | Promise<object>
  return handle(parsed.value)
}

const isVerbOf = (socket: VaultSocket, verb: string): verb is VaultVerb => {
  const verbs: Readonly<Record<string, { sockets: readonly VaultSocket[]; request: Shape<unknown> }>> =
    vaultVerbs
  return Object.hasOwn(verbs, verb) && verbs[verb]?.sockets.includes(socket) === true
}

const requireMediaType = (request: VaultHttpRequest, expected: string): void => {
  if (request.headers['content-type'] !== expected)
    throw fault('E_MEDIA_TYPE', { public: `Send ${expected}` })
}

const readJson = async (body: AsyncIterable<Uint8Array>): Promise<unknown> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > vaultBodyBytesMax) throw fault('E_TOO_LARGE')
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (cause) {
    throw fault('E_INPUT', { public: 'The body is not JSON', cause })
  }
}

const refusal = (log: Log, error: unknown): VaultHttpAnswer => {
  const known: Fault = isFault(error) ? error : fault('E_INTERNAL', { cause: error })
  const { code, row } = known
  if (row.status >= 500) log.error('a request failed', { code, error })
  else log.warn('a request was refused', { code, reason: known.public })
  return { status: row.status, body: { error: { code, number: row.number, message: known.public } } }
}
