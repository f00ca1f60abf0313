// Calls to the HTTP API with types from routes.ts. Every failure is an ApiProblem with title, reason, code and
// request id, whether the server said so (RFC 9457) or could not be reached.
import { toHex } from '../../base/bytes.ts'
import type { AnswerOf, BodyOf, routes } from '../../protocol/api/routes.ts'
import type { ProblemJson } from '../../protocol/api/shapes.ts'
import type { Schema } from '../format/schema-text.ts'
import { requestDeadlineMs } from '../limits.ts'
import { text } from '../text/en.ts'
import { type Endpoint, endpoints } from './endpoints.ts'

type Parameters<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? { readonly [K in Name | keyof Parameters<`/${Rest}`>]: string }
  : Path extends `${string}:${infer Name}`
    ? { readonly [K in Name]: string }
    : object
type QueryOf<N extends Endpoint> = (typeof routes)[N] extends { query: { _zod: { output: infer Q } } }
  ? { readonly [K in keyof Q]?: string | number | undefined }
  : object

type PageOf = { readonly items: unknown[]; readonly next_cursor: string | null }
type Lists = { [N in Endpoint]: AnswerOf<N> extends PageOf ? N : never }[Endpoint]
type ItemsOf<N extends Endpoint> = AnswerOf<N> extends { items: infer I } ? I : never
const listMax = 2_000
/** E_STEP_UP. */
const proofWanted = 'MF4033'

export type CallOptions<N extends Endpoint> = {
  readonly path?: Parameters<(typeof endpoints)[N]>
  readonly query?: QueryOf<N>
  readonly body?: BodyOf<N>
  /** The tag of what was read (`callTagged`): a change counts only for that. */
  readonly ifMatch?: string
  readonly signal?: AbortSignal
}

type Content = Readonly<Record<string, { readonly schema?: Schema }>>
export type ApiOperation = {
  readonly summary: string
  readonly description?: string
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly schema: Schema
  }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}
/** As much of OpenAPI as the page of the API draws. */
export type ApiDescription = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>
}

/** What went wrong with a request, for people. Identity matters: it is thrown and recognised. */
export class ApiProblem extends Error {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly requestId: string | null
  readonly hint: string | null
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[]
  constructor(body: Partial<ProblemJson> & { readonly title: string; readonly status: number }) {
    super(body.title)
    this.name = 'ApiProblem'
    this.status = body.status
    this.code = body.code ?? 'MF4500'
    this.detail = body.detail ?? ''
    this.requestId = body.request_id ?? null
    this.hint = body.hint ?? null
    this.errors = body.errors ?? []
  }
}

