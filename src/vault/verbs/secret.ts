// Secrets of projects and contexts: put under a signed statement, revoked under another, listed without their values. A
// value is open here between HPKE and AES only; what is replaced or revoked by one statement cannot be brought back by an older one.
import { isUtf8 } from 'node:buffer'
import { createHash, hkdfSync } from 'node:crypto'
import { toBase64Url, utf8 } from '../../base/bytes.ts'
import type { Clock, RandomBytes } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { type ContextId, formatId, type SecretId } from '../../base/ids.ts'
import { urlOf } from '../../protocol/repository.ts'
import { rsaBitsMax, rsaBitsMin } from '../../protocol/signing.ts'
import {
  envSecretBytesMax,
  maskableBytesMin,
  overlapSecondsMax,
  type PutStatement,
  previousSuffix,
  type SecretOwner,
  secretSubject,
  secretsBytesMax,
  secretsMax,
} from '../../protocol/statement.ts'
import type { SecretMetadata, VaultRequest } from '../../protocol/vault.ts'
import { canonicalJson, importAesKey, jcsDigest, openMv1, openSecret, sealMv1 } from '../../seal/index.ts'
import { createGcm } from '../../sys/index.ts'
import type { MasterKey } from '../keys/keyring.ts'
import { type ServiceKeys, serviceKeyVersion } from '../keys/service-keys.ts'
import { publicHalfOf } from '../keys/signing-key.ts'
import { secretVersionsKept } from '../limits.ts'
import { requireKept } from '../policy/kept.ts'
import { loosensByPut, loosensBySet } from '../policy/loosening.ts'
import { type Accepted, acceptStatement, requireNext, requireSecond } from '../policy/statement.ts'
import type { PreviousVersion, Records, SecretRecord } from '../store/records.ts'
import type { Uses } from '../store/uses.ts'
import type { Values } from '../store/values.ts'
import { changeOwner, findOwner, keyContext, type OwnerRecord, ownerMembers, ownerOf } from './owner.ts'

export type SecretDeps = {
  readonly records: Records
  readonly master: MasterKey
  readonly keys: ServiceKeys
  readonly values: Values
  readonly uses: Uses
  readonly clock: Clock
  readonly randomBytes: RandomBytes
}

/** A name of an owner has one id for ever: no second index that could go stale. */
const secretId = (owner: SecretOwner, name: string): SecretId =>
  formatId('secret', createHash('sha256').update(secretSubject(owner, name)).digest().subarray(0, 16))

export const putSecret = async (
  deps: SecretDeps,
  request: VaultRequest<'secret.put'>,
): Promise<SecretMetadata> => {
  const { owner, name, sealed, statement, proof, second } = request
  findOwner(deps.records, owner)
  if (statement.type !== 'secret.put') throw fault('E_INPUT', { public: 'The statement puts no secret' })
  const expected = { type: statement.type, sub: secretSubject(owner, name), nowSeconds: nowOf(deps) }
  const accepted = await acceptStatement(deps.records, { statement, proof, second }, expected)
  const value =
    sealed.kid === `ingest-${serviceKeyVersion}`
      ? await openSecret(deps.keys.ingest, sealed, statement)
      : null
  if (value === null)
    throw fault('E_INPUT', { public: 'The value is not sealed to this vault under this statement' })
  try {
    checkValue(value, statement)
    checkOverlap(name, statement.body, nowOf(deps))
    return await store(deps, { owner, name, accepted, value })
  } finally {
    value.fill(0)
  }
}

export const revokeSecret = async (
  deps: SecretDeps,
  request: VaultRequest<'secret.revoke'>,
): Promise<SecretMetadata> => {
  const { owner, name, statement, proof } = request
  const expected = {
    type: 'secret.revoke' as const,
    sub: secretSubject(owner, name),
    nowSeconds: nowOf(deps),
  }
  if (statement.type !== expected.type) throw fault('E_INPUT', { public: 'The statement revokes no secret' })
  const accepted = await acceptStatement(deps.records, { statement, proof }, expected)
  const id = secretId(owner, name)
  await deps.records.change('secret', id, (current) => {
    if (current === null) throw fault('E_NOT_FOUND', { public: 'There is no such secret' })
    if (current.head === accepted.digest) return current
    requireNext(current.head, accepted)
    const { digest: head, signer } = accepted
    const { previous: _gone, ...kept } = current
    return { ...kept, state: 'revoked', head, signer: signer.signer, changedAt: nowOf(deps), bytes: 0 }
  })
  const record = findSecret(deps, id)
  // After the record: what is refused already may still lie there, never the other way round.
  await deps.values.remove(id, keptVersions(record.version))
  return metadataOf(deps, record)
}

