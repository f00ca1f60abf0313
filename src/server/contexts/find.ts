// Which context somebody means, by id or name.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { ContextId } from '../../base/ids.ts'
import type { ContextRules } from '../../protocol/contexts.ts'
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

/** Of a row of `contexts c`. */
export const rulesOfRow = sql`json_build_object('projects', coalesce(to_json(c.projects), to_json('*'::text)),
  'refs', c.refs, 'roles', c.roles)`

/** As they were when they changed last: what the vault has is what counts. */
export const namedRules = async (
  db: Db,
  context: ContextId,
): Promise<{ readonly name: string; readonly rules: ContextRules }> => {
  const { rows } = await sql<{ name: string; rules: ContextRules }>`
    select c.name, ${rulesOfRow} as rules from contexts c where c.id = ${context}`.execute(db)
  const [row] = rows
  if (row === undefined) throw fault('E_NOT_FOUND', { public: 'No such context' })
  return row
}
