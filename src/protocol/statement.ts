// Statements (trust-model.md §4.2): what changes what the vault will release is signed by a signer, whose key the server
// does not have. Signed bytes: "mayfly-statement-v1\n" ‖ JCS. `prev` is the digest of the last accepted statement about
// the same `sub`, so that nothing is repeated, reordered or brought back. Here: their shapes, for the vault that checks
// them and for CLI and browser that make them.
import { fromBase64, fromBase64Url, toBase64 } from '../base/bytes.ts'
import type { ContextId, OrganisationId, ProjectId } from '../base/ids.ts'
import { sha256 } from '../base/sha256.ts'
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
import { contextName, contextRules } from './contexts.ts'
import { source, word } from './project-source.ts'

/** The secrets of a project come to at most this in all, so that one answer carries them; one file may have as much. */
export const secretsBytesMax = 1024 * 1024
export const secretsMax = 200
export const envSecretBytesMax = 64 * 1024
/** What is shorter cannot be masked without masking half the log. */
export const maskableBytesMin = 8
export const statementAgeSecondsMax = 600
/** How long what somebody signed may wait for the second person. */
export const proposalAgeSecondsMax = 3 * 86_400

/** Bytes as base64url; exactly `length` of them when given, else at most `max`. */
export const bytes = (size: { readonly length: number } | { readonly max: number }): Shape<string> => {
  const bytesMax = 'length' in size ? size.length : size.max
  return where(
    text({ max: Math.ceil((4 * bytesMax) / 3) }),
    (value) => {
      const length = fromBase64Url(value)?.length
      return length !== undefined && ('max' in size || length === size.length)
    },
    'must be base64url of the right length',
  )
}

const seconds = integer({ min: 0, max: 253_402_300_799 })
export const digest = text({ max: 64, form: /^[0-9a-f]{64}$/ })

/** Also the name of the variable that a job sees. */
export const secretName = text({ max: 128, form: /^[A-Za-z_][A-Za-z0-9_]*$/ })
/** `ssh`: a private key that only an agent of the runner holds, for named hosts. `signing`: one that the vault alone uses. */
export const secretKind = oneOf('env', 'file', 'ssh', 'signing')
export type SecretKind = Shaped<typeof secretKind>
/** What leaves the vault, sealed to a runner. */
export const deliveredKind = oneOf('env', 'file', 'ssh')
export const policyEvents = ['push', 'tag', 'schedule', 'manual', 'api'] as const

/** Where a secret may go. Globs over full refs, anchored: `*` stops at a slash, `**` does not, `?` is one character. */
export const secretPolicy = object({
  refs: list(text({ max: 255, form: /^refs\/[^\p{C}\s]+$/u }), { min: 1, max: 50 }),
  events: list(oneOf(...policyEvents), { min: 1, max: policyEvents.length }),
  min_tier: oneOf('branch', 'protected'),
  /** Only while the commit is the newest of its ref; without it, its ancestors may have it, too. */
  freshness: optional(oneOf('tip')),
})
export type SecretPolicy = Shaped<typeof secretPolicy>

/** Of a new secret: the default branch, when somebody pushed to it or started a run of it. */
export const defaultPolicy = (branch: string): SecretPolicy => ({
  refs: [`refs/heads/${branch}`],
  events: ['push', 'manual'],
  min_tier: 'branch',
})

/** Of a new secret of a context: wherever the context may be used, whose own rules say where that is. */
export const policyInContext: SecretPolicy = {
  refs: ['refs/**'],
  events: [...policyEvents],
  min_tier: 'branch',
}

/** A line of known_hosts, its name in the clear: `git.example.org ssh-ed25519 AAAA…`, `[git.example.org]:2222 …`. */
export const knownHost = text({
  max: 2048,
  form: /^[A-Za-z0-9.:[\]_-]{1,255} (?:ssh|ecdsa)-[a-z0-9-]{1,40} [A-Za-z0-9+/]{16,}={0,2}$/,
})
export const knownHosts = list(knownHost, { min: 1, max: 16 })

/** As ssh-keyscan or a known_hosts file has them: without comments, empty lines and what stands behind the key. */
export const linesOfHosts = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim().split(/\s+/).slice(0, 3).join(' '))
    .filter((line) => line !== '' && !line.startsWith('#'))

