// The store: one JSON document per record, `store/<kind>/<id>.json`, replaced durably and whole. Each carries a MAC
// under a key derived from the VMK over kind, id and content, so that an edited, renamed or copied file stops the start
// with E_STORE_TAMPERED instead of becoming a changed policy. Everything is read once; afterwards memory is the truth.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { readdir, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type Fault, fault } from '../../base/faults.ts'
import type {
  AttemptId,
  ContextId,
  JobId,
  OrganisationId,
  ProjectId,
  RunId,
  RunnerId,
  SecretId,
  SignerId,
  WebhookId,
} from '../../base/ids.ts'
import type { ContextRules } from '../../protocol/contexts.ts'
import type { PublicHalf } from '../../protocol/signing.ts'
import type { SecretKind, SecretPolicy, SignerKey } from '../../protocol/statement.ts'
import type { ProjectSource, Tier } from '../../protocol/vault.ts'
import { canonicalJson } from '../../seal/index.ts'
import { ensureDirectory, syncDirectory, writeFileDurably } from '../../sys/index.ts'
import { recordBytesMax } from '../limits.ts'

/** `wrapped` is always an `mv1` text under the VMK; `unsigned` says that no signer stood for the change. */
export type ProjectRecord = {
  readonly project: ProjectId
  readonly org: OrganisationId
  readonly source: ProjectSource
  /** Lines of known_hosts for exactly the source's host and port. */
  readonly hostKeys: readonly string[]
  /** The default branch, as a full name: what it was first said to be, it is. */
  readonly defaultRef?: string
  readonly deploy: {
    readonly publicLine: string
    readonly fingerprint: string
    readonly wrapped: string
  } | null
  readonly hook: { readonly version: number; readonly wrapped: string }
  /** The DEK of logs, artifacts and caches at rest. */
  readonly blobs: { readonly version: number; readonly wrapped: string }
  /** The DEK of the project's secrets; made with the first one. */
  readonly secrets?: { readonly version: number; readonly wrapped: string }
  readonly unsigned: true
}
/** Of a project that was deleted: its id is nobody's any more. */
export type GoneRecord = { readonly project: ProjectId; readonly at: number }
export type RunnerRecord = {
  readonly runner: RunnerId
  readonly publicKey: string
  readonly org: OrganisationId | '*'
  readonly projects: readonly ProjectId[] | '*'
  readonly tierMax: Tier
  readonly state: 'active' | 'revoked'
  readonly unsigned: true
}
export type PreviousVersion = {
  readonly version: number
  readonly until: number
  readonly kind: SecretKind
  readonly policy: SecretPolicy
  readonly hosts?: readonly string[]
  readonly bytes: number
}
/** Its value lies apart, one file for each version (values.ts). */
export type SecretRecord = {
  readonly secret: SecretId
  /** Whose it is: one of the two. */
  readonly project?: ProjectId
  readonly context?: ContextId
  readonly org: OrganisationId
  readonly name: string
  readonly kind: SecretKind
  readonly version: number
  readonly state: 'active' | 'disabled' | 'revoked'
  readonly policy: SecretPolicy
  readonly createdAt: number
  readonly changedAt: number
  /** When this version was put; of records from before this was kept: when it was changed. */
  readonly putAt?: number
  readonly expiresAt: number | null
  readonly rotateAfter?: number | null
  /** What becomes of it when it was in what a job said; nothing but words, unless its owner chose so. */
  readonly onLeak?: 'revoke'
  /** Of this version: where it was first seen in what a job said. */
  readonly leak?: {
    readonly at: number
    readonly run: RunId
    readonly job: JobId
    readonly attempt: AttemptId
  }
  /** The version before that was taken out of use because it leaked. */
  readonly ended?: number
  /** The version before, while it still goes to jobs; what it was put as. */
  readonly previous?: PreviousVersion
  /** Of an SSH key: what it signs for. */
  readonly hosts?: readonly string[]
  /** Of a signing key: what others check its signatures with. */
  readonly signing?: PublicHalf
  /** Who signed the last statement about it, and that statement's digest. */
  readonly signer: SignerId
  readonly head: string
  /** Of the value, for the limit of its owner; told to nobody. */
  readonly bytes: number
}
/** Of a deleted one the statements still count, so that none of before can bring it back. */
export type ContextRecord = {
  readonly context: ContextId
  readonly org: OrganisationId
  readonly name: string
  readonly rules: ContextRules
  /** How many statements there were about it. */
  readonly version: number
  readonly state: 'active' | 'deleted'
  /** The DEK of its secrets; made with the first one, gone with the context. */
  readonly secrets?: { readonly version: number; readonly wrapped: string }
  readonly createdAt: number
  readonly changedAt: number
  readonly signer: SignerId
  readonly head: string
}
export type SignerRecord = {
  readonly signer: SignerId
  readonly key: SignerKey
  readonly addedAt: number
  readonly state: 'active' | 'removed'
  /** The digest of the statement that removed it. */
  readonly head: string | null
  /** Whose key it is, by the operator's word. */
  readonly person?: string
}
/** Of an organisation: what its statements need beside a signature. */
export type RuleRecord = {
  readonly org: OrganisationId
  readonly twoPerson: boolean
  readonly changedAt: number
  readonly signer: SignerId
  readonly head: string
}
/** Of an organisation: which projects contexts for every project are for. */
export type AdmissionRecord = {
  readonly org: OrganisationId
  readonly projects: readonly {
    readonly project: ProjectId
    /** Digest of the source and host keys that it was admitted with. */
    readonly source: string
    /** null: it was there before projects were admitted. */
    readonly signer: SignerId | null
  }[]
  /** null: no statement yet. */
  readonly head: string | null
}
/** Something that is done once with what an earlier version left. */
export type UpgradeRecord = { readonly at: number }
/** The text of an orb that secrets were first released for; its id means no other one from then on. */
export type OrbRecord = {
  readonly org: OrganisationId
  readonly orb: string
  readonly sha256: string
  readonly firstAt: number
}
/** A target of webhooks. The newest keys come first; those after them sign until they end. */
export type SenderRecord = {
  readonly webhook: WebhookId
  readonly project: ProjectId
  readonly keys: readonly {
    readonly version: number
    /** The bytes of the secret, for HMAC. */
    readonly secret: string
    /** Ed25519, PKCS #8. */
    readonly private: string
    readonly publicKey: string
    readonly endsAt: number | null
  }[]
  readonly unsigned: true
}
/** A key pair of the vault itself: INGEST, VSIGN, LOG; of kind `identity`, those of identity tokens. */
export type KeyRecord = {
  readonly version: number
  readonly publicKey: string
  /** Empty once it is retired. */
  readonly wrapped: string
  readonly retiredAt?: number
}
export type SettingsRecord = { readonly ticketKey: string }

