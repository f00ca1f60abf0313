// Secrets and signers in the HTTP API (zod twins of protocol/statement.ts, which the vault checks by itself). Every
// request is closed: a member that nobody named, a `value` above all, is no envelope and is refused unread.
import * as z from 'zod'
import { secretViews } from '../secret-views.ts'
import { signingAlgorithms } from '../signing.ts'
import { keptByPut, keptBySet, policyEvents } from '../statement.ts'

const time = z.string()
const base64Url = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[A-Za-z0-9_-]+$/)

export const secretPolicy = z.strictObject({
  /** Globs over full refs: `refs/heads/main`, `refs/heads/release/*`, `refs/tags/**`. */
  refs: z.array(z.string().min(1).max(255)).min(1).max(50),
  events: z.array(z.enum(policyEvents)).min(1).max(policyEvents.length),
  min_tier: z.enum(['branch', 'protected']),
  /** Only while the commit is the newest of its ref. */
  freshness: z.enum(['tip']).exactOptional(),
})

const common = {
  v: z.literal(1),
  sub: z.string().min(1).max(200),
  iss: z.string().max(40),
  iat: z.number().int(),
  nonce: base64Url(22),
  /** SHA-256 of the last accepted statement about `sub`. */
  prev: z.string().max(64).nullable(),
}
const proof = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ed25519'), sig: base64Url(86) }),
  z.strictObject({
    kind: z.literal('webauthn'),
    authenticator_data: base64Url(1400),
    client_data: base64Url(5500),
    sig: base64Url(800),
  }),
])

const onLeak = z.enum(['tell', 'revoke'])
const kind = z.enum(['env', 'file', 'ssh', 'signing'])

export const secretPut = z.strictObject({
  sealed: z.strictObject({
    v: z.literal(1),
    suite: z.string().max(64),
    kid: z.string().max(64),
    enc: base64Url(43),
    ct: base64Url(1_400_000),
  }),
  statement: z.strictObject({
    ...common,
    type: z.literal('secret.put'),
    body: z.strictObject({
      kind,
      policy: secretPolicy,
      expires_at: z.number().int().nullable(),
      allow_unmaskable: z.boolean(),
      hosts: z.array(z.string().max(2048)).min(1).max(16).optional(),
      /** When it is due to be replaced. */
      rotate_after: z.number().int().optional(),
      /** Until when the version before still goes to jobs, under its name and `_PREVIOUS`. */
      overlap_until: z.number().int().optional(),
      /** What becomes of it when it was in what a job said; not given: what was said before, at first `tell`. */
      on_leak: onLeak.optional(),
      /** What was to stay as it is: refused where the vault has it otherwise. */
      keeps: z.array(z.enum(keptByPut)).min(1).max(keptByPut.length).exactOptional(),
      /** The address of the project's repository: refused where the vault has pinned another one. */
      repository: z.string().min(1).max(256).exactOptional(),
    }),
  }),
  proof,
})
export type SecretPut = z.infer<typeof secretPut>

/** A statement of some type with its proof. */
export const signedBy = <T extends z.ZodType, B extends z.ZodType>(type: T, body: B) =>
  z.strictObject({ statement: z.strictObject({ ...common, type, body }), proof })
const ending = <const T extends 'secret.revoke' | 'signer.remove'>(type: T) =>
  signedBy(z.literal(type), z.strictObject({}))
/** Disables or enables a secret, and says until when it is good and when it is due to be replaced. */
export const secretSet = signedBy(
  z.literal('secret.set'),
  z.strictObject({
    state: z.enum(['active', 'disabled']),
    expires_at: z.number().int().nullable(),
    rotate_after: z.number().int().nullable(),
    on_leak: onLeak.optional(),
    keeps: z.array(z.enum(keptBySet)).min(1).max(keptBySet.length).exactOptional(),
  }),
)
export type SecretSet = z.infer<typeof secretSet>
export const secretRevoke = ending('secret.revoke')
export type SecretRevoke = z.infer<typeof secretRevoke>
export const signerRemove = ending('signer.remove')
export type SignerRemove = z.infer<typeof signerRemove>

/** Where something about a secret happened. */
const seenInAttempt = z.object({
  at: time,
  run_id: z.string(),
  /** null when the run is not kept any more. */
  run_number: z.number().nullable(),
  /** Its project's name; null when it is not kept any more. */
  project: z.string().nullable(),
  job_id: z.string(),
  attempt_id: z.string(),
})

