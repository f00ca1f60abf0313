// What a job may take back: the layers of its workflow's workspace, the cache that fits best, results of tests. The keys come from the
// vault, sealed to the runner and by a ticket of their own; the vault judges again whether this job may have them.
import { sql } from 'kysely'
import { begun } from '../../base/begun.ts'
import { fault, isFault } from '../../base/faults.ts'
import type { JobId, LeaseId, ObjectId } from '../../base/ids.ts'
import { cacheScopes, isProtectedScope } from '../../protocol/stored-object.ts'
import { layersMax, type RestoreAnswer, type RestoreRequest } from '../../protocol/stored-wire.ts'
import { upstreamOf } from '../../schedule/index.ts'
import type { Db } from '../db/database.ts'
import type { JobNeeds } from '../db/schema.ts'
import { limits } from '../limits.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Caller } from '../runners/authenticate.ts'
import { scopeFactsOf, type Tickets } from '../runners/tickets.ts'
import { type Kept, keptColumns } from './kept.ts'
import { type LeasedJob, leasedJob } from './leased.ts'
import { storedObjectKey } from './object-key.ts'
import { findFailed, openTimings } from './timings.ts'

type Found = Kept & { readonly from: string; readonly after: readonly number[] }

type Deps = { readonly db: Db; readonly tickets: Tickets; readonly objects: ObjectStore }
type Release = NonNullable<RestoreAnswer['release']>

export const findRestorable = async (
  deps: Deps,
  { caller, lease, body }: { readonly caller: Caller; readonly lease: LeaseId; readonly body: string },
  request: RestoreRequest,
): Promise<RestoreAnswer> => {
  const { db, tickets } = deps
  const job = await leasedJob(db, { lease, runner: caller.id })
  const [eph] = request.eph
  if (eph === undefined) return nothingFound
  const release = (found: readonly Kept[]): Promise<Release> => {
    const objects = found.map(({ manifest, wrapped }) => ({ manifest, wrapped }))
    return tickets.release({ ...job, lease }, { caller, body, eph }, { type: 'objects', objects })
  }
  const opened = await open(deps, job, request, release)
  if (opened === null) return nothingFound
  const { found } = opened
  await sql`update stored_objects set used_at = now() where id = any(${found.map(({ id }) => id)}::text[])`.execute(
    db,
  )
  return {
    objects: found.map(({ manifest, from, after, createdAt }) => ({
      manifest,
      from,
      after: [...after],
      savedAt: createdAt.getTime(),
    })),
    release: opened.release,
  }
}

const nothingFound: RestoreAnswer = { objects: [], release: null }

const open = async (
  deps: Deps,
  job: LeasedJob,
  request: RestoreRequest,
  release: (found: readonly Kept[]) => Promise<Release>,
): Promise<{ readonly found: readonly Found[]; readonly release: Release } | null> => {
  const opened = async (found: readonly Found[]) =>
    found.length === 0 ? null : { found, release: await release(found) }
  const vouched = (found: readonly Found[]) =>
    opened(found).catch(async (error: unknown) => {
      if (!isFault(error, 'E_OBJECT_TAMPERED')) throw error
      await forget(deps, found)
      return null
    })
  const ofJob = (kept: Kept): Found => ({ ...kept, from: job.jobName, after: [] })
  if (request.kind === 'tests')
    return request.of === 'timings'
      ? openTimings(deps.db, job, async (kept) => ({ found: kept.map(ofJob), release: await release(kept) }))
      : vouched((await findFailed(deps.db, job)).map(ofJob))
  if (request.kind === 'cache') return vouched(await findCache(deps.db, job, request))
  const layers = await findLayers(deps.db, job)
  if (layers.length > layersMax)
    throw fault('E_TOO_LARGE', { public: `A workspace has at most ${layersMax} layers` })
  return opened(layers)
}

/** Their runner was revoked since: a cache that nobody vouches for is none, and its key is free again. Results of tests are for people, too. */
const forget = async (
  { db, objects }: { readonly db: Db; readonly objects: ObjectStore },
  found: readonly Found[],
): Promise<void> => {
  const { rows } = await sql<Pick<Found, 'id'>>`
    delete from stored_objects where kind = 'cache' and id = any(${found.map(({ id }) => id)}::text[]) returning id`.execute(
    db,
  )
  for (const { id } of rows) await objects.delete(storedObjectKey(id))
}