type Bodies = {
  readonly project: ProjectRecord
  readonly gone: GoneRecord
  readonly runner: RunnerRecord
  readonly key: KeyRecord
  readonly identity: KeyRecord
  readonly settings: SettingsRecord
  readonly secret: SecretRecord
  readonly signer: SignerRecord
  readonly context: ContextRecord
  readonly rule: RuleRecord
  readonly admission: AdmissionRecord
  readonly upgrade: UpgradeRecord
  readonly orb: OrbRecord
  readonly sender: SenderRecord
}
type Kind = keyof Bodies
const kinds: readonly Kind[] = [
  'project',
  'gone',
  'runner',
  'key',
  'identity',
  'settings',
  'secret',
  'signer',
  'context',
  'rule',
  'admission',
  'upgrade',
  'orb',
  'sender',
]
/** One after the other, each waits for its turn on another thread: with tens of thousands that is longer than a start may take. */
const readAtOnce = 64
const idForm = /^[a-z0-9_-]{1,64}$/

export interface Records {
  find<K extends Kind>(kind: K, id: string): Bodies[K] | null
  list<K extends Kind>(kind: K): readonly Bodies[K][]
  /** One change at a time over the whole store. `next` sees the current record; null removes it. */
  change<K extends Kind>(kind: K, id: string, next: Next<K>): Promise<void>
}

