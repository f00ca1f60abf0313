// What the vault is asked and what it answers (trust-model.md §1.1, foundation.md §6): one table of verbs with the
// shape of each request and answer, read by the vault (requests), its clients (answers) and the type checker (both).
// HTTP/1.1 over a Unix socket, `POST /v1/<verb>`, JSON, requests ≤ 2 MiB; a failure is `{error: {code}}`.
// Keys and sealed bytes travel as unpadded base64url. There is no verb that reads a secret.
import { catalogue, type FaultCode } from '../base/faults.ts'
import { parseId } from '../base/ids.ts'
import {
  either,
  hasTag,
  id,
  integer,
  list,
  nullable,
  object,
  oneOf,
  optional,
  type Shape,
  type Shaped,
  text,
  where,
} from '../base/shape.ts'
import { admissionVerbs } from './admission-verbs.ts'
import {
  contextName,
  contextRoles,
  contextRuleNames,
  contextRules,
  contextsKnownMax,
  contextsOfJobMax,
} from './contexts.ts'
import { issuerDocuments, projectIdentity } from './identity.ts'
import { leakAnswer } from './leaks.ts'
import { hostKeyLine, source, word } from './project-source.ts'
import { senderVerbs } from './sender-verbs.ts'
import { signerVerbs } from './signer-verbs.ts'
import { publicHalf, signature } from './signing.ts'
import {
  bytes,
  countersignature,
  knownHosts,
  onLeak,
  sealedSecret,
  secretKind,
  secretName,
  secretPolicy,
  secretsMax,
  statement as signedStatement,
  statementProof,
} from './statement.ts'
import { layersMax, manifestText } from './stored-wire.ts'

export const vaultBodyBytesMax = 2 * 1024 * 1024
/** Lists grow with the installation: thousands of projects with long addresses and their host keys, secrets with long rules. */
export const vaultAnswerBytesMax = 32 * 1024 * 1024
/** The secrets in base64url, their names, the deploy key. As text it still is a body of the vault. */
const sealedReleaseBytesMax = 1_450_000
/** `webhook.verify` takes the delivery itself as `application/octet-stream`; these headers say whose it claims to be. */
export const webhookBodyBytesMax = 25 * 1024 * 1024
export const hookIdHeader = 'mf-hook'
/** `sha256=<hex>`: HMAC-SHA-256 of the body; the key is the ASCII text of the secret that was shown. */
export const hookSignatureHeader = 'mf-signature'

export const ticketTyp = 'mayfly-ticket+jwt'
/** Signed by the server; `kid` is not used, the vault has one pinned ticket key. */
export const ticketLifeSecondsMax = 600
/** The runner's signed request, `kid` = runner id: claims `{iss, htm, htu, bh, iat, jti}`, bh = b64u(SHA-256(body)). */
export const runnerRequestTyp = 'mayfly-runner+jwt'
export const runnerRequestAgeSecondsMax = 60
export const pollPath = '/runner/v1/poll'

const publicKey = bytes({ length: 32 })
const branchRef = text({ max: 256, form: /^refs\/heads\/[^\p{C}\s]+$/u })
const digest = text({ max: 64, form: /^[0-9a-f]{64}$/ })
const seconds = integer({ min: 0, max: 253_402_300_799 })
const flag = oneOf(true, false)
const mv1 = text({ max: 4096, form: /^mv1:[A-Za-z0-9_.-]+:[A-Za-z0-9+/]+=*$/ })
/** HPKE of a 32-byte log key: enc, key, tag. */
const sealedLogKey = bytes({ length: 80 })
const tier = oneOf('fork', 'branch', 'protected')
/** Of records that no signer stands for yet: the member is empty and the record says `unsigned`. */
const statement = optional(oneOf(null))

