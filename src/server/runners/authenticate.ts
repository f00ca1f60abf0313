// Who is calling: `Authorization: MF-Runner <jws>` over method, address, digest of the body, time and a number used once
// (trust-model.md §5.2). A captured request is worth nothing afterwards, and one for another address nothing ever.
import { createHash, KeyObject, verify } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'
import { toBase64Url } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { parseId, type RunnerId } from '../../base/ids.ts'
import { runnerRequestTyp } from '../../protocol/vault.ts'
import { type CryptoKey, importVerifyKey, type JwsClaims, type Verify, verifyJws } from '../../seal/index.ts'
import type { Db } from '../db/database.ts'
import { isLately } from '../db/lately.ts'
import { limits } from '../limits.ts'
import { createReplayMemory } from './replay-memory.ts'

/** A runner that proved who it is. Suspended ones get this far and no further. */
export type Caller = {
  readonly id: RunnerId
  readonly name: string
  readonly key: CryptoKey
  /** As it stood when the request came. */
  readonly current: CurrentSession
  /** What it compiles with, as it last said. */
  readonly compiler: string | null
  /** The signed request itself and when it was made, in Unix seconds: the vault wants to see it, sessions use it. */
  readonly jws: string
  readonly iat: number
  /** Claimed base64url SHA-256 of the body: whoever reads the body compares. */
  readonly bodyDigest: string
}

export type CurrentSession = {
  readonly session: number
  readonly boot: string
  /** Said so a moment ago: it need not be written again. */
  readonly isSeen: boolean
}

export type SignedRequest = {
  readonly method: string
  /** Path and query as received. */
  readonly url: string
  readonly authorization: string | undefined
}

/** Signed by the key that a runner had last. Whether it still is the key of an enrolled runner, the tables say. */
export type Sender = {
  readonly id: RunnerId
  /** That signed. */
  readonly key: CryptoKey
  readonly verify: Verify
  /** That key as the tables have it. */
  readonly publicKey: Uint8Array
  readonly jws: string
  readonly iat: number
  readonly bodyDigest: string
  /** Looks now; throws unless it is so. */
  confirm(): Promise<void>
}

/** On a row of `runners`, as a condition: it is enrolled, and its key is the one that signed. */
export const isSender = ({ id, publicKey }: Pick<Sender, 'id' | 'publicKey'>): RawBuilder<unknown> =>
  sql`id = ${id} and status = 'enrolled' and public_key = ${Buffer.from(publicKey)}`

/** Columns of `runners` that a caller is made of. */
export const callerColumns = sql`id, name, facts ->> 'compiler' as compiler, session, session_boot as boot,
  coalesce(${isLately(sql`last_seen_at`, limits.runnerSeenSeconds)}, false) as "isSeen"`

export type CallerRow = CurrentSession & Pick<Caller, 'id' | 'name' | 'compiler'>

export const callerOf = (
  { key, jws, iat, bodyDigest }: Pick<Sender, 'key' | 'jws' | 'iat' | 'bodyDigest'>,
  row: CallerRow,
): Caller => {
  const { id, name, compiler, session, boot, isSeen } = row
  return { id, name, compiler, current: { session, boot, isSeen }, key, jws, iat, bodyDigest }
}

export type Authenticate = {
  caller(request: SignedRequest): Promise<Caller>
  /** Without a look at the tables, where the runner is known: for a statement that looks itself. */
  sender(request: SignedRequest): Promise<Sender>
}

export const createAuthenticate = (deps: { readonly db: Db; readonly clock: Clock }): Authenticate => {
  const replays = createReplayMemory(deps.clock)
  const keys = createKeys()
  const check = (claims: JwsClaims, request: SignedRequest, runner: RunnerId) => {
    const checked = checkClaims(claims, { request, runner, nowMs: deps.clock.now() })
    if (!replays.isNew(String(claims.jti))) throw refused('a request that was seen before')
    return checked
  }
  const caller = async (request: SignedRequest): Promise<Caller> => {
    const jws = jwsOf(request)
    const proof = await prove(deps.db, keys, jws)
    if (proof === null) throw refused('no signature of an enrolled runner')
    const { claims, row: runner } = proof
    const { iat, bodyDigest } = check(claims, request, runner.id)
    refuseSuspended(runner)
    return callerOf({ key: proof.imported.key, jws, iat, bodyDigest }, runner)
  }
  const sender = async (request: SignedRequest): Promise<Sender> => {
    const jws = jwsOf(request)
    const signed = await verifyByLastKey(keys, jws)
    if (signed === null) {
      const { id, key, iat, bodyDigest } = await caller(request)
      const known = keys.last(id)
      if (known === null) throw refused('no key of this runner')
      const { verify, bytes: publicKey } = known
      return { ...{ id, key, verify, jws, iat, bodyDigest, publicKey }, confirm: async () => {} }
    }
    const { id, key, verify, publicKey } = signed
    const { iat, bodyDigest } = check(signed.claims, request, id)
    const confirm = async () => {
      const row = await findRunner(deps.db, id)
      if (row === null || !row.publicKey.equals(publicKey))
        throw refused('no signature of an enrolled runner')
      refuseSuspended(row)
    }
    return { id, key, verify, publicKey, jws, iat, bodyDigest, confirm }
  }
  return { caller, sender }
}

const jwsOf = ({ authorization }: SignedRequest): string => {
  const jws = /^MF-Runner ([A-Za-z0-9_.-]{1,8192})$/.exec(authorization ?? '')?.[1]
  if (jws === undefined) throw refused('no MF-Runner authorization')
  return jws
}

