// Identity tokens of jobs (trust-model.md §5.4): what a runner asks for a step that begins, what the vault seals to it, and
// where a cloud finds the keys they are signed with. A runner signs for which audiences it asks; nobody adds one on the way.
import {
  id,
  integer,
  list,
  nullable,
  object,
  oneOf,
  optional,
  parseShape,
  type Shaped,
  text,
} from '../base/shape.ts'
import { evidence } from './evidence.ts'

/** How long a token is good: a step has it from its beginning, and nothing renews it while the step goes on. */
export const identityLifeSeconds = 15 * 60
/** Of one job. */
export const audiencesMax = 8
/** In a variable of the shell beside its token, so without anything that a shell or JSON would read otherwise. */
export const audienceForm = /^[A-Za-z0-9][A-Za-z0-9._:/@?=&%~+,-]{0,254}$/
const audience = text({ max: 255, form: audienceForm })
/** null: the organisation that the project is of. */
const audiences = list(nullable(audience), { min: 1, max: audiencesMax })
export const jobAudiences = audiences

export const identityPathForm = /\/runner\/v1\/leases\/lse_[0-9a-v]{26}\/identity$/
const publicKey = text({ max: 43, min: 43, form: /^[A-Za-z0-9_-]+$/ })
const identityRequest = object({
  v: oneOf(1),
  /** For whom: a ticket about another one gets nothing. */
  attempt: id('attempt'),
  /** Of the step that begins, from 1. */
  step: integer({ min: 1, max: 65_535 }),
  audiences,
  evidence,
  eph: list(publicKey, { min: 1, max: 1 }),
})
export type IdentityRequest = Shaped<typeof identityRequest>
export const parseIdentityRequest = (json: unknown) => parseShape(identityRequest, json, 'E_PROTOCOL')

export type IdentityAnswer = { readonly ticket: string; readonly sealed: string }

/** A hundred contexts, and a ref and a repository of 256 letters that take three bytes each, three times. */
const tokenCharsMax = 20_000
/** What `oidc` opens to. A token whose subject could be read in two ways is not in it: `left` says why. */
export const identityPayload = object({
  exp: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  tokens: list(
    object({
      audience: nullable(audience),
      /** Of the subject: `circleci-2` names where the source lies and its ref. */
      profile: oneOf('circleci-1', 'circleci-2'),
      token: text({ max: tokenCharsMax, form: /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/ }),
    }),
    { max: 2 * audiencesMax },
  ),
  left: optional(text({ max: 500 })),
})
export type IdentityPayload = Shaped<typeof identityPayload>

/** A public key of the issuer (RFC 7517); `kid` is its thumbprint (RFC 7638). */
export const identityKey = object({
  kty: oneOf('RSA'),
  use: oneOf('sig'),
  alg: oneOf('RS256'),
  kid: text({ max: 43, min: 43 }),
  n: text({ max: 1024 }),
  e: text({ max: 16 }),
})
export type IdentityKey = Shaped<typeof identityKey>

/** Both documents of an issuer, as texts that anybody may serve. */
export const issuerDocuments = object({
  issuer: text({ max: 2048 }),
  configuration: text({ max: 8192 }),
  jwks: text({ max: 32_768 }),
})
export type IssuerDocuments = Shaped<typeof issuerDocuments>

/** As the tokens of runs on one ref have it that nobody in person started. */
export const projectIdentity = object({
  issuer: text({ max: 2048 }),
  audience: text({ max: 64 }),
  project: text({ max: 64 }),
  /** Of CIRCLE_OIDC_TOKEN. */
  subject: text({ max: 1024 }),
  /** Of CIRCLE_OIDC_TOKEN_V2; null: the ref or the repository has a name that could be taken for another subject. */
  subjectWithRef: nullable(text({ max: 8192 })),
  keys: list(identityKey, { max: 100 }),
})
export type ProjectIdentity = Shaped<typeof projectIdentity>

/** Of an organisation, below the origin that issues (and below a directory that is to be served as one). */
export const issuerPath = (organisationUuid: string): string => `/org/${organisationUuid}`
export const configurationPath = '/.well-known/openid-configuration'
export const jwksPath = '/.well-known/jwks.json'