const isContext = (value: unknown): boolean => parseId('context', value) !== null
const everyOr = <T>(shape: Shape<T>) => either((value) => value === '*', oneOf('*'), shape)
const runnerScope = {
  org: everyOr(id('organisation')),
  projects: everyOr(list(id('project'), { max: 1000 })),
  tierMax: tier,
}
/** A stored object as the server keeps it: what its runner signed, and its key under the project's own. */
const keptObject = object({ manifest: manifestText, wrapped: mv1 })
const releaseItem = either(
  hasTag('type', 'blobkey'),
  object({ type: oneOf('blobkey'), object: id('attempt'), sealedKey: sealedLogKey }),
  either(
    hasTag('type', 'objects'),
    /** Workspaces and caches that the ticket's job may read. */
    object({ type: oneOf('objects'), objects: list(keptObject, { min: 1, max: layersMax }) }),
    /**
     * `job`: what a job attempt starts with. `secrets`: those that it is owed, for the evidence in the body that the runner
     * signed. `agent`: the deploy key alone, for the purposes `plan` and `refs`. `oidc`: the identity tokens that the runner
     * asks for in the body it signed.
     */
    object({ type: oneOf('agent', 'job', 'secrets', 'oidc') }),
  ),
)
const keyVersion = integer({ min: 1, max: 1_000_000 })
const count = integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const nothing = object({})
const done = object({ ok: oneOf(true) })
const sealedOrNull = nullable(bytes({ max: 4096 }))
const textOrNull = nullable(text({ max: 4096 }))

/** The signed request that lists the ticket's `eph` (a poll, or of `objects` the restore), its body as received. */
const signedRequest = object({ jws: text({ max: 8192 }), body: text({ max: 1024 * 1024 }) })
/** Whose secrets: a project's or a context's. */
const owner = either(isContext, id('context'), id('project'))
/** A statement with its proof, as it was made: the vault believes nobody in between. */
const signed = { statement: signedStatement, proof: statementProof }
/** Of what may loosen: with the word of a second person, where the organisation demands one. */
const signedByTwo = { ...signed, second: optional(countersignature) }
/** Everything about a secret but the secret. `head`: the digest of the last statement about it. */
export const secretMetadata = object({
  secret: id('secret'),
  name: secretName,
  kind: secretKind,
  version: keyVersion,
  state: oneOf('active', 'disabled', 'revoked'),
  policy: secretPolicy,
  createdAt: seconds,
  changedAt: seconds,
  /** When this version was put: what was changed since is not the value. */
  putAt: seconds,
  expiresAt: nullable(seconds),
  rotateAfter: nullable(seconds),
  /** Until when the version before still goes to jobs; null: it goes nowhere. */
  previousUntil: nullable(seconds),
  onLeak,
  /** Of this version, where it was in what a job said; null: nowhere that is known of. */
  leak: nullable(object({ at: seconds, run: id('run'), job: id('job'), attempt: id('attempt') })),
  hosts: optional(knownHosts),
  /** Of a signing key. */
  signing: optional(publicHalf),
  signer: id('signer'),
  head: digest,
  releases: count,
  /** Of the last 30 days. */
  releasesRecent: count,
  lastRelease: nullable(object({ at: seconds, run: id('run'), job: id('job'), attempt: id('attempt') })),
})
export type SecretMetadata = Shaped<typeof secretMetadata>
/** `version`: how many statements there were about it. */
const contextMetadata = object({
  context: id('context'),
  name: contextName,
  ...contextRules,
  version: keyVersion,
  state: oneOf('active', 'deleted'),
  createdAt: seconds,
  changedAt: seconds,
  signer: id('signer'),
  head: digest,
})
export type ContextMetadata = Shaped<typeof contextMetadata>
/** With where its documents lie below an origin. */
const issuerOfPath = object({ path: text({ max: 64 }), documents: issuerDocuments })