/** The value stays what it is: there is nothing to seal. What is revoked has none to come back to. */
export const setSecret = async (
  deps: SecretDeps,
  request: VaultRequest<'secret.set'>,
): Promise<SecretMetadata> => {
  const { owner, name, statement, proof, second } = request
  if (statement.type !== 'secret.set') throw fault('E_INPUT', { public: 'The statement sets no secret' })
  const expected = { type: statement.type, sub: secretSubject(owner, name), nowSeconds: nowOf(deps) }
  const accepted = await acceptStatement(deps.records, { statement, proof, second }, expected)
  const id = secretId(owner, name)
  await deps.records.change('secret', id, (current) => {
    if (current === null) throw fault('E_NOT_FOUND', { public: 'There is no such secret' })
    if (current.head === accepted.digest) return current
    requireNext(current.head, accepted)
    requireKept(statement.body.keeps, keepableOf(current), statement.body)
    if (current.state === 'revoked')
      throw fault('E_INPUT', { public: 'It is revoked: put a new value instead' })
    if (loosensBySet(current, statement.body)) requireSecond(deps.records, current.org, accepted)
    const { state, expires_at: expiresAt, rotate_after: rotateAfter } = statement.body
    const { digest: head, signer } = accepted
    const [putAt, changedAt] = [putAtOf(current), nowOf(deps)]
    const { onLeak: _was, ...kept } = current
    const rest = { state, expiresAt, rotateAfter, head, signer: signer.signer, putAt, changedAt }
    const record = { ...kept, ...onLeakOf(statement.body, current), ...rest }
    // What was put while this one was disabled may have taken its place.
    if (current.state === 'disabled' && state === 'active') checkRoom(deps, owner, record)
    return record
  })
  return metadataOf(deps, findSecret(deps, id))
}

export const listSecrets = (
  deps: SecretDeps,
  { owner }: VaultRequest<'secret.list'>,
): { readonly secrets: readonly SecretMetadata[] } => {
  findOwner(deps.records, owner)
  return { secrets: secretsOf(deps.records, owner).map((record) => metadataOf(deps, record)) }
}

export const secretsOf = (records: Records, owner: SecretOwner): readonly SecretRecord[] =>
  records
    .list('secret')
    .filter((record) => ownerOf(record) === owner)
    .sort((a, b) => (a.name < b.name ? -1 : 1))

/** The owner's key is unwrapped once for all values, each of which the caller wipes. */
export const openSecrets = async (
  { master, values }: Pick<SecretDeps, 'master' | 'values'>,
  owner: OwnerRecord,
): Promise<{ readonly canary: string; open(record: SecretRecord): Promise<Uint8Array> }> => {
  const { raw, version } = await unwrapKey(master, owner)
  const { open } = createGcm(raw)
  const canary = canaryOf(raw)
  raw.fill(0)
  const keyFor = (id: string) => (id === keyId(version) ? open : null)
  return {
    canary,
    open: async (record) => {
      const text = values.read(record.secret, record.version)
      const value = await openMv1(text, { keyFor, aad: await aadOf(record) })
      if (value === null)
        throw fault('E_STORE_TAMPERED', { detail: `value of ${record.secret} does not open` })
      return value
    },
  }
}

/** All of a context, once it is deleted: their statements still count, so that none of before brings a value back. */
export const endSecrets = async (
  { records, values }: Pick<SecretDeps, 'records' | 'values'>,
  context: ContextId,
): Promise<void> => {
  const isDeleted = () => records.find('context', context)?.state === 'deleted'
  for (const { secret, version } of isDeleted() ? secretsOf(records, context) : []) {
    await records.change('secret', secret, (current) => {
      // Somebody may have made it anew meanwhile.
      if (current === null || current.state === 'revoked' || !isDeleted()) return current
      const { previous: _gone, ...kept } = current
      return { ...kept, state: 'revoked', bytes: 0 }
    })
    await values.remove(secret, keptVersions(version))
  }
}

