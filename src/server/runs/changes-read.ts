// Which files a run is about: what was found when it was planned. A plan that was taken over from another run of the same
// commit says it, too, when both began at the same base.
import { sql } from 'kysely'
import type { RunId } from '../../base/ids.ts'
import type { RunChangedFiles } from '../../protocol/api/shapes.ts'
import type { ChangedFiles } from '../../protocol/changed-files.ts'
import type { Scope } from '../access/actor.ts'
import { inScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'

/** null: no such run. */
export const findChanges = async (db: Db, scope: Scope, run: RunId): Promise<RunChangedFiles | null> => {
  const { rows } = await sql<{ readonly changes: ChangedFiles | null; readonly base: string | null }>`
    select p.changes, r.change ->> 'base' as base from runs r left join plans p on p.run_id = r.id
    where r.id = ${run} and ${inScope(scope, 'r')}`.execute(db)
  const [row] = rows
  if (row === undefined) return null
  const { changes, base } = row
  const isOurs = changes !== null && (changes.of === 'push' ? changes.base === base : base === null)
  return { changes: isOurs ? { ...changes, files: changes.files.map((file) => ({ ...file })) } : null }
}
