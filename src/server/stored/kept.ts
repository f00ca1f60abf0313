// What the vault needs of a stored object to give its key to a job.
import { sql } from 'kysely'
import type { ObjectId } from '../../base/ids.ts'

export type Kept = {
  readonly id: ObjectId
  readonly manifest: string
  readonly wrapped: string
  readonly createdAt: Date
}

/** Of `o`, a row of stored_objects. */
export const keptColumns = sql`o.id, o.manifest, o.wrapped_key as wrapped, o.created_at as "createdAt"`