/** With its project everything goes. */
export const deleteSecrets = async (
  { records, values, uses }: Pick<SecretDeps, 'records' | 'values' | 'uses'>,
  owner: SecretOwner,
): Promise<void> => {
  for (const { secret, version } of secretsOf(records, owner)) {
    await values.remove(secret, keptVersions(version))
    await records.change('secret', secret, () => null)
    uses.forget(secret)
  }
}

const checkValue = (value: Uint8Array, { body }: PutStatement): void => {
  if (value.length === 0) throw fault('E_INPUT', { public: 'The value is empty' })
  const bytesMax = body.kind === 'file' ? secretsBytesMax : envSecretBytesMax
  if (value.length > bytesMax)
    throw fault('E_TOO_LARGE', { public: `A value of kind ${body.kind} has at most ${bytesMax} bytes` })
  if (value.length < maskableBytesMin && !body.allow_unmaskable)
    throw fault('E_INPUT', { public: `A value of less than ${maskableBytesMin} bytes cannot be masked` })
  if (body.kind === 'ssh' && !isPrivateKey(value))
    throw fault('E_INPUT', { public: 'An SSH key begins with -----BEGIN and has no passphrase' })
  if (body.kind === 'signing' && publicHalfOf(value) === null)
    throw fault('E_INPUT', { public: signingKeyWords })
  if (body.kind === 'env' && (value.includes(0) || !isUtf8(value)))
    throw fault('E_INPUT', { public: 'A variable holds text without NUL bytes: put it as a file' })
}

const signingKeyWords = `A signing key is Ed25519, ECDSA on P-256 or P-384, or RSA of ${rsaBitsMin} to ${rsaBitsMax} bits, as PKCS #8 PEM without a passphrase`

/** Whether an agent can hold it, the runner finds out; what is none at all is refused while its person is there. */
const isPrivateKey = (value: Uint8Array): boolean =>
  /^-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n/.test(Buffer.from(value.subarray(0, 64)).toString('latin1'))

/** The server says which project a name stands for; its signer may have said where that one's code lies. */
const requireRepository = (owner: OwnerRecord, { body }: PutStatement): void => {
  if (body.repository === undefined) return
  const pinned = 'source' in owner ? urlOf(owner.source) : undefined
  if (body.repository !== pinned)
    throw fault('E_REPO_MISMATCH', {
      public: `Nothing was put: the vault has pinned ${pinned ?? 'no address'} for this project, and the signer meant ${body.repository}`,
    })
}

/** By the names that statements have for it. */
const keepableOf = ({ policy, kind, hosts, state, expiresAt, rotateAfter }: SecretRecord) => ({
  ...{ ...policy, kind, hosts, state, expires_at: expiresAt, rotate_after: rotateAfter },
})

type Put = {
  readonly owner: SecretOwner
  readonly name: string
  readonly accepted: Accepted<PutStatement>
  readonly value: Uint8Array
}

const store = async (deps: SecretDeps, put: Put): Promise<SecretMetadata> => {
  const id = secretId(put.owner, put.name)
  const owner = await withKey(deps, put.owner)
  await deps.records.change('secret', id, async (current) => {
    requireRepository(findOwner(deps.records, put.owner), put.accepted.statement)
    // The answer to an accepted statement may have been lost: the same one again changes nothing.
    if (current?.head === put.accepted.digest) return current
    requireNext(current?.head ?? null, put.accepted)
    const { body } = put.accepted.statement
    requireKept(body.keeps, current && keepableOf(current), { ...body, ...body.policy })
    if (loosensByPut(current, body)) requireSecond(deps.records, owner.org, put.accepted)
    const record = recordOf(put, { id, org: owner.org, current, nowSeconds: nowOf(deps) })
    checkRoom(deps, put.owner, record)
    const key = await openKey(deps.master, owner)
    const text = await sealMv1(key, put.value, await aadOf(record))
    // Before the record: one without its value would fail jobs, a value without its record is written over.
    await deps.values.write(id, record.version, text)
    return record
  })
  const record = findSecret(deps, id)
  await deps.values.remove(id, [record.version - secretVersionsKept])
  return metadataOf(deps, record)
}