/** `detail` is null for those who may know the names only. */
export const secret = z.object({
  name: z.string(),
  kind,
  state: z.enum(['active', 'disabled', 'revoked']),
  /** Of a signing key what whoever checks its signatures needs; null of another kind. */
  signing: z
    .object({
      algorithm: z.enum(signingAlgorithms),
      /** `SHA256:` and base64, of the public key as DER. */
      fingerprint: z.string(),
      /** PEM, as openssl takes it. */
      public_key: z.string(),
    })
    .nullable(),
  detail: z
    .object({
      version: z.number(),
      policy: secretPolicy,
      created_at: time,
      changed_at: time,
      /** When the value it has was put. */
      put_at: time,
      /** Who sent the first value, and the one it has; null where the record of it is gone. */
      created_by: z.string().nullable(),
      put_by: z.string().nullable(),
      expires_at: time.nullable(),
      /** When it is due to be replaced; null: nobody said. */
      rotate_after: time.nullable(),
      /** Until when the version before still goes to jobs, as NAME_PREVIOUS; null: it does not. */
      previous_until: time.nullable(),
      /** `revoke`: it is revoked by itself when it was in what a job said or stored. */
      on_leak: onLeak,
      /** Where its value first was in what a job said or stored; null: nowhere that is known of. */
      leak: seenInAttempt.nullable(),
      /** The queues it stands in. */
      views: z.array(z.enum(secretViews)),
      /** What makes it broad. */
      breadth: z.array(z.enum(['branches', 'tags', 'projects'])),
      /** Of an SSH key: lines of known_hosts, the only hosts it signs for; else null. */
      hosts: z.array(z.string()).nullable(),
      signer: z.object({ id: z.string(), name: z.string() }),
      /** `prev` of the next statement. */
      head: z.string(),
      releases: z.number(),
      /** Of the last 30 days. */
      releases_recent: z.number(),
      last_release: seenInAttempt.nullable(),
    })
    .nullable(),
})
export type Secret = z.infer<typeof secret>

/** One among those of the organisation, with the name of the project or context that it is of. */
export const ownedSecret = secret.extend({ project: z.string().nullable(), context: z.string().nullable() })
export type OwnedSecret = z.infer<typeof ownedSecret>

/** Who and what can reach a secret, by the rules that judge each job. */
export const secretReach = z.object({
  /** Why nothing reaches it; null: something may. */
  blocked: z.enum(['disabled', 'revoked', 'expired']).nullable(),
  policy: secretPolicy,
  /** Of the context it is in; null: it is of a project. `roles`: of whoever wants the job; null: any, also nobody. */
  context: z
    .object({
      name: z.string(),
      every_project: z.boolean(),
      refs: z.array(z.string()),
      roles: z.array(z.string()).nullable(),
    })
    .nullable(),
  /** Branches and tags that ran or that somebody could name, and what would bring it to a job of theirs. */
  jobs: z.array(z.object({ project: z.string(), ref: z.string(), events: z.array(z.enum(policyEvents)) })),
  /** There are more than are told. */
  more_jobs: z.boolean(),
  /** Members and tokens who could start or rerun one of these jobs. */
  people: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      kind: z.enum(['member', 'token']),
      role: z.string().nullable(),
    }),
  ),
  /** Whose signature could change where it goes. */
  signers: z.array(z.object({ id: z.string(), name: z.string() })),
})
export type SecretReach = z.infer<typeof secretReach>

/** One use of a signing key, as it was written down when the vault had signed. */
export const secretSignature = z.object({
  at: time,
  /** `sha256:` and hexadecimal digits, or another of the three. */
  digest: z.string(),
  algorithm: z.enum(signingAlgorithms),
  /** Of the secret. */
  version: z.number(),
  run_id: z.string(),
  /** null when the run, or its project, is not kept any more. */
  run_number: z.number().nullable(),
  project: z.string().nullable(),
  attempt_id: z.string(),
  step: z.number(),
  runner_id: z.string(),
})
export type SecretSignature = z.infer<typeof secretSignature>

/** Whom to seal to, vouched for by `vsign`, which command lines pin. */
export const vaultKey = z.object({
  kid: z.string(),
  pk: z.string(),
  exp: z.number(),
  sig: z.string(),
  vsign: z.string(),
})
export type VaultKey = z.infer<typeof vaultKey>

export const signerKey = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ed25519'), name: z.string().min(1).max(100), public_key: base64Url(43) }),
  z.strictObject({
    kind: z.literal('webauthn'),
    name: z.string().min(1).max(100),
    public_key: base64Url(800),
    credential: base64Url(1400),
    rp: z.string().max(253),
    origin: z.string().max(300),
  }),
])
export const signerInput = z.strictObject({ key: signerKey, mac: base64Url(43) })
export type SignerInput = z.infer<typeof signerInput>
/** `mac` proves that the vault which made the code signs with `vsign`. */
export const signerEnrolled = z.object({ id: z.string(), vsign: z.string(), mac: z.string() })
export type SignerEnrolled = z.infer<typeof signerEnrolled>

export const signer = z.object({
  id: z.string(),
  kind: z.enum(['ed25519', 'webauthn']),
  name: z.string(),
  /** Whose key it is, as the operator named them; null: the operator said nothing. */
  person: z.string().nullable(),
  credential: z.string().nullable(),
  added_at: time,
  /** Who enrolled it; null where the audit log does not say. */
  added_by: z.string().nullable(),
  state: z.enum(['active', 'removed']),
  removed: z.object({ at: time, by: z.string() }).nullable(),
  /** Digest of the last statement about it: what a statement that removes it names as `prev`. */
  head: z.string().nullable(),
})
export type Signer = z.infer<typeof signer>
