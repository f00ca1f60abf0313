// Calls of the HTTP API, typed by its own table (protocol/api/routes.ts): over the operator's socket on this machine
// or with a token elsewhere. A problem document of the server becomes the fault it names.
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http'
import type * as z from 'zod'
import { type Fault, fault } from '../../base/faults.ts'
import { type AnswerOf, type BodyOf, type RouteName, routes } from '../../protocol/api/routes.ts'
import { http } from '../../sys/index.ts'
import { asFault, type Named } from './problem.ts'
import type { Target } from './target.ts'

const answerDeadlineMs = 30_000
/** How long nothing may come of an answer that is read as it comes. */
const stalledMs = 60_000
const pageItems = 100
const listMax = 10_000
const answerBytesMax = 64 * 1024 * 1024

export type Call<N extends RouteName> = {
  readonly params?: Named
  readonly query?: Readonly<Record<string, string | number | undefined>>
} & (BodyOf<N> extends undefined ? { readonly body?: undefined } : { readonly body: BodyOf<N> })

type AnyPage = { readonly items: unknown[]; readonly next_cursor: string | null }
export type ListName = { [N in RouteName]: AnswerOf<N> extends AnyPage ? N : never }[RouteName]

export interface ApiClient {
  call<N extends RouteName>(route: N, call: Call<N>): Promise<AnswerOf<N>>
  /** A list with all its pages, as one page. */
  all<N extends ListName>(route: N, call: Pick<Call<N>, 'params' | 'query'>): Promise<AnswerOf<N>>
  /** The bytes of an answer as they come; ends when the server ends it or `signal` aborts. */
  stream(
    route: RouteName,
    call: Pick<Call<RouteName>, 'params' | 'query'>,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>>
  /** Any request, by its words; the answer as it comes. */
  raw(request: RawRequest, signal: AbortSignal): Promise<RawAnswer>
}

export type RawRequest = {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly payload: Buffer | null
  /** What it is about, for words when that is not there. */
  readonly named?: Named | undefined
}

export type RawAnswer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Throws E_UNREACHABLE where they break off. */
  readonly bytes: AsyncIterable<Uint8Array>
}

/** Who wants to hear what becomes of calls. */
export type Hearing = {
  /** Of a list that is longer than is fetched of any. */
  readonly onCut?: (items: number) => void
  /** A line for each request and each answer: no header and no body, which is where credentials are. */
  readonly onLine?: ((line: string) => void) | undefined
}

export const createApiClient = (
  given: Target,
  { onCut, onLine, stallMs = stalledMs }: Hearing & { readonly stallMs?: number } = {},
): ApiClient => {
  if (given.kind === 'token') requireAddress(given.url)
  const target = { ...given, onLine, stallMs }
  const call: ApiClient['call'] = async (name, call) => {
    const signal = AbortSignal.timeout(answerDeadlineMs)
    const document = parseAnswer(await exchange(target, requestOf(name, call), { signal, read: readAll }))
    const found = (routes[name].answer as z.ZodType).safeParse(document)
    if (!found.success) throw unexpected(found.error)
    // SAFE: parsed by the schema of this very route.
    return found.data as AnswerOf<typeof name>
  }
  return {
    call,
    all: async (name, { params, query }) => {
      const items: unknown[] = []
      let cursor: string | undefined
      do {
        // SAFE: a list takes no body, and every list these two (protocol/api/route.ts).
        const asked = { ...(params && { params }), query: { ...query, limit: pageItems, cursor } } as never
        const page = (await call(name, asked)) as AnyPage
        items.push(...page.items)
        cursor = page.next_cursor ?? undefined
      } while (cursor !== undefined && items.length < listMax)
      if (cursor !== undefined) onCut?.(items.length)
      // SAFE: the pages of this list, put together.
      return { items, next_cursor: cursor ?? null } as AnswerOf<typeof name>
    },
    stream: async (name, call, signal) =>
      (await exchange(target, requestOf(name, call), { signal, read: asItComes })).bytes,
    raw: (request, signal) => exchange(target, request, { signal, read: asItComes }),
  }
}

const requireAddress = (url: string): void => {
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw fault('E_INPUT', { public: `"${url}" is no address of an installation, as https://ci.example.org` })
}

const asItComes = async (answer: RawAnswer): Promise<RawAnswer> => answer

/** Whatever stands between may answer in its own words. */
export const parseAnswer = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw fault('E_PROTOCOL', {
      public:
        'the answer is no JSON: is that address one of Mayfly, and nothing between that answers for it?',
      cause,
    })
  }
}

/** Of another version, most likely: no defect of this program, and nothing that can be shown in part. */
const unexpected = ({ issues: [first] }: z.ZodError) =>
  fault('E_PROTOCOL', {
    public: 'the server answers otherwise than this version of mayfly expects: are they of the same version?',
    detail: `${first?.path.join('.')}: ${first?.message}`,
  })

type Heard = Target & Pick<Hearing, 'onLine'> & { readonly stallMs: number }

const requestOf = (
  name: RouteName,
  call: { params?: Named; query?: Call<RouteName>['query']; body?: unknown },
): RawRequest => {
  const payload = call.body === undefined ? null : Buffer.from(JSON.stringify(call.body))
  return { method: routes[name].method, path: pathOf(name, call), payload, named: call.params }
}

