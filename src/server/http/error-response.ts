// The only writer of errors: problem JSON (RFC 9457) with our number, the page of it, the request id and a next step. What operators
// need to know goes to the log; nothing of a cause, a stack or a library's message reaches the caller.
import { randomBytes } from 'node:crypto'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { catalogue, type Fault, type FaultCode, fault, isFault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import type { ProblemJson } from '../../protocol/api/shapes.ts'
import { http } from '../../sys/index.ts'
import type { Site } from '../access/site.ts'
import { asDatabaseFault } from '../db/away.ts'
import { errorPage, hints } from './error-kinds.ts'

export type ErrorDeps = { readonly log: Log; readonly site: () => Site }

const retryAfterSeconds: Partial<Record<FaultCode, number>> = {
  E_RATE_LIMIT: 60,
  E_STILL_RUNNING: 1,
}
const retryAfterDefaultSeconds = 5

/** When the window of an exceeded limit ends; other limits know no window. */
const retryAfter = ({ code }: Fault, { rate }: FastifyRequest): number =>
  code === 'E_RATE_LIMIT' && rate?.isExceeded === true
    ? rate.resetSeconds
    : (retryAfterSeconds[code] ?? retryAfterDefaultSeconds)

export const newRequestId = (): string => `req_${randomBytes(12).toString('hex')}`

export const sendError = (
  { log, site }: ErrorDeps,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply => {
  const known = toFault(error)
  const { row } = known
  if (row.status >= 500)
    log.error('request failed', { requestId: request.id, code: known.code, error: known })
  else log.debug('request refused', { requestId: request.id, code: known.code, detail: known.detail })
  if (row.retryable) reply.header('retry-after', retryAfter(known, request))
  // Of the answer that was under way: a problem has no next page.
  reply.removeHeader('link')
  return reply
    .code(row.status)
    .headers({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
    .serializer((text: string) => text)
    .send(JSON.stringify(problemOf(known, { error, request, site: site() })))
}

const problemOf = (
  known: Fault,
  {
    error,
    request,
    site,
  }: { readonly error: unknown; readonly request: FastifyRequest; readonly site: Site },
): ProblemJson => {
  const errors = fieldErrors(error)
  const hint = hintOf(known)
  return {
    type: site.url + errorPage(known.row.number),
    title: known.row.title,
    status: known.row.status,
    detail: known.public,
    instance: `urn:mayfly:request:${request.id}`,
    code: known.row.number,
    request_id: request.id,
    ...(errors.length === 0 ? {} : { errors }),
    ...(hint === undefined ? {} : { hint }),
  }
}

/** Who was told what is missing, and who gives it, needs no second word: a token without a scope is no matter of roles. */
const hintOf = ({ code, row, public: detail }: Fault): string | undefined =>
  code === 'E_FORBIDDEN' && detail !== row.title ? undefined : hints[code]

const notJson = new Set(['FST_ERR_CTP_INVALID_JSON_BODY', 'FST_ERR_CTP_EMPTY_JSON_BODY'])
const parserCodes: Readonly<Record<string, FaultCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'E_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'E_MEDIA_TYPE',
}

/** Errors of the framework about the request become E_INPUT; everything that is not a fault is our own mistake. */
const toFault = (error: unknown): Fault => {
  if (isFault(error)) return error
  const { code = '', statusCode } = error as Partial<FastifyError>
  const mapped = parserCodes[code]
  if (mapped !== undefined) return fault(mapped, { cause: error })
  if (notJson.has(code)) return fault('E_INPUT', { public: 'The body cannot be read as JSON', cause: error })
  if (hasZodFastifySchemaValidationErrors(error))
    return fault('E_INPUT', { public: 'Some fields are not valid' })
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return fault('E_INPUT', { detail: code, cause: error })
  return asDatabaseFault(error) ?? fault('E_INTERNAL', { cause: error })
}

const fieldErrors = (error: unknown): { pointer: string; detail: string; code: string }[] => {
  if (!hasZodFastifySchemaValidationErrors(error)) return []
  const where = error.validationContext === 'body' ? '' : `/${error.validationContext}`
  return error.validation.slice(0, 20).map(({ instancePath, keyword, message }) => ({
    pointer: `#${where}${instancePath === '/' ? '' : instancePath}`,
    detail: message ?? 'is not valid',
    code: keyword,
  }))
}

/** Where there is no request to answer, only a socket to close politely: bytes that are not even HTTP, refused upgrades. */
export const rawProblem = (code: FaultCode, { url }: Site): string => {
  const { number, status, title, retryable } = catalogue[code]
  const body = JSON.stringify({ type: url + errorPage(number), title, status, code: number })
  return [
    `HTTP/1.1 ${status} ${http().STATUS_CODES[status]}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...(retryable ? [`retry-after: ${retryAfterSeconds[code] ?? retryAfterDefaultSeconds}`] : []),
    'connection: close',
    '',
    body,
  ].join('\r\n')
}