const refuseSuspended = ({ status, statusReason }: Row): void => {
  if (status === 'suspended')
    throw fault('E_RUNNER_SESSION', { public: `This runner is suspended: ${statusReason ?? ''}` })
}

/** null when no key is known here, or another one signed. */
const verifyByLastKey = async (
  keys: KeysOfRunners,
  jws: string,
): Promise<({ readonly claims: JwsClaims } & Pick<Sender, 'id' | 'key' | 'verify' | 'publicKey'>) | null> => {
  let id: RunnerId | null = null
  let known: ReturnType<KeysOfRunners['last']> = null
  const keyFor = (kid: string | null) => {
    id = parseId('runner', kid)
    known = id === null ? null : keys.last(id)
    return known?.verify ?? null
  }
  const claims = await verifyJws(jws, { typ: runnerRequestTyp, keyFor })
  if (claims === null || id === null || known === null) return null
  // SAFE: set by `keyFor`, which the compiler does not follow.
  const { key, verify, bytes } = known as KnownKey
  return { claims, id, key, verify, publicKey: bytes }
}

type Proof = { readonly claims: JwsClaims; readonly row: Row; readonly imported: ImportedKey }

/** The row is read while the signature is checked by the key that stood there last; only the key of now counts. */
const prove = async (db: Db, keys: KeysOfRunners, jws: string): Promise<Proof | null> => {
  const typ = runnerRequestTyp
  let reading: Promise<Omit<Proof, 'claims'> | null> = Promise.resolve(null)
  let used: Verify | null = null
  const keyFor = async (kid: string | null): Promise<Verify | null> => {
    const id = parseId('runner', kid)
    reading = readRunner(db, keys, id)
    // Seen below, when the signature is checked.
    reading.catch(() => undefined)
    used = (id === null ? null : keys.last(id))?.verify ?? (await reading)?.imported.verify ?? null
    return used
  }
  const claims = await verifyJws(jws, { typ, keyFor })
  const found = await reading
  if (found === null) return null
  const { verify } = found.imported
  const proven = used === verify ? claims : await verifyJws(jws, { typ, keyFor: () => verify })
  return proven === null ? null : { ...found, claims: proven }
}

const readRunner = async (
  db: Db,
  keys: KeysOfRunners,
  id: RunnerId | null,
): Promise<Omit<Proof, 'claims'> | null> => {
  const row = await findRunner(db, id)
  const imported = row === null ? null : await keys.of(row.id, row.publicKey)
  return row === null || imported === null ? null : { row, imported }
}

type KeysOfRunners = ReturnType<typeof createKeys>
type ImportedKey = { readonly key: CryptoKey; readonly verify: Verify }
type KnownKey = ImportedKey & { readonly bytes: Buffer }
/** Whose key it is, is read for every request; what its bytes mean never changes. */
const createKeys = () => {
  const known = new Map<RunnerId, KnownKey>()
  return {
    /** As it was when it was read last. */
    last: (id: RunnerId): KnownKey | null => known.get(id) ?? null,
    of: async (id: RunnerId, bytes: Buffer): Promise<ImportedKey | null> => {
      const before = known.get(id)
      if (before?.bytes.equals(bytes)) return before
      const key = await importVerifyKey(bytes)
      if (key === null) return null
      if (known.size >= limits.runnerConnectionsMax) known.clear()
      const object = KeyObject.from(key)
      const made = {
        ...{ bytes, key },
        verify: (message: Uint8Array, signature: Uint8Array) => verify(null, message, object, signature),
      }
      known.set(id, made)
      return made
    },
  }
}

/** Throws unless the body is the one that was signed. */
export const requireBody = (caller: { readonly bodyDigest: string }, body: Uint8Array): void => {
  const digest = toBase64Url(createHash('sha256').update(body).digest())
  if (digest !== caller.bodyDigest) throw refused('the body is not the one that was signed')
}

const checkClaims = (
  claims: JwsClaims,
  expected: { readonly request: SignedRequest; readonly runner: RunnerId; readonly nowMs: number },
): { readonly iat: number; readonly bodyDigest: string } => {
  const { iss, htm, htu, bh, iat, jti } = claims
  if (iss !== expected.runner || htm !== expected.request.method) throw refused('signed for another request')
  if (typeof htu !== 'string' || pathOf(htu) !== expected.request.url)
    throw refused('signed for another address')
  if (typeof iat !== 'number' || Math.abs(expected.nowMs - iat * 1000) > limits.requestSkewMs)
    throw refused('signed too long ago, or the clocks differ')
  if (typeof bh !== 'string' || typeof jti !== 'string' || jti.length < 16 || jti.length > 64)
    throw refused('incomplete claims')
  return { iat, bodyDigest: bh }
}

/** `htu` is the whole address or only its path. */
const pathOf = (htu: string): string => {
  if (htu.startsWith('/')) return htu
  const url = URL.parse(htu)
  return url === null ? '' : url.pathname + url.search
}

type Row = CurrentSession & {
  readonly id: RunnerId
  readonly name: string
  readonly publicKey: Buffer
  readonly compiler: string | null
  readonly status: string
  readonly statusReason: string | null
}

const findRunner = async (db: Db, id: RunnerId | null): Promise<Row | null> => {
  if (id === null) return null
  const { rows } = await sql<Row>`
    select ${callerColumns}, public_key as "publicKey", status, status_reason as "statusReason"
    from runners where id = ${id} and status <> 'revoked'`.execute(db)
  return rows[0] ?? null
}

const refused = (detail: string) => fault('E_RUNNER_UNKNOWN', { detail, public: `Refused: ${detail}` })
