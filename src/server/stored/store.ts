// Taking a new object from a runner: a place, the sealed bytes, and then the manifest with which it begins to exist.
// Nothing of it is believed: scope and owner are what the lease says, size and digest what arrived here.
import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { ObjectId } from '../../base/ids.ts'
import { parseShape } from '../../base/shape.ts'
import { type Manifest, manifestClaims, manifestTyp } from '../../protocol/stored-object.ts'
import type { ArtifactEntry, StoreAnswer, StoredRequest, StoreRequest } from '../../protocol/stored-wire.ts'
import type { TestFacts } from '../../protocol/test-results.ts'
import { verifyJws } from '../../seal/index.ts'
import type { Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Caller } from '../runners/authenticate.ts'
import { type LeaseKey, leaseLost } from '../runners/events.ts'
import type { VaultClient } from '../vault-client.ts'
import { evictCaches } from './expire.ts'
import { type LeasedJob, leasedJob, writeScopeOf } from './leased.ts'
import { storedObjectKey } from './object-key.ts'

export type StoredDeps = {
  readonly db: Db
  readonly objects: ObjectStore
  readonly vault: VaultClient
  readonly newId: NewId
}

export const beginObject = async (
  { db, newId }: StoredDeps,
  key: LeaseKey,
  want: StoreRequest,
): Promise<StoreAnswer> => {
  const job = await leasedJob(db, key)
  const scope = writeScopeOf(job, want.kind)
  const cacheKey = want.kind === 'cache' ? want.key : null
  if (cacheKey !== null && (await isKept(db, job, scope, cacheKey))) return { state: 'exists' }
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from stored_objects where attempt_id = ${job.attempt}`.execute(db)
  if ((rows[0]?.count ?? 0) >= limits.objectsPerAttemptMax)
    throw fault('E_TOO_LARGE', { public: `A job stores at most ${limits.objectsPerAttemptMax} things` })
  const object = newId('object')
  await sql`
    insert into stored_objects (id, organisation_id, project_id, run_id, job_id, attempt_id, kind, scope, cache_key, keep_days)
    values (${object}, ${job.organisation}, ${job.project}, ${job.run}, ${job.job}, ${job.attempt}, ${want.kind}, ${scope},
      ${cacheKey}, ${want.kind === 'cache' ? (job.spec?.cacheDays ?? null) : null})`.execute(db)
  return { state: 'open', object, scope }
}

const isKept = async (db: Db, { project }: LeasedJob, scope: string, cacheKey: string): Promise<boolean> => {
  const { rows } = await sql`
    select 1 from stored_objects
    where project_id = ${project} and scope = ${scope} and cache_key = ${cacheKey} and kind = 'cache' and state = 'kept'`.execute(
    db,
  )
  return rows.length > 0
}

/** The bytes of a place that waits for them. What arrives is measured; the manifest has to say the same. */
export const receiveObject = async (
  { db, objects }: StoredDeps,
  key: LeaseKey,
  { object, content }: { readonly object: ObjectId; readonly content: AsyncIterable<Uint8Array> },
): Promise<void> => {
  const job = await leasedJob(db, key)
  const row = await findComing(db, job, object)
  if (row === null || row.sha256 !== null) throw fault('E_CONFLICT')
  const hash = createHash('sha256')
  const measured = async function* () {
    for await (const bytes of content) {
      hash.update(bytes)
      yield bytes
    }
  }
  const size = await objects.put(storedObjectKey(object), measured(), {
    bytesMax: limits.storedObjectBytesMax,
  })
  await sql`
    update stored_objects set sha256 = ${hash.digest('hex')}, size_bytes = ${size}
    where id = ${object} and state = 'coming' and sha256 is null`.execute(db)
}

type Coming = Pick<Manifest, 'kind' | 'scope'> & {
  readonly cacheKey: string | null
  readonly sha256: string | null
  readonly size: number | null
}

const findComing = async (db: Db, job: LeasedJob, object: ObjectId): Promise<Coming | null> => {
  const { rows } = await sql<Coming>`
    select kind, scope, cache_key as "cacheKey", sha256, size_bytes as size from stored_objects
    where id = ${object} and attempt_id = ${job.attempt} and state = 'coming'`.execute(db)
  return rows[0] ?? null
}

/** From here on it exists, unless another cache has taken the key meanwhile: then that one stays. */
export const keepObject = async (
  deps: StoredDeps,
  key: LeaseKey,
  { caller, request }: { readonly caller: Caller; readonly request: StoredRequest },
): Promise<void> => {
  const { db, objects, vault } = deps
  const job = await leasedJob(db, key)
  const manifest = await verifiedManifest(caller, request.manifest)
  const row = await findComing(db, job, manifest.object)
  if (row === null || !isOf(manifest, job, row))
    throw fault('E_PROTOCOL', { detail: 'a manifest of something else' })
  const entries = checkEntries(manifest, request.entries ?? [])
  const tests = checkTests(manifest, request.tests)
  const { manifest: jws, sealedKey } = request
  const { wrapped } = await vault.call('object.keep', { manifest: jws, sealedKey })
  const gone = await inTransaction(db, async (tx) => {
    await lockLease(tx, job, key)
    if (manifest.kind === 'cache' && (await takeKey(tx, job, manifest)) === false) {
      await sql`delete from stored_objects where id = ${manifest.object}`.execute(tx)
      return [manifest.object]
    }
    await sql`
      update stored_objects set state = 'kept', manifest = ${request.manifest}, wrapped_key = ${wrapped}, created_at = now()
      where id = ${manifest.object}`.execute(tx)
    await insertArtifacts(tx, manifest.object, entries)
    if (tests !== undefined) await insertTests(tx, manifest.object, tests)
    return manifest.kind === 'cache' ? evictCaches(tx, manifest) : []
  })
  for (const object of gone) await objects.delete(storedObjectKey(object))
}

const verifiedManifest = async (caller: Caller, jws: string): Promise<Manifest> => {
  const claims = await verifyJws(jws, {
    typ: manifestTyp,
    keyFor: (kid) => (kid === caller.id ? caller.key : null),
  })
  const parsed = parseShape(manifestClaims, claims, 'E_PROTOCOL')
  if (claims === null || !parsed.ok) throw fault('E_RUNNER_UNKNOWN', { detail: 'no manifest of this runner' })
  return parsed.value
}

/** Every word of it is what we know of the attempt and of the bytes that came. */
const isOf = (manifest: Manifest, job: LeasedJob, row: Coming): boolean =>
  manifest.project === job.project &&
  manifest.run === job.run &&
  manifest.job === job.job &&
  manifest.attempt === job.attempt &&
  manifest.kind === row.kind &&
  manifest.scope === row.scope &&
  manifest.scope === writeScopeOf(job, row.kind) &&
  manifest.key === (row.cacheKey ?? '') &&
  manifest.sha256 === row.sha256 &&
  manifest.size === row.size

const checkEntries = (manifest: Manifest, entries: readonly ArtifactEntry[]): readonly ArtifactEntry[] => {
  if (manifest.kind !== 'artifacts' && entries.length > 0)
    throw fault('E_PROTOCOL', { detail: 'a list of no artifacts' })
  for (const { path, offset, length } of entries) {
    const parts = path.split('/')
    const isBad = parts.some((part) => part === '' || part === '.' || part === '..') || /\p{Cc}/u.test(path)
    if (isBad || length < 1 || offset + length > manifest.size)
      throw fault('E_PROTOCOL', {
        public: `An artifact cannot be called ${JSON.stringify(path.slice(0, 200))}`,
      })
  }
  return entries
}

const checkTests = ({ kind, size }: Manifest, tests: TestFacts | undefined): TestFacts | undefined => {
  if ((kind === 'tests') !== (tests !== undefined) || (tests?.length ?? 0) > size)
    throw fault('E_PROTOCOL', {
      detail: 'results of tests without what is told of them, or the other way round',
    })
  return tests
}

const insertTests = async (tx: Tx, object: ObjectId, tests: TestFacts): Promise<void> => {
  const { failed, skipped, passed, ms, size, length } = tests
  await sql`
    insert into test_results (object_id, failed, skipped, passed, duration_ms, size_bytes, length_bytes)
    values (${object}, ${failed}, ${skipped}, ${passed}, ${ms}, ${size}, ${length})`.execute(tx)
}

const lockLease = async (tx: Tx, job: LeasedJob, key: LeaseKey): Promise<void> => {
  const { rows } = await sql`
    select 1 from attempts where id = ${job.attempt} and lease_id = ${key.lease} and status = 'running' for update`.execute(
    tx,
  )
  if (rows.length === 0) throw leaseLost()
}

/** Whoever saves the same key at the same time waits here for the other. */
const takeKey = async (tx: Tx, { project }: LeasedJob, { scope, key }: Manifest): Promise<boolean> => {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`${project} ${scope} ${key}`}, 0))`.execute(tx)
  const { rows } = await sql`
    select 1 from stored_objects
    where project_id = ${project} and scope = ${scope} and cache_key = ${key} and kind = 'cache' and state = 'kept'`.execute(
    tx,
  )
  return rows.length === 0
}

const insertArtifacts = async (
  tx: Tx,
  object: ObjectId,
  entries: readonly ArtifactEntry[],
): Promise<void> => {
  if (entries.length === 0) return
  await sql`
    insert into artifacts (object_id, position, path, size_bytes, sha256, offset_bytes, length_bytes)
    select ${object}, e.position - 1, e.path, e.size, e.sha256, e.at, e.length
    from unnest(${entries.map(({ path }) => path)}::text[], ${entries.map(({ size }) => size)}::bigint[],
      ${entries.map(({ sha256 }) => sha256)}::text[], ${entries.map(({ offset }) => offset)}::bigint[],
      ${entries.map(({ length }) => length)}::bigint[])
      with ordinality as e (path, size, sha256, at, length, position)`.execute(tx)
}