/** Such a line for whoever reads it: a key is known by its fingerprint. */
export const hostWords = (line: string): string => {
  const [name = '', type = '', key = ''] = line.split(' ')
  const blob = fromBase64(key)
  return `${name} ${type} ${blob === null ? key : `SHA256:${toBase64(sha256(blob)).replace(/=+$/, '')}`}`
}

/** How long the version before may still go to jobs, beside the new one. */
export const overlapSecondsMax = 90 * 86_400
/** What the version before is called while it goes beside the new one, unless a secret of that name does. */
export const previousSuffix = '_PREVIOUS'

/** Whose a secret is: a project's, or a context's of the organisation (contexts.ts). */
export type SecretOwner = ProjectId | ContextId

export const secretSubject = (owner: SecretOwner, name: string): string => `${owner}/secrets/${name}`

/** What becomes of a secret that was in what a job said or stored; not said: what was said before, at first `tell`. */
export const onLeak = oneOf('tell', 'revoke')
export type OnLeak = Shaped<typeof onLeak>

/**
 * `keeps` of a statement: what its signer did not choose, but was shown as what it is. The vault refuses it where it has something else, so
 * that nobody on the way makes a signer widen what was to stay.
 */
export const keptByPut = ['kind', 'hosts', 'refs', 'events', 'min_tier', 'freshness', 'expires_at'] as const
export type KeptByPut = (typeof keptByPut)[number]
export const keptBySet = ['state', 'expires_at', 'rotate_after'] as const
export type KeptBySet = (typeof keptBySet)[number]
export const keptByContext = ['projects', 'refs', 'roles'] as const
export type KeptByContext = (typeof keptByContext)[number]
const kept = <const T extends string>(names: readonly T[]) =>
  optional(list(oneOf(...names), { min: 1, max: names.length }))

const common = {
  v: oneOf(1),
  sub: text({ max: 200 }),
  iss: id('signer'),
  iat: seconds,
  nonce: bytes({ length: 16 }),
  prev: nullable(digest),
}
const putStatement = object({
  ...common,
  type: oneOf('secret.put'),
  body: where(
    object({
      kind: secretKind,
      policy: secretPolicy,
      expires_at: nullable(seconds),
      allow_unmaskable: oneOf(true, false),
      /** Of an SSH key: the only hosts it signs for. */
      hosts: optional(knownHosts),
      /** When it is due to be replaced. It goes to jobs all the same: what must not is for `expires_at`. */
      rotate_after: optional(seconds),
      /** Until when the version before this one still goes to jobs, under its name and `_PREVIOUS`. */
      overlap_until: optional(seconds),
      on_leak: optional(onLeak),
      keeps: kept(keptByPut),
      /** Of a project with an address: the one that its signer knows it by. */
      repository: optional(word),
    }),
    ({ kind, hosts }) => (kind === 'ssh') === (hosts !== undefined),
    'an SSH key names its hosts, and nothing else does',
  ),
})
/** Of what is there, its value and where it goes stay as they are. */
const setStatement = object({
  ...common,
  type: oneOf('secret.set'),
  body: object({
    state: oneOf('active', 'disabled'),
    expires_at: nullable(seconds),
    rotate_after: nullable(seconds),
    on_leak: optional(onLeak),
    keeps: kept(keptBySet),
  }),
})
const contextStatement = object({
  ...common,
  type: oneOf('context.put'),
  body: object({ name: contextName, ...contextRules, keeps: kept(keptByContext) }),
})
/** Of an organisation: whether loosening needs a second person (loosening.ts). */
const ruleStatement = object({
  ...common,
  type: oneOf('rules.set'),
  body: object({ two_person: oneOf(true, false) }),
})
/** Projects of an organisation that are listed, admitted or not, ... */
export const admissionsListedMax = 10_000
/** ... that may be admitted at a time, ... */
export const admittedMax = 2000
/** ... and that one statement names. */
export const admittedAtOnceMax = 100
/** As OpenSSH writes them. */
export const hostKeyFingerprints = list(text({ max: 50, form: /^SHA256:[A-Za-z0-9+/]{43}$/ }), { max: 16 })
const admittedProject = object({ project: id('project'), source, host_keys: hostKeyFingerprints })
/** Of an organisation: which projects contexts for every project are for, each with the place that its code comes from. */
const admitStatement = object({
  ...common,
  type: oneOf('project.admit'),
  body: where(
    object({
      admit: list(admittedProject, { max: admittedAtOnceMax }),
      withdraw: list(id('project'), { max: admittedAtOnceMax }),
    }),
    ({ admit, withdraw }) => admit.length + withdraw.length > 0,
    'names no project',
  ),
})
/** A second person stands for what somebody signed; `sub` is the digest of that statement. */
const countersignStatement = object({ ...common, type: oneOf('countersign'), body: object({}) })
const endStatement = object({
  ...common,
  type: oneOf('secret.revoke', 'signer.remove', 'context.delete'),
  body: object({}),
})
export const statement = either(
  hasTag('type', 'secret.put'),
  putStatement,
  either(
    hasTag('type', 'secret.set'),
    setStatement,
    either(
      hasTag('type', 'context.put'),
      contextStatement,
      either(
        hasTag('type', 'rules.set'),
        ruleStatement,
        either(
          hasTag('type', 'project.admit'),
          admitStatement,
          either(hasTag('type', 'countersign'), countersignStatement, endStatement),
        ),
      ),
    ),
  ),
)
export type Statement = Shaped<typeof statement>
export type PutStatement = Shaped<typeof putStatement>
export type SetStatement = Shaped<typeof setStatement>
export type RuleStatement = Shaped<typeof ruleStatement>
export type CountersignStatement = Shaped<typeof countersignStatement>
export type AdmitStatement = Shaped<typeof admitStatement>
export type ContextStatement = Shaped<typeof contextStatement>