/** Every verb with a JSON body. `sockets` says where it exists; elsewhere it is 404. */
export const vaultVerbs = {
  health: {
    sockets: ['server', 'admin'],
    request: nothing,
    answer: object({
      sealed: flag,
      /** Goes into every ticket; new at every start. */
      epoch: text({ max: 64 }),
      /** Ed25519, signs what the vault answers; runners and command lines pin it. */
      vsign: publicKey,
      versions: object({ vmk: keyVersion, ingest: keyVersion, vsign: keyVersion, log: keyVersion }),
      counts: object({ projects: count, runners: count, unsigned: count }),
      ticketKey: nullable(publicKey),
    }),
  },
  'ingest.key': {
    sockets: ['server'],
    request: nothing,
    answer: object({ kid: word, pk: publicKey, exp: seconds, sig: bytes({ length: 64 }) }),
  },
  'project.create': {
    sockets: ['server'],
    request: object({
      project: id('project'),
      org: id('organisation'),
      source,
      hostKeys: optional(list(hostKeyLine, { max: 16 })),
      /** The default branch, which contexts may be for; not given: what the first job of the project that names one says. */
      defaultRef: optional(branchRef),
      /** Whom the hook secret is sealed to (browser or CLI); without it nobody sees it until a rotation. */
      eph: optional(publicKey),
      statement,
    }),
    answer: object({
      /** `ssh-ed25519 AAAA… mayfly-<project>`; null for local sources. */
      deployPublicKey: textOrNull,
      deployKeyFingerprint: textOrNull,
      hook: id('hook'),
      hookSecretSealed: sealedOrNull,
    }),
  },
  'project.set': {
    sockets: ['server'],
    request: object({
      project: id('project'),
      hostKeys: optional(list(hostKeyLine, { max: 16 })),
      source: optional(source),
      statement,
    }),
    answer: done,
  },
  'project.delete': {
    sockets: ['server'],
    request: object({ project: id('project'), statement }),
    answer: done,
  },
  'hook.rotate': {
    sockets: ['server'],
    request: object({ project: id('project'), eph: publicKey, statement }),
    answer: object({ hook: id('hook'), hookSecretSealed: bytes({ max: 4096 }) }),
  },
  ...admissionVerbs,
  ...senderVerbs,
  'runner.enroll': {
    sockets: ['admin'],
    request: object({ runner: id('runner'), publicKey, ...runnerScope, statement }),
    answer: object({ runner: id('runner'), vsign: publicKey }),
  },
  'runner.revoke': { sockets: ['admin'], request: object({ runner: id('runner'), statement }), answer: done },
  'ticketkey.set': { sockets: ['admin'], request: object({ publicKey }), answer: done },
  ...signerVerbs,
  'secret.put': {
    sockets: ['server'],
    request: object({ owner, name: secretName, sealed: sealedSecret, ...signedByTwo }),
    answer: secretMetadata,
  },
  /** Disabled or enabled again, with other dates. */
  'secret.set': {
    sockets: ['server'],
    request: object({ owner, name: secretName, ...signedByTwo }),
    answer: secretMetadata,
  },
  'secret.revoke': {
    sockets: ['server'],
    request: object({ owner, name: secretName, ...signed }),
    answer: secretMetadata,
  },
  /** Metadata. There is no verb that gives a value to anybody but a job. */
  'secret.list': {
    sockets: ['server'],
    request: object({ owner }),
    answer: object({ secrets: list(secretMetadata, { max: 10 * secretsMax }) }),
  },
  /** New, or with other rules: what the statement says. A deleted one is made anew, without its secrets. */
  'context.put': {
    sockets: ['server'],
    request: object({ org: id('organisation'), ...signedByTwo }),
    answer: contextMetadata,
  },
  'context.delete': {
    sockets: ['server'],
    request: object({ context: id('context'), ...signed }),
    answer: contextMetadata,
  },
  'context.list': {
    sockets: ['server'],
    request: object({ org: id('organisation') }),
    answer: object({ contexts: list(contextMetadata, { max: contextsKnownMax }) }),
  },
  release: {
    sockets: ['server'],
    request: object({
      ticket: text({ max: 8192 }),
      poll: signedRequest,
      /** One item for now: a ticket is burnt by one answer. */
      want: list(releaseItem, { min: 1, max: 1 }),
    }),
    answer: object({ sealed: bytes({ max: sealedReleaseBytesMax }) }),
  },
  /** A signature for a step, by a key that stays here; what it is about stands in the body that the runner signed. */
  sign: {
    sockets: ['server'],
    request: object({ ticket: text({ max: 8192 }), poll: signedRequest }),
    answer: signature,
  },
  /** A runner saw a secret in what its attempt said; what that is about stands in the body that it signed. */
  'secret.leaked': {
    sockets: ['server'],
    request: object({ ticket: text({ max: 8192 }), poll: signedRequest }),
    answer: leakAnswer,
  },
  /** What an organisation's issuer publishes. */
  'oidc.issuer': {
    sockets: ['server'],
    request: object({ org: id('organisation') }),
    answer: issuerDocuments,
  },
  /** What tokens of a project say of it, for whoever is to trust them. */
  'oidc.project': {
    sockets: ['server'],
    request: object({ project: id('project'), ref: word }),
    answer: projectIdentity,
  },
  'oidc.issuers': {
    sockets: ['admin'],
    request: nothing,
    answer: object({ issuers: list(issuerOfPath, { max: 10_000 }) }),
  },
  /** A new key for identity tokens; the old one stays published until its last token has expired. */
  'oidc.rotate': { sockets: ['admin'], request: nothing, answer: object({ kid: text({ max: 43 }) }) },
  'blob.key': {
    sockets: ['server'],
    request: where(
      object({
        object: id('attempt'),
        project: id('project'),
        /** Of a live attempt: the log key as its runner sealed it. */
        sealedKey: optional(sealedLogKey),
        /** Of a finished attempt: the answer of `blob.rewrap`. */
        wrapped: optional(mv1),
        user: word,
        reason: word,
        session: optional(word),
        run: optional(id('run')),
      }),
      (request) => (request.sealedKey === undefined) !== (request.wrapped === undefined),
      'needs exactly one of sealedKey and wrapped',
    ),
    answer: object({ key: bytes({ length: 32 }) }),
  },
  'blob.rewrap': {
    sockets: ['server'],
    request: object({ object: id('attempt'), project: id('project'), sealedKey: sealedLogKey }),
    answer: object({ wrapped: mv1 }),
  },
  /** A new stored object: its manifest is a runner's that may write in its scope, its key moves to the project's own. */
  'object.keep': {
    sockets: ['server'],
    request: object({ manifest: manifestText, sealedKey: sealedLogKey }),
    answer: object({ wrapped: mv1 }),
  },
  /** The key of artifacts, for a named reader. Of workspaces and caches no person gets one. */
  'object.key': {
    sockets: ['server'],
    request: object({ kept: keptObject, user: word, reason: word, session: optional(word) }),
    answer: object({ key: bytes({ length: 32 }) }),
  },
} as const satisfies Record<
  string,
  { sockets: readonly VaultSocket[]; request: Shape<unknown>; answer: Shape<unknown> }