const recordOf = (
  { owner, name, accepted, value }: Put,
  of: {
    readonly id: SecretId
    readonly org: SecretRecord['org']
    readonly current: SecretRecord | null
    readonly nowSeconds: number
  },
): SecretRecord => {
  const { kind, policy, expires_at: expiresAt, hosts, rotate_after: rotateAfter } = accepted.statement.body
  const previous = previousOf(accepted.statement.body, of)
  const signing = kind === 'signing' ? publicHalfOf(value) : null
  return {
    secret: of.id,
    ...ownerMembers(owner),
    org: of.org,
    name,
    kind,
    version: (of.current?.version ?? 0) + 1,
    state: 'active',
    policy,
    createdAt: of.current?.createdAt ?? of.nowSeconds,
    changedAt: of.nowSeconds,
    putAt: of.nowSeconds,
    expiresAt,
    ...(rotateAfter === undefined ? {} : { rotateAfter }),
    ...(previous === null ? {} : { previous }),
    ...onLeakOf(accepted.statement.body, of.current, kind),
    ...(hosts === undefined ? {} : { hosts }),
    ...(signing === null ? {} : { signing }),
    signer: accepted.signer.signer,
    head: accepted.digest,
    bytes: value.length,
  }
}

/** What is not said stays. A signing key is in no job: nothing of it could be seen. */
const onLeakOf = (
  { on_leak: wanted }: Pick<PutStatement['body'], 'on_leak'>,
  current: SecretRecord | null,
  kind = current?.kind,
): Pick<SecretRecord, 'onLeak'> => {
  const revokes = (wanted ?? current?.onLeak) === 'revoke'
  if (kind !== 'signing') return revokes ? { onLeak: 'revoke' } : {}
  if (wanted === 'revoke')
    throw fault('E_INPUT', { public: 'A signing key stays in the vault: no job could leak it' })
  return {}
}

/** Not longer than it would have been good by itself; of what is disabled or revoked, or stays in the vault, nothing. */
const previousOf = (
  { overlap_until: wanted }: PutStatement['body'],
  { current, nowSeconds }: { readonly current: SecretRecord | null; readonly nowSeconds: number },
): PreviousVersion | null => {
  if (wanted === undefined || current === null || current.state !== 'active') return null
  if (current.kind === 'signing')
    throw fault('E_INPUT', { public: 'Of a signing key only the newest version signs' })
  const { version, kind, policy, hosts, bytes, expiresAt } = current
  const until = Math.min(wanted, expiresAt ?? wanted)
  if (until <= nowSeconds) return null
  return { version, until, kind, policy, bytes, ...(hosts === undefined ? {} : { hosts }) }
}

const checkOverlap = (
  name: string,
  { overlap_until: until }: PutStatement['body'],
  nowSeconds: number,
): void => {
  if (until === undefined) return
  if (until > nowSeconds + overlapSecondsMax)
    throw fault('E_INPUT', {
      public: `The version before stays for at most ${overlapSecondsMax / 86_400} days`,
    })
  if (name.length + previousSuffix.length > 128)
    throw fault('E_INPUT', { public: `${previousSuffix} would make the name too long` })
}

const checkRoom = (deps: SecretDeps, owner: SecretOwner, record: SecretRecord): void => {
  const others = secretsOf(deps.records, owner).filter(({ secret }) => secret !== record.secret)
  // Those of before that still go to jobs take as much room as the others.
  const previous = [...others, record].flatMap((one) => liveOf(one.previous, nowOf(deps)) ?? [])
  const bytes = roomOf([...others, record, ...previous])
  const active = others.filter(({ state }) => state === 'active').length + previous.length
  if (active >= secretsMax)
    throw fault('E_TOO_LARGE', { public: `A project or context has at most ${secretsMax} secrets` })
  if (others.length >= 10 * secretsMax)
    throw fault('E_TOO_LARGE', {
      public: `A project or context has had at most ${10 * secretsMax} names of secrets: put it under one that was revoked`,
    })
  if (bytes > secretsBytesMax)
    throw fault('E_TOO_LARGE', {
      public: `The secrets of a project or context have at most ${secretsBytesMax} bytes in all, with the hosts of SSH keys`,
    })
}