/** `webauthn`: the challenge is SHA-256 of the signed bytes. */
export const statementProof = either(
  hasTag('kind', 'ed25519'),
  object({ kind: oneOf('ed25519'), sig: bytes({ length: 64 }) }),
  object({
    kind: oneOf('webauthn'),
    authenticator_data: bytes({ max: 1024 }),
    client_data: bytes({ max: 4096 }),
    sig: bytes({ max: 600 }),
  }),
)
export type StatementProof = Shaped<typeof statementProof>

/** The word of the second person, with its own proof. */
export const countersignature = object({ statement: countersignStatement, proof: statementProof })
export type Countersignature = Shaped<typeof countersignature>

/** As the operator names the person whose key a signer is: two keys of one person are one person. */
export const personName = text({ max: 100, form: /^[a-z0-9][a-z0-9._@+-]*$/ })
export const ruleSubject = (org: OrganisationId): string => `${org}/rules`
export const admissionSubject = (org: OrganisationId): string => `${org}/projects`

/** HPKE of the value to the ingest key, aad = JCS of the statement: name, project and policy cannot be swapped. */
export const sealSuite = 'x25519-sha256-aes256gcm'
export const sealedSecret = object({
  v: oneOf(1),
  suite: oneOf(sealSuite),
  kid: text({ max: 64, form: /^[a-z0-9-]+$/ }),
  enc: bytes({ length: 32 }),
  ct: bytes({ max: secretsBytesMax + 16 }),
})
export type SealedSecret = Shaped<typeof sealedSecret>

const signerName = text({ max: 100, form: /^[^\p{C}]+$/u })
/** What a person enrols: a key of the command line, or a passkey of this site. */
export const signerKey = either(
  hasTag('kind', 'ed25519'),
  object({ kind: oneOf('ed25519'), name: signerName, public_key: bytes({ length: 32 }) }),
  object({
    kind: oneOf('webauthn'),
    name: signerName,
    /** SubjectPublicKeyInfo, of Ed25519, P-256 or RSA. */
    public_key: bytes({ max: 600 }),
    credential: bytes({ max: 1024 }),
    rp: text({ max: 253, form: /^[a-z0-9.-]+$/ }),
    origin: text({ max: 300, form: /^https?:\/\/[a-z0-9.:[\]-]+$/ }),
  }),
)
export type SignerKey = Shaped<typeof signerKey>