>

export type VaultSocket = 'server' | 'admin'
export type VaultVerb = keyof typeof vaultVerbs
export type VaultRequest<V extends VaultVerb> = Shaped<(typeof vaultVerbs)[V]['request']>
export type VaultAnswer<V extends VaultVerb> = Shaped<(typeof vaultVerbs)[V]['answer']>
export type ReleaseItem = Shaped<typeof releaseItem>
export type { Admissions, ProjectAdmission } from './admission-verbs.ts'
export type { ProjectSource } from './project-source.ts'
export type { RuleMetadata, SignerMetadata } from './signer-verbs.ts'
export type Tier = Shaped<typeof tier>

/** Answer of `webhook.verify`. An unknown hook and a wrong signature are the same answer. */
export const webhookAnswer = object({
  ok: flag,
  project: nullable(id('project')),
})
export type WebhookAnswer = Shaped<typeof webhookAnswer>

/** What the server says of one attempt (trust-model.md §4.4). Members that later items need are optional now. */
export const ticketClaims = object({
  jti: id('ticket'),
  epoch: text({ max: 64 }),
  iss: oneOf('server'),
  iat: seconds,
  exp: seconds,
  purpose: oneOf('plan', 'job', 'refs'),
  org: id('organisation'),
  project: id('project'),
  attempt: id('attempt'),
  runner: id('runner'),
  tier,
  /** The runner's X25519 key that an answer may be sealed to. */
  eph: optional(publicKey),
  run: optional(id('run')),
  workflow: optional(id('workflow')),
  job: optional(id('job')),
  /** Who started the run, where it was a person. */
  actor: optional(id('user')),
  step: optional(integer({ min: 0, max: 65_535 })),
  commit: optional(text({ max: 64, form: /^([0-9a-f]{40}|[0-9a-f]{64})$/ })),
  ref: optional(word),
  event: optional(word),
  /** The project's default branch, as a full name. */
  default_ref: optional(word),
  params_digest: optional(digest),
  plan_digest: optional(digest),
  spec_digest: optional(digest),
  environment: optional(word),
  /** Those that the job names, in its order, and the role that whoever wants it has now. */
  contexts: optional(list(id('context'), { max: contextsOfJobMax })),
  role: optional(oneOf(...contextRoles, 'viewer')),
})
export type TicketClaims = Shaped<typeof ticketClaims>