export const createApi = (deps: {
  readonly fetch: typeof globalThis.fetch
  /** Called on 401, before the problem is thrown: the session is over. */
  readonly onSignedOut: () => void
  /** The last proof is too old for this act (E_STEP_UP): true once it is proven again, so that it is asked anew. */
  readonly onProofWanted: (act: Endpoint) => Promise<boolean>
}) => {
  const send = async (url: string, init: RequestInit): Promise<Response> => {
    const deadline = AbortSignal.timeout(requestDeadlineMs)
    const signal = init.signal ? AbortSignal.any([init.signal, deadline]) : deadline
    const ask = () => deps.fetch(url, { ...init, signal, credentials: 'same-origin' })
    const failed = (cause: unknown) => {
      if (init.signal?.aborted) throw cause
      throw unreachable()
    }
    // What has a key may be asked again when the connection broke: it is carried out once.
    const isKeyed = init.headers !== undefined && 'idempotency-key' in init.headers
    const answer = await (isKeyed ? ask().catch(ask) : ask()).catch(failed)
    if (answer.ok) return answer
    if (answer.status === 401) deps.onSignedOut()
    throw await problemOf(answer)
  }
  const proven = async (name: Endpoint, work: () => Promise<Response>): Promise<Response> =>
    work().catch(async (error: unknown) => {
      if (!isApiProblem(error) || error.code !== proofWanted || !(await deps.onProofWanted(name))) throw error
      return work()
    })

  const ask = async <N extends Endpoint>(name: N, options: CallOptions<N>) => {
    const { method, url } = requestLine(name, options)
    // Made once: asked again, it is the same request.
    const init = {
      ...{ method, ...bodyOf(method, options) },
      ...(options.signal ? { signal: options.signal } : {}),
    }
    const answer = await proven(name, () => send(url, init))
    // SAFE: same origin, same release: the server serialises this answer by the shape the type is made from.
    return {
      answer: (await whole(answer.json(), init.signal)) as AnswerOf<N>,
      tag: answer.headers.get('etag') ?? undefined,
    }
  }
  const call = async <N extends Endpoint>(name: N, options: CallOptions<N> = {}): Promise<AnswerOf<N>> =>
    (await ask(name, options)).answer

  return {
    call,
    /** With the tag to change it by. */
    callTagged: <N extends Endpoint>(name: N, options: CallOptions<N> = {}) => ask(name, options),
    /** Every page of a list. */
    callAll: async <N extends Endpoint & Lists>(
      name: N,
      options: CallOptions<N> = {},
    ): Promise<ItemsOf<N>> => {
      const items: unknown[] = []
      for (let cursor: string | null | undefined; cursor !== null && items.length < listMax; ) {
        const page: { items: unknown[]; next_cursor: string | null } = await call(name, {
          ...options,
          // SAFE: every list takes these two (protocol/api/route.ts).
          query: { ...options.query, limit: 100, cursor } as unknown as QueryOf<N>,
        })
        items.push(...page.items)
        cursor = page.next_cursor
      }
      return items as ItemsOf<N>
    },
    /** How the server describes its API, as programs read it. */
    description: async (signal?: AbortSignal): Promise<ApiDescription> => {
      const answer = await send('/api/v1/openapi.json', { method: 'GET', ...(signal ? { signal } : {}) })
      // SAFE: same origin, same release; its page draws what is there.
      return (await whole(answer.json(), signal)) as ApiDescription
    },
    /** Stored frames of a log above `after` up to `until`, as bytes; of one step, if it is named. */
    logFrames: async (
      attempt: string,
      range: { readonly after: number; readonly until: number; readonly step?: number },
      signal: AbortSignal,
    ): Promise<Uint8Array<ArrayBuffer>> => {
      const query = { format: 'frames', ...range }
      const { url } = requestLine('attemptLog', { path: { attempt }, query })
      const answer = await send(url, { method: 'GET', signal })
      return new Uint8Array(await whole(answer.arrayBuffer(), signal))
    },
    /** A link a person can open or download; not fetched here. */
    logUrl: (attempt: string, format: 'text' | 'ansi' | 'html' | 'ndjson'): string =>
      requestLine('attemptLog', { path: { attempt }, query: { format } }).url,
    artifactUrl: (artifact: string): string => requestLine('artifact', { path: { artifact } }).url,
  }
}
export type Api = ReturnType<typeof createApi>

export const isApiProblem = (error: unknown): error is ApiProblem => error instanceof ApiProblem

/** Any thrown thing as a problem: what is not one is a defect of ours and says so. */
export const asProblem = (error: unknown): ApiProblem =>
  isApiProblem(error)
    ? error
    : new ApiProblem({ title: text.error.defect, status: 0, code: 'MF1099', detail: String(error) })

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** A POST has a key of its own: sent twice, because its answer was lost, it is carried out once. */
const bodyOf = (
  method: Method,
  { body, ifMatch }: { readonly body?: unknown; readonly ifMatch?: string },
) => {
  const seen = ifMatch === undefined ? {} : { 'if-match': ifMatch }
  if (method === 'GET' || method === 'DELETE') return { headers: seen }
  const json = { 'content-type': 'application/json' }
  const headers = method === 'POST' ? { ...json, 'idempotency-key': newKey() } : { ...json, ...seen }
  return { headers, body: JSON.stringify(body ?? {}) }
}

const newKey = (): string => toHex(crypto.getRandomValues(new Uint8Array(16)))

const requestLine = <N extends Endpoint>(name: N, options: CallOptions<N>) => {
  const [method, template] = endpoints[name].split(' ') as [Method, string]
  const parameters: Readonly<Record<string, string>> = { ...options.path }
  const path = template.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(parameters[key] ?? ''))
  const words = Object.entries({ ...options.query }).filter(
    ([, value]) => value !== undefined && value !== '',
  )
  const query = new URLSearchParams(words.map(([key, value]) => [key, String(value)])).toString()
  return { method, url: query === '' ? path : `${path}?${query}` }
}

/** A connection may break, or the deadline pass, when only the beginning of an answer is here. */
const whole = <T>(body: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> =>
  body.catch((cause: unknown) => {
    if (signal?.aborted) throw cause
    throw unreachable()
  })

const unreachable = (): ApiProblem =>
  new ApiProblem({
    title: text.error.unreachable,
    status: 0,
    code: 'MF4503',
    detail: text.error.unreachableWhy,
  })

const problemOf = async (answer: Response): Promise<ApiProblem> => {
  const body: unknown = await answer.json().catch(() => null)
  const known = typeof body === 'object' && body !== null ? (body as Partial<ProblemJson>) : {}
  return new ApiProblem({ ...known, title: known.title ?? text.error.defect, status: answer.status })
}
