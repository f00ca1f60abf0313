// Artifacts for people: which there are, and the bytes of one. The vault gives the key of the object they lie in to a
// named reader; they are what a job wrote, so whoever shows them treats them as hostile.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import { type ObjectId, parseId } from '../../base/ids.ts'
import type { Artifact } from '../../protocol/api/artifacts.ts'
import { inScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'
import type { Retention } from '../limits.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Artifacts } from '../use-cases.ts'
import type { VaultClient } from '../vault-client.ts'
import { expiredFault, findExpired, listExpired } from './expired.ts'
import { openPart, type StoredPart } from './open-part.ts'

type Deps = {
  readonly database: { readonly db: Db }
  readonly vault: VaultClient
  readonly objects: ObjectStore
  readonly retention: Pick<Retention, 'artifacts'>
}

type Row = {
  readonly object: ObjectId
  readonly position: number
  readonly job: string
  readonly jobName: string
  readonly shard: number
  readonly shards: number
  readonly attempt: number
  readonly path: string
  readonly size: number
  readonly sha256: string
  readonly createdAt: Date
}

export const createArtifacts = ({ database: { db }, vault, objects, retention }: Deps): Artifacts => ({
  expired: (scope, run) => listExpired(db, scope, { run }, 'artifacts'),
  list: async (scope, run, { limit, cursor }) => {
    const after = cursor === undefined ? { object: '', position: -1 } : placeOf(cursor)
    const { rows } = await sql<Row>`
      select o.id as object, f.position, j.id as job, j.name as "jobName", j.shard, j.shards, a.number as attempt, f.path,
        f.size_bytes as size, f.sha256, o.created_at as "createdAt"
      from stored_objects o join artifacts f on f.object_id = o.id join jobs j on j.id = o.job_id
        join attempts a on a.id = o.attempt_id
      where o.run_id = ${run} and ${inScope(scope, 'o')} and o.kind = 'artifacts' and o.state = 'kept'
        and (o.id, f.position) > (${after.object}, ${after.position})
      order by o.id, f.position limit ${limit + 1}`.execute(db)
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    return {
      items: page.map((row) => artifactOf(row, retention.artifacts)),
      next_cursor: rows.length > limit && last !== undefined ? idOf(last) : null,
    }
  },
  open: async (scope, id, reader) => {
    const place = placeOf(id)
    const { rows } = await sql<Found>`
      select o.id as object, o.size_bytes as "objectBytes", o.manifest, o.wrapped_key as wrapped, f.path, f.size_bytes as size,
        f.offset_bytes as offset, f.length_bytes as length
      from stored_objects o join artifacts f on f.object_id = o.id
      where o.id = ${place.object} and f.position = ${place.position} and ${inScope(scope, 'o')}
        and o.kind = 'artifacts' and o.state = 'kept'`.execute(db)
    const [found] = rows
    if (found === undefined) {
      const expired = await findExpired(db, scope, place.object)
      throw expired === null ? fault('E_NOT_FOUND', { public: 'No such artifact' }) : expiredFault(expired)
    }
    return {
      name: found.path.split('/').at(-1) ?? found.path,
      chunks: await openPart({ vault, objects }, found, reader),
    }
  },
})

type Found = StoredPart & { readonly path: string }

const artifactOf = (row: Row, keptDays: number): Artifact => ({
  id: idOf(row),
  job: { id: row.job, name: row.jobName, shard: row.shard, shards: row.shards, attempt: row.attempt },
  path: row.path,
  size: row.size,
  sha256: row.sha256,
  created_at: row.createdAt.toISOString(),
  expires_at: new Date(row.createdAt.getTime() + keptDays * 86_400_000).toISOString(),
})

const idOf = ({ object, position }: Pick<Row, 'object' | 'position'>): string => `${object}.${position}`

/** A malformed id names nothing. */
const placeOf = (id: string): { readonly object: string; readonly position: number } => {
  const [, object, position] = /^(obj_[0-9a-v]{26})\.(\d{1,6})$/.exec(id) ?? []
  if (object === undefined || parseId('object', object) === null)
    throw fault('E_NOT_FOUND', { public: 'No such artifact' })
  return { object, position: Number(position) }
}