export const openRecords = async (options: { root: string; macKey: Uint8Array }): Promise<Records> => {
  const memory: Memory = {
    project: new Map(),
    gone: new Map(),
    runner: new Map(),
    key: new Map(),
    identity: new Map(),
    settings: new Map(),
    secret: new Map(),
    signer: new Map(),
    context: new Map(),
    rule: new Map(),
    admission: new Map(),
    upgrade: new Map(),
    orb: new Map(),
    sender: new Map(),
  }
  for (const kind of kinds) await readKind(options, kind, memory[kind])
  let tail: Promise<void> = Promise.resolve()
  const changeNow = async <K extends Kind>(kind: K, id: string, next: Next<K>): Promise<void> => {
    if (!idForm.test(id)) throw new RangeError('not a record id')
    const current = memory[kind].get(id) ?? null
    const body = await next(current)
    if (body === current) return
    const path = join(options.root, kind, `${id}.json`)
    if (body === null) {
      await unlink(path)
      await syncDirectory(join(options.root, kind))
      memory[kind].delete(id)
    } else {
      await writeFileDurably(
        path,
        `${JSON.stringify({ body, mac: macOf(options.macKey, kind, id, body) })}\n`,
      )
      memory[kind].set(id, body)
    }
  }
  return {
    find: (kind, id) => memory[kind].get(id) ?? null,
    list: (kind) => [...memory[kind].values()],
    change: (kind, id, next) => {
      const result = tail.then(() => changeNow(kind, id, next))
      tail = result.catch(() => undefined)
      return result
    },
  }
}

type Next<K extends Kind> = (current: Bodies[K] | null) => Bodies[K] | null | Promise<Bodies[K] | null>
type Memory = { readonly [K in Kind]: Map<string, Bodies[K]> }

const readKind = async <K extends Kind>(
  options: { readonly root: string; readonly macKey: Uint8Array },
  kind: K,
  into: Map<string, Bodies[K]>,
): Promise<void> => {
  const directory = join(options.root, kind)
  await ensureDirectory(directory)
  const readOne = async (name: string): Promise<void> => {
    const path = join(directory, name)
    const id = name.slice(0, -'.json'.length)
    if (name.endsWith('.tmp')) await unlink(path)
    else if (!name.endsWith('.json') || !idForm.test(id)) throw tampered(path)
    else into.set(id, await readRecord(path, { macKey: options.macKey, kind, id }))
  }
  const names = await readdir(directory)
  for (let at = 0; at < names.length; at += readAtOnce)
    await Promise.all(names.slice(at, at + readAtOnce).map(readOne))
}

const readRecord = async <K extends Kind>(
  path: string,
  expected: { readonly macKey: Uint8Array; readonly kind: K; readonly id: string },
): Promise<Bodies[K]> => {
  if ((await stat(path)).size > recordBytesMax) throw tampered(path)
  const { body, mac } = parseDocument(path, await readFile(path, 'utf8'))
  const right = Buffer.from(macOf(expected.macKey, expected.kind, expected.id, body))
  const given = Buffer.from(mac)
  if (given.length !== right.length || !timingSafeEqual(given, right)) throw tampered(path)
  // SAFE: the MAC proves that this vault wrote the body under this kind.
  return body as Bodies[K]
}

const parseDocument = (path: string, text: string): { readonly body: unknown; readonly mac: string } => {
  try {
    const document: unknown = JSON.parse(text)
    if (typeof document === 'object' && document !== null && 'body' in document && 'mac' in document)
      if (typeof document.mac === 'string') return { body: document.body, mac: document.mac }
  } catch (cause) {
    throw tampered(path, cause)
  }
  throw tampered(path)
}

const macOf = (key: Uint8Array, kind: Kind, id: string, body: unknown): string =>
  createHmac('sha256', key)
    .update(canonicalJson({ v: 1, kind, id, body }))
    .digest('hex')

const tampered = (path: string, cause?: unknown): Fault => fault('E_STORE_TAMPERED', { detail: path, cause })
