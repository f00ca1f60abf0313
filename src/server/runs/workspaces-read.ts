// What the jobs of a run hand on as files: by their plan who persists to the workspace of a workflow and who attaches it, and by what
// is stored how much that was. Asked for by who looks at the graph of a run; nothing on the way of a run calls it.
import { sql } from 'kysely'
import type { RunId } from '../../base/ids.ts'
import type { RunWorkspaces } from '../../protocol/api/workspaces.ts'
import type { Scope } from '../access/actor.ts'
import type { Db } from '../db/database.ts'
import { isRunInScope } from './run-in-scope.ts'

/** null: no such run. */
export const findWorkspaces = async (db: Db, scope: Scope, run: RunId): Promise<RunWorkspaces | null> => {
  if (!(await isRunInScope(db, scope, run))) return null
  const { rows } = await sql<RunWorkspaces['items'][number]>`
    with planned as materialized (
      select false as continued, plan from plans where run_id = ${run} and plan is not null
      union all select true, plan from continuations where run_id = ${run}
    ), handing as materialized (
      select p.continued, w ->> 'name' as workflow, j ->> 'key' as key,
        jsonb_path_exists(j, ${stepOf('persist')}) as persists, jsonb_path_exists(j, ${stepOf('attach')}) as attaches
      from planned p cross join lateral jsonb_array_elements(p.plan -> 'workflows') w
        cross join lateral jsonb_array_elements(w -> 'jobs') j
    )
    select j.id as job_id, h.persists, h.attaches, (
        select sum(o.size_bytes)::float8 from stored_objects o
        where o.run_id = ${run} and o.kind = 'workspace' and o.state = 'kept' and o.job_id = j.id and o.attempt_id = (
          select a.id from attempts a where a.job_id = j.id order by a.number desc limit 1)
      ) as size_bytes
    from jobs j join workflows w on w.id = j.workflow_id and w.run_id = ${run}
      join handing h on h.continued = w.continued and h.workflow = w.name and h.key = j.key
    where j.run_id = ${run} and (h.persists or h.attaches) order by j.number`.execute(db)
  return { items: [...rows] }
}

const stepOf = (kind: 'persist' | 'attach') =>
  // SAFE: one of two words that stand in this file.
  sql.raw(`'$.spec.steps[*] ? (@.kind == "${kind}")'`)
