// What a runner has found out by itself about a job before anything is released for it (trust-model.md §4.4 rule 3, decision
// 0045). It goes in bodies that the runner signs (`POST …/leases/:lease/secrets`), and the vault compares it with the ticket and
// with its own records. A plan that a run goes on with stands in no commit: there the runner of the setup job vouches for it.
import { id, integer, list, object, oneOf, optional, parseShape, type Shaped, text } from '../base/shape.ts'
import { contextsOfJobMax } from './contexts.ts'

const code = 'E_PROTOCOL'
const digest = text({ max: 64, form: /^[0-9a-f]{64}$/ })
const commit = text({ max: 64, form: /^([0-9a-f]{40}|[0-9a-f]{64})$/ })
const word = text({ max: 4096, form: /^[^\p{C}\s-][^\p{C}]*$/u })
/** A JWS of type `continuationTyp`. */
export const continuationProof = text({ max: 32_768 })

/** Only branches and tags are the repository's own: what a host serves beside them may be anybody's. */
export const isOwnRef = (ref: string): boolean => /^refs\/(?:heads|tags)\/./.test(ref)

/** Of one plan; a configuration with more is not proven. */
export const provenOrbsMax = 64
/** Those of the installation's store that the plan was made from: their text is in no commit. */
const orbs = list(object({ id: word, sha256: digest }), { max: provenOrbsMax })

const continued = object({
  /** Of the plan that the job stands in. */
  plan_digest: digest,
  /** By the runner of the setup job. */
  proof: continuationProof,
})

export const evidence = object({
  repo: word,
  /** As the job itself knows it, of a remote one. */
  url: optional(word),
  ref: word,
  /** Where the ref was when the runner looked, as the commit that it leads to. */
  ref_tip: commit,
  /** The tip or an ancestor of it. */
  commit,
  is_tip: oneOf(true, false),
  tier: oneOf('branch', 'protected'),
  spec_digest: digest,
  /** Those that the job names, in its order. */
  contexts: list(id('context'), { max: contextsOfJobMax }),
  /** Of a plan that the run went on with, its proof names them. */
  orbs,
  /** Absent where the commit's own configuration says what the job does. */
  continued: optional(continued),
})
export type Evidence = Shaped<typeof evidence>

export const continuationTyp = 'mayfly-continuation+jwt'
export const continuationClaims = object({
  iss: id('runner'),
  iat: integer({ min: 0, max: 253_402_300_799 }),
  project: id('project'),
  run: id('run'),
  /** Of the setup job, whose own script its runner had proven. */
  attempt: id('attempt'),
  repo: word,
  ref: word,
  commit,
  plan_digest: digest,
  orbs,
})
export type ContinuationClaims = Shaped<typeof continuationClaims>

export const secretsPathForm = /\/runner\/v1\/leases\/lse_[0-9a-v]{26}\/secrets$/
const secretsRequest = object({
  v: oneOf(1),
  /** For whom: a ticket about another one gets nothing. */
  attempt: id('attempt'),
  eph: list(text({ max: 43, min: 43, form: /^[A-Za-z0-9_-]+$/ }), { min: 1, max: 1 }),
  evidence,
})
export type SecretsRequest = Shaped<typeof secretsRequest>
export const parseSecretsRequest = (json: unknown) => parseShape(secretsRequest, json, code)
