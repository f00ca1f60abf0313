// Which files a run is about: what was found when it was planned. A plan that was taken over from another run of the same
// commit says it, too, when both began at the same base.
import { sql } from 'kysely'
import type { RunId } from '../../base/ids.ts'
import type { Run, RunChangedFiles } from '../../protocol/api/shapes.ts'
import type { ChangedFiles } from '../../protocol/changed-files.ts'
import type { Scope } from '../access/actor.ts'
import { inScopeByKey } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'

/** null: no such run. */
export const findChanges = async (db: Db, scope: Scope, run: RunId): Promise<RunChangedFiles | null> => {
  const { rows } = await sql<{ readonly changes: ChangedFiles | null; readonly base: string | null }>`
    select p.changes, r.change ->> 'base' as base from runs r left join plans p on p.run_id = r.id
    where r.id = ${run} and ${inScopeByKey(scope, 'r')}`.execute(db)
  const [row] = rows
  if (row === undefined) return null
  const { changes, base } = row
  return {
    changes:
      changes !== null && isOfRun(changes, base)
        ? { ...changes, files: changes.files.map((file) => ({ ...file })) }
        : null,
  }
}

/** Of a row `p` of `plans`: how many there are, and for which runs that holds. */
export type CountedFiles = Pick<ChangedFiles, 'base' | 'of' | 'more'> & { readonly count: number }
export const countedFiles = sql`
  case when p.changes is not null then json_build_object('base', p.changes -> 'base', 'of', p.changes -> 'of',
    'more', p.changes -> 'more', 'count', jsonb_array_length(p.changes -> 'files')) end`

/** For a run whose ref was at `base` before; null: nobody told. */
export const countOf = (files: CountedFiles | null, base: string | null): Run['changed_files'] =>
  files !== null && isOfRun(files, base) ? { count: files.count, more: files.more } : null

const isOfRun = (changes: Pick<ChangedFiles, 'base' | 'of'>, base: string | null): boolean =>
  changes.of === 'push' ? changes.base === base : base === null
