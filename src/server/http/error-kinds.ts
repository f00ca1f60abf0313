// Every error of the API and every problem of a configuration, by number, as people may look them up: what
// `GET /api/v1/errors` answers and the page that `type` of a problem names shows.
import { faultExplanations } from '../../base/fault-explanations.ts'
import { catalogue, type FaultCode } from '../../base/faults.ts'
import type { ErrorKind } from '../../protocol/api/shapes.ts'
import { problemExplanations } from '../../protocol/explain/index.ts'
import { type ProblemCode, problemCodes } from '../../protocol/problem-codes.ts'

/** The next step, where there is one that fits every case. */
export const hints: Partial<Record<FaultCode, string>> = {
  E_UNAUTHENTICATED: 'Sign in, or send a token: Authorization: Bearer mfp_…',
  E_FORBIDDEN: 'An owner of the organisation can give you a role that may.',
  E_CLAIM_INVALID: 'On its machine, stop Mayfly and start it again: `mayfly up` prints a new link.',
  E_CSRF: 'Open Mayfly at its own address and try again from there.',
  E_MEDIA_TYPE: 'Send the body with Content-Type: application/json.',
  E_PRECONDITION: 'Read it again, then send your change with the new ETag as If-Match.',
  E_INTERNAL: 'Tell the operator the request id: the log of the server knows more.',
}

/** Below the address of the installation. */
export const errorPage = (code: string): string => `/docs/errors/${code}`

const faults = Object.entries(catalogue).map(
  ([symbol, row]): ErrorKind => ({
    ...{ code: row.number, symbol, severity: 'error', title: row.title },
    ...{ http_status: row.status, retryable: row.retryable, example: null },
    // SAFE: `symbol` is a key of the catalogue.
    ...faultExplanations[symbol as FaultCode],
  }),
)

const explanations = problemExplanations()
const configuration = Object.entries(problemCodes).map(([symbol, { number, severity, title }]): ErrorKind => {
  // SAFE: as above.
  const { why, mend, example } = explanations[symbol as ProblemCode]
  return {
    ...{ code: number, symbol, severity, title, why, mend },
    ...{ http_status: null, retryable: false, example: example?.text ?? null },
  }
})

export const errorKinds: readonly ErrorKind[] = [...faults, ...configuration].sort((a, b) =>
  a.code < b.code ? -1 : 1,
)
