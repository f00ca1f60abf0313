// Which context somebody means, by id or name.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { ContextId } from '../../base/ids.ts'
import type { Scope } from '../access/actor.ts'
import type { Db } from '../db/database.ts'

/** Of one that is not deleted. */
export const findContextId = async (db: Db, { organisation }: Scope, context: string): Promise<ContextId> => {
  const { rows } = await sql<{ id: ContextId }>`
    select id from contexts
    where organisation_id = ${organisation} and state = 'active' and (id = ${context} or name = ${context})
    limit 1`.execute(db)
  const [row] = rows
  if (row === undefined) throw fault('E_NOT_FOUND', { public: 'No such context' })
  return row.id
}