const exchange = async <T>(
  target: Heard,
  request: RawRequest,
  { signal, read }: { readonly signal: AbortSignal; readonly read: (answer: RawAnswer) => Promise<T> },
): Promise<T> => {
  const key = request.method === 'POST' ? crypto.randomUUID() : null
  const ask = async () => {
    const answer = await traced(target, { ...request, key }, signal)
    if (answer.status >= 200 && answer.status < 300) return read(answer)
    throw asFault(answer.status, await readAll(answer), request.named)
  }
  // A connection that broke after the request may have lost only the answer: with its key it is carried out once.
  return ask().catch((error: unknown) => {
    if (key === null || !isBroken(error)) throw error
    return ask()
  })
}

type Asked = RawRequest & { readonly key: string | null }

const traced = async (target: Heard, asked: Asked, signal: AbortSignal): Promise<RawAnswer> => {
  const where = target.kind === 'operator' ? "the operator's socket" : new URL(target.url).origin
  target.onLine?.(`> ${asked.method} ${asked.path} of ${where}`)
  const begin = performance.now()
  const took = () => `after ${Math.round(performance.now() - begin)} ms`
  try {
    const answer = await open(target, asked, signal)
    target.onLine?.(`< ${answer.status} ${took()} ${answer.headers['x-request-id'] ?? ''}`.trimEnd())
    return answer
  } catch (error) {
    target.onLine?.(`< nothing ${took()}`)
    throw error
  }
}

/** A log is as silent as its job, and who asks for a time to wait is answered then. */
const isHeld = ({ path }: RawRequest): boolean => /[?&](follow=1|timeout=\d+)(&|$)/.test(path)

const open = (target: Heard, call: Asked, signal: AbortSignal): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const where = target.kind === 'operator' ? 'the installation on this machine' : target.url
    const onAnswer = (answer: IncomingMessage) =>
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, bytes: toTheEnd(answer, where) })
    const headers: Record<string, string | number> = { accept: 'application/json, text/plain' }
    if (call.key !== null) headers['idempotency-key'] = call.key
    if (call.payload !== null) {
      headers['content-type'] = 'application/json'
      headers['content-length'] = call.payload.length
    }
    const options = { method: call.method, headers, signal, timeout: isHeld(call) ? 0 : target.stallMs }
    const sent =
      target.kind === 'operator'
        ? http().request({ ...options, socketPath: target.socket, path: call.path }, onAnswer)
        : withToken(target, call.path, options, onAnswer)
    sent.on('timeout', () => sent.destroy(new Error(`nothing came for ${target.stallMs} ms`)))
    sent.on('error', (cause) => {
      reject(
        notBelieved(where, cause) ?? fault('E_UNREACHABLE', { public: `${where} does not answer`, cause }),
      )
    })
    sent.end(call.payload ?? undefined)
  })

/** By the words of OpenSSL; null: something else went wrong. To ask again would change nothing. */
const notBelieved = (where: string, cause: Error & { readonly code?: unknown }): Fault | null => {
  const code = String(cause.code)
  const isOfAuthority = /^(DEPTH_ZERO_)?SELF_SIGNED_CERT|^UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)/.test(code)
  if (!isOfAuthority && !/^(CERT_|ERR_TLS_CERT_)/.test(code)) return null
  const [why] = cause.message.split(';')
  const mend = isOfAuthority ? '; NODE_EXTRA_CA_CERTS=FILE names an authority of your own' : ''
  const words = `nothing is sent to ${where}, whose certificate is not believed here: ${why}${mend}`
  return fault('E_FORBIDDEN', { public: words, cause })
}

const toTheEnd = async function* (answer: IncomingMessage, where: string): AsyncGenerator<Uint8Array> {
  try {
    yield* answer
  } catch (cause) {
    throw fault('E_UNREACHABLE', { public: `the answer of ${where} broke off`, cause })
  }
}

const isBroken = (error: unknown): boolean => {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } }
  return cause?.code === 'ECONNRESET' || cause?.code === 'EPIPE'
}

const withToken = (
  target: Target & { kind: 'token' },
  path: string,
  options: RequestOptions & { headers: Record<string, string | number> },
  onAnswer: (answer: IncomingMessage) => void,
) => {
  const url = new URL(target.url + path)
  const isLocal = url.hostname === 'localhost' || url.hostname === '127.0.0.1'
  if (url.protocol !== 'https:' && !isLocal)
    throw fault('E_FORBIDDEN', { public: `a token is not sent to ${url.origin} without TLS` })
  options.headers.authorization = `Bearer ${target.token.reveal('to the server it belongs to')}`
  const { request } = url.protocol === 'https:' ? process.getBuiltinModule('node:https') : http()
  return request(url, options, onAnswer)
}

const pathOf = (name: RouteName, call: { params?: Named; query?: Call<RouteName>['query'] }): string => {
  const path = routes[name].path.replaceAll(/:(\w+)/g, (_, param: string) => {
    const value = call.params?.[param]
    if (value === undefined) throw new TypeError(`${name} needs ${param}`)
    return encodeURIComponent(value)
  })
  const query = Object.entries(call.query ?? {}).flatMap(([key, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(key)}=${encodeURIComponent(value)}`],
  )
  return query.length === 0 ? path : `${path}?${query.join('&')}`
}

/** To a bound: what is longer is no answer of ours. */
export const readAll = async ({ bytes }: Pick<RawAnswer, 'bytes'>): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of bytes) {
    size += chunk.length
    if (size > answerBytesMax) throw fault('E_PROTOCOL', { public: 'the answer of the server is too large' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
