// Problems of a server (RFC 9457): each becomes the fault it names, and stays as it came for who wants JSON.
import { catalogue, type Fault, type FaultCode, fault } from '../../base/faults.ts'

const fieldsShown = 5

/** As it came: nothing of it is known to be there, or to be what it should. */
export type ProblemDocument = {
  readonly code?: unknown
  readonly title?: unknown
  readonly detail?: unknown
  readonly errors?: unknown
  readonly hint?: unknown
  readonly request_id?: unknown
}

/** The cause of a fault that a server told of. */
export class ServerProblem extends Error {
  readonly document: ProblemDocument
  constructor(document: ProblemDocument) {
    super('a server answered with a problem')
    this.document = document
  }
}

/** By the members of the path: `{ project: 'web' }`. */
export type Named = Readonly<Record<string, string>>

/**
 * RFC 9457 documents name a number of the catalogue; anything else is known by its HTTP status only. A server says of what it
 * does not find no more than that: which one it was, whoever asked knows.
 */
export const asFault = (status: number, bytes: Buffer, named: Named = {}): Fault => {
  const document = parseProblem(bytes)
  const { code, title, detail, errors } = document ?? {}
  const entry = Object.entries(catalogue).find(([symbol, row]) => symbol === code || row.number === code)
  // SAFE: a key of the catalogue.
  const symbol = (entry?.[0] as FaultCode | undefined) ?? byStatus(status)
  const words = [detail, title].find((each) => typeof each === 'string') ?? `the server answered ${status}`
  const isBare = symbol === 'E_NOT_FOUND' && words === catalogue[symbol].title
  const said = isBare ? [words, wordsOf(named)].filter((part) => part !== '').join(': ') : words
  return fault(symbol, {
    public: [said, ...wrongFields(errors)].join('\n'),
    ...(document === null ? {} : { cause: new ServerProblem(document) }),
  })
}

const wordsOf = (named: Named): string =>
  Object.entries(named)
    .map(([what, which]) => `${what} ${oneLine(which)}`)
    .join(', ')

/** `#/querystring/limit` → `limit: Too big …`, a line for each; the words come from a server, and reportError shows them as text. */
const wrongFields = (errors: unknown): readonly string[] =>
  (Array.isArray(errors) ? errors.slice(0, fieldsShown) : []).flatMap((each: unknown) => {
    const { pointer, detail } = (each ?? {}) as { readonly pointer?: unknown; readonly detail?: unknown }
    if (typeof pointer !== 'string' || typeof detail !== 'string') return []
    const field = pointer.replace(/^#(\/(querystring|params|headers))?\/?/, '')
    return [oneLine(field === '' ? detail : `${field}: ${detail}`)]
  })
const oneLine = (text: string): string => text.replaceAll('\n', ' ')

const byStatus = (status: number): FaultCode => {
  if (status === 401) return 'E_UNAUTHENTICATED'
  if (status === 403) return 'E_FORBIDDEN'
  if (status === 404) return 'E_NOT_FOUND'
  if (status === 429) return 'E_RATE_LIMIT'
  // Of what stands before a server that is being started again.
  if ([502, 503, 504].includes(status)) return 'E_UNREACHABLE'
  return status >= 500 ? 'E_INTERNAL' : 'E_INPUT'
}

const parseProblem = (bytes: Buffer): ProblemDocument | null => {
  try {
    const document: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof document === 'object' && document !== null && !Array.isArray(document) ? document : null
  } catch {
    return null
  }
}