/** What `agent` opens to: the private key for `ssh-add -`, and what the vault itself has pinned. */
export const agentPayload = object({
  keyPem: text({ max: 4096 }),
  repoUrl: word,
  /** Lines of known_hosts, already for the pinned host and port; empty until a person confirmed one. */
  hostKeys: list(text({ max: 4096 }), { max: 16 }),
})
export type AgentPayload = Shaped<typeof agentPayload>
/** What `job` opens to; `agent` is null for local sources. */
export const jobPayload = object({
  agent: nullable(agentPayload),
  /** There are secrets for this job: its runner asks for them once it has proven what it is about to run (evidence.ts). */
  owed: optional(oneOf(true)),
  /** A context that this attempt may not use: then nothing at all goes to it. */
  refused: optional(object({ context: id('context'), rule: oneOf(...contextRuleNames) })),
})
export type JobPayload = Shaped<typeof jobPayload>
/** What `blobkey` opens to: the log key of the runner's own attempt. */
export const blobKeyPayload = object({ key: bytes({ length: 32 }) })
export type BlobKeyPayload = Shaped<typeof blobKeyPayload>
/** What `objects` opens to, in the order asked: each key with the digest of the manifest that the vault vouches for. */
export const objectsPayload = object({
  objects: list(object({ manifest: digest, key: bytes({ length: 32 }) }), { max: layersMax }),
})
export type ObjectsPayload = Shaped<typeof objectsPayload>

/** The code of a failed answer; an answer that names none of ours is E_VAULT_UNAVAILABLE. */
export const vaultErrorCode = (answer: unknown): FaultCode => {
  const code = errorMember(answer, 'code')
  // SAFE: a member of the catalogue is a FaultCode.
  return code !== null && Object.hasOwn(catalogue, code) ? (code as FaultCode) : 'E_VAULT_UNAVAILABLE'
}

/** What it says of a request that it did not take: of its own making, never of what was sealed in it. */
export const vaultErrorWords = (answer: unknown): string | null =>
  errorMember(answer, 'message')?.slice(0, 300) ?? null

const errorMember = (answer: unknown, member: string): string | null => {
  const error = typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : null
  const found = typeof error === 'object' && error !== null ? Object.entries(error) : []
  const value: unknown = found.find(([name]) => name === member)?.[1]
  return typeof value === 'string' ? value : null
}