/** What they take of one answer to a job: of what is revoked nothing is left. */
export const roomOf = (secrets: readonly Pick<SecretRecord, 'bytes' | 'hosts'>[]): number =>
  secrets.reduce((sum, { bytes, hosts }) => sum + (bytes === 0 ? 0 : bytes + (hosts?.join().length ?? 0)), 0)

const liveOf = (previous: PreviousVersion | undefined, nowSeconds: number): PreviousVersion | null =>
  previous === undefined || previous.until <= nowSeconds ? null : previous

/** Made with the first secret. */
const withKey = async (deps: SecretDeps, id: SecretOwner): Promise<OwnerRecord> => {
  await changeOwner(deps.records, id, async (current) => {
    const key = deps.randomBytes(32)
    const wrapped = await deps.master.wrap(key, keyContext(current))
    key.fill(0)
    return { version: 1, wrapped }
  })
  return findOwner(deps.records, id)
}

const openKey = async (master: MasterKey, owner: OwnerRecord) => {
  const { raw, version } = await unwrapKey(master, owner)
  const key = await importAesKey(raw)
  raw.fill(0)
  return { id: keyId(version), key }
}

const unwrapKey = async (master: MasterKey, owner: OwnerRecord) => {
  if (owner.secrets === undefined)
    throw fault('E_STORE_TAMPERED', { detail: `${ownerOf(owner)} has secrets and no key for them` })
  const { wrapped, version } = owner.secrets
  return { raw: await master.unwrap(wrapped, keyContext(owner)), version }
}

const keyId = (version: number): string => `secrets-${version}`

/**
 * A secret that lies beside the others and that no step is given: where it appears, somebody reached secrets that were not
 * for him. Made from its owner's key, so that it is stored nowhere.
 */
const canaryOf = (ownerKey: Uint8Array): string =>
  toBase64Url(new Uint8Array(hkdfSync('sha256', ownerKey, new Uint8Array(0), 'mayfly/v1/canary', 32)))

/** trust-model.md §4.1: a value opens as what it was put as, or not at all. Those of projects are older than the word scope. */
const aadOf = async (record: SecretRecord) => {
  const { org, name, kind, version, policy, context } = record
  const scope = context === undefined ? {} : { scope: 'context' }
  const about = { org, owner_id: ownerOf(record), ...scope, name, kind, version }
  return utf8(canonicalJson({ ...about, policy_digest: await jcsDigest(policy) }))
}

const findSecret = ({ records }: SecretDeps, id: SecretId): SecretRecord => {
  const record = records.find('secret', id)
  if (record === null) throw fault('E_NOT_FOUND', { public: 'There is no such secret' })
  return record
}

/** The numbers of this version and of those before it that may still lie there. */
export const keptVersions = (version: number): readonly number[] =>
  Array.from({ length: secretVersionsKept + 1 }, (_, i) => version - i).filter((number) => number > 0)

const metadataOf = (deps: SecretDeps, record: SecretRecord): SecretMetadata => {
  const {
    org: _org,
    project: _project,
    context: _context,
    bytes: _bytes,
    ended: _ended,
    previous,
    ...metadata
  } = record
  const used = deps.uses.last(record.secret)
  return {
    ...metadata,
    putAt: putAtOf(record),
    rotateAfter: record.rotateAfter ?? null,
    onLeak: record.onLeak ?? 'tell',
    leak: record.leak ?? null,
    previousUntil: liveOf(previous, nowOf(deps))?.until ?? null,
    releases: used?.count ?? 0,
    releasesRecent: deps.uses.recent(record.secret, nowOf(deps)),
    lastRelease: used?.last ?? null,
  }
}

const putAtOf = ({ putAt, changedAt }: SecretRecord): number => putAt ?? changedAt

const nowOf = ({ clock }: SecretDeps): number => Math.floor(clock.now() / 1000)
