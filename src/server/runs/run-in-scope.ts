// What reads of a run by its id ask first.
import { sql } from 'kysely'
import type { RunId } from '../../base/ids.ts'
import type { Scope } from '../access/actor.ts'
import { inScopeByKey } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'

/** Whether there is such a run for whoever asks. */
export const isRunInScope = async (db: Db, scope: Scope, run: RunId): Promise<boolean> => {
  const { rows } = await sql`select from runs r where r.id = ${run} and ${inScopeByKey(scope, 'r')}`.execute(
    db,
  )
  return rows.length > 0
}
