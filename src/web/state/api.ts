// Calls to the HTTP API with types from routes.ts. Every failure is an ApiProblem with title, reason, code and
// request id, whether the server said so (RFC 9457) or could not be reached.
import type { AnswerOf, BodyOf, routes } from '../../protocol/api/routes.ts'
import type { ProblemJson } from '../../protocol/api/shapes.ts'
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

export type CallOptions<N extends Endpoint> = {
  readonly path?: Parameters<(typeof endpoints)[N]>
  readonly query?: QueryOf<N>
  readonly body?: BodyOf<N>
  readonly signal?: AbortSignal
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
}) => {
  const send = async (url: string, init: RequestInit): Promise<Response> => {
    const deadline = AbortSignal.timeout(requestDeadlineMs)
    const signal = init.signal ? AbortSignal.any([init.signal, deadline]) : deadline
    const answer = await deps.fetch(url, { ...init, signal, credentials: 'same-origin' }).catch((cause) => {
      if (init.signal?.aborted) throw cause
      throw unreachable()
    })
    if (answer.ok) return answer
    if (answer.status === 401) deps.onSignedOut()
    throw await problemOf(answer)
  }

  return {
    call: async <N extends Endpoint>(name: N, options: CallOptions<N> = {}): Promise<AnswerOf<N>> => {
      const { method, url } = requestLine(name, options)
      const answer = await send(url, {
        method,
        ...(method === 'POST' ? jsonBody(options.body ?? {}) : {}),
        ...(options.signal ? { signal: options.signal } : {}),
      })
      // SAFE: same origin, same release: the server serialises this answer by the shape the type is made from.
      return (await answer.json()) as AnswerOf<N>
    },
    /** Stored frames of a log above `after` up to `until`, as bytes; of one step, if it is named. */
    logFrames: async (
      attempt: string,
      range: { readonly after: number; readonly until: number; readonly step?: number },
      signal: AbortSignal,
    ): Promise<Uint8Array<ArrayBuffer>> => {
      const query = { format: 'frames', ...range }
      const { url } = requestLine('attemptLog', { path: { attempt }, query })
      return new Uint8Array(await (await send(url, { method: 'GET', signal })).arrayBuffer())
    },
    /** A link a person can open or download; not fetched here. */
    logTextUrl: (attempt: string): string =>
      requestLine('attemptLog', { path: { attempt }, query: { format: 'text' } }).url,
  }
}
export type Api = ReturnType<typeof createApi>

export const isApiProblem = (error: unknown): error is ApiProblem => error instanceof ApiProblem

/** Any thrown thing as a problem: what is not one is a defect of ours and says so. */
export const asProblem = (error: unknown): ApiProblem =>
  isApiProblem(error)
    ? error
    : new ApiProblem({ title: text.error.defect, status: 0, code: 'MF1099', detail: String(error) })

const jsonBody = (body: unknown) => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

const requestLine = <N extends Endpoint>(name: N, options: CallOptions<N>) => {
  const [method, template] = endpoints[name].split(' ') as ['GET' | 'POST' | 'DELETE', string]
  const parameters: Readonly<Record<string, string>> = { ...options.path }
  const path = template.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(parameters[key] ?? ''))
  const words = Object.entries({ ...options.query }).filter(
    ([, value]) => value !== undefined && value !== '',
  )
  const query = new URLSearchParams(words.map(([key, value]) => [key, String(value)])).toString()
  return { method, url: query === '' ? path : `${path}?${query}` }
}

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
