// A secret in what a job said or stored (trust-model.md §4.7): what its runner signs and tells, and what became of it. The name is one that
// the runner was given for this very attempt; what that was, and whether it is revoked, the vault knows.
import { id, integer, list, nullable, object, oneOf, parseShape, type Shaped } from '../base/shape.ts'
import { bytes, secretName, secretsMax } from './statement.ts'

export const leakPathForm = /\/runner\/v1\/leases\/lse_[0-9a-v]{26}\/leak$/
const leakReport = object({
  v: oneOf(1),
  /** For whom: a ticket about another one tells nothing. */
  attempt: id('attempt'),
  /** As the attempt has it; null: the canary, which says that somebody read all that lay beside it. */
  secret: nullable(secretName),
  /** New for every time it is told: what was told once is told never again. */
  eph: list(bytes({ length: 32 }), { min: 1, max: 1 }),
})
export type LeakReport = Shaped<typeof leakReport>
export const parseLeakReport = (json: unknown) => parseShape(leakReport, json, 'E_PROTOCOL')

/** Whether it is revoked for it, or its version before goes to no job any more; else it stays until somebody looks. */
const leaked = object({
  secret: id('secret'),
  name: secretName,
  version: integer({ min: 1, max: 1_000_000 }),
  became: oneOf('revoked', 'ended', 'kept'),
})
export const leakAnswer = object({ secrets: list(leaked, { max: secretsMax }) })
export type LeakAnswer = Shaped<typeof leakAnswer>
export const parseLeakAnswer = (json: unknown) => parseShape(leakAnswer, json, 'E_PROTOCOL')
