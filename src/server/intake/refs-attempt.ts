// A built-in `refs` job outside of any run: contact with a source host, wanted by a person or by the interval of a project.
// The server opens no connection to a source host itself.
import { sql } from 'kysely'
import type { AttemptId, OrganisationId, ProjectId } from '../../base/ids.ts'
import { builtInClass } from '../../protocol/resource-class.ts'
import { notify } from '../db/notify.ts'
import type { Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'

/** `refs`: a person looks. `poll`: what changed becomes deliveries. */
export type RefsKey = 'refs' | 'poll'

export const queueRefs = async (
  tx: Tx,
  newId: NewId,
  of: { readonly organisation: OrganisationId; readonly project: ProjectId; readonly key: RefsKey },
): Promise<AttemptId> => {
  const [job, attempt] = [newId('job'), newId('attempt')]
  await sql`
    with job as (
      insert into jobs (id, organisation_id, project_id, number, key, name, kind, status, class)
      values (${job}, ${of.organisation}, ${of.project}, 0, ${of.key}, ${of.key}, 'refs', 'queued', ${builtInClass})
      returning *
    )
    insert into attempts (id, organisation_id, project_id, job_id, number, class, status)
    select ${attempt}, organisation_id, project_id, id, 1, class, 'queued' from job`.execute(tx)
  await notify(tx, [{ channel: 'mayfly_queue', payload: builtInClass }])
  return attempt
}