/** The first key that anything begins with; of its caches the newest, of the job's own scope before a shared one. */
const findCache = async (
  db: Db,
  job: LeasedJob,
  { keys, only }: Extract<RestoreRequest, { kind: 'cache' }>,
): Promise<readonly Found[]> => {
  const scopes = cacheScopes(scopeFactsOf(job)).read
  const read = only === undefined ? scopes : scopes.filter(isProtectedScope)
  const { rows } = await sql<Kept & { run: number }>`
    select ${keptColumns}, r.number as run
    from unnest(${keys}::text[]) with ordinality as k (key, at)
    cross join unnest(${read}::text[]) with ordinality as s (scope, at)
    join stored_objects o on o.project_id = ${job.project} and o.scope = s.scope and o.kind = 'cache' and o.state = 'kept'
      and starts_with(o.cache_key, k.key)
    join runs r on r.id = o.run_id
    order by k.at, s.at, o.created_at desc, o.id desc limit 1`.execute(db)
  return rows.map(({ run, ...object }) => ({ ...object, from: `run #${run}`, after: [] }))
}

type LayerRow = Kept & {
  readonly job: JobId
  readonly key: string
  readonly name: string
  readonly shard: number
  readonly shards: number
}

/**
 * Of each job `j` the newest attempt that is over: who was rerun has replaced what it persisted before. One that is under way has not
 * yet, and one that somebody cancelled did not.
 */
const handingAttempt = sql`(
  select a.id from attempts a where a.job_id = j.id
  order by case when a.status in ('queued', 'running') then 2 when a.status = 'cancelled' then 1 else 0 end, a.number desc limit 1)`

const findLayers = async (db: Db, job: LeasedJob): Promise<readonly Found[]> => {
  const { rows: jobs } = await sql<{ key: string; needs: JobNeeds }>`
    select distinct key, needs from jobs where workflow_id = ${job.workflow}`.execute(db)
  const needs = new Map(jobs.map((each) => [each.key, each.needs.map(({ key }) => key)]))
  const order = upstreamOf(needs, job.jobKey)
  const { rows } = await sql<LayerRow>`
    select ${keptColumns}, j.id as job, j.key, j.name, j.shard, j.shards
    from jobs j join stored_objects o on o.job_id = j.id and o.kind = 'workspace' and o.state = 'kept'
    where j.workflow_id = ${job.workflow} and j.key = any(${order}::text[])
      and o.attempt_id = ${handingAttempt}
    order by array_position(${order}::text[], j.key), j.shard, o.created_at, o.id`.execute(db)
  const upstream = new Map(order.map((key) => [key, new Set(upstreamOf(needs, key))]))
  return rows.map((layer, at) => ({
    ...layer,
    from: layer.shards > 1 ? `${layer.name}.${layer.shard}` : layer.name,
    after: rows
      .slice(0, at)
      .flatMap((earlier, before) =>
        earlier.job === layer.job || upstream.get(layer.key)?.has(earlier.key) ? [before] : [],
      ),
  }))
}

/** A sealed object for the runner of a job that may restore it: without its key it is noise, and still not for anybody. */
export const sendObject = async (
  { db, objects }: { readonly db: Db; readonly objects: ObjectStore },
  key: { readonly lease: LeaseId; readonly runner: Caller['id'] },
  object: ObjectId,
): Promise<AsyncIterable<Uint8Array>> => {
  const job = await leasedJob(db, key)
  const { rows } = await sql<{ size: number; kind: string }>`
    select size_bytes as size, kind from stored_objects
    where id = ${object} and project_id = ${job.project} and state = 'kept'
      and (run_id = ${job.run} or kind in ('cache', 'tests') and scope = any(${cacheScopes(scopeFactsOf(job)).read}::text[]))`.execute(
    db,
  )
  const [row] = rows
  if (row === undefined) throw fault('E_NOT_FOUND')
  // While it can still be said: once the answer has begun, it can only be cut off.
  return begun(piecesOf(objects, storedObjectKey(object), row.size)).catch(async (error: unknown) => {
    // A cache is nothing that anybody counts on: from now on there is none, and its key is free again.
    if (isFault(error, 'E_OBJECT_MISSING') && row.kind === 'cache')
      await sql`delete from stored_objects where id = ${object} and kind = 'cache'`.execute(db)
    throw error
  })
}

const piecesOf = async function* (
  objects: ObjectStore,
  key: string,
  size: number,
): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < size; offset += limits.storedPieceBytes)
    yield await objects.read(key, { offset, length: Math.min(limits.storedPieceBytes, size - offset) })
}
