// Ends a run, or some of its jobs: what waits does not begin, what runs is told to stop.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { JobId, ProjectId, RunId, WorkflowId } from '../../base/ids.ts'
import { type Actor, actorId } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import { inScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { changeRun } from './change.ts'

/** false when there was nothing to cancel any more. */
export const cancelInTransaction = async (
  tx: Tx,
  newId: NewId,
  { run, by, jobs }: { readonly run: RunId; readonly by: string; readonly jobs?: readonly JobId[] },
): Promise<boolean> => {
  // Claims lock queued attempts before the run; taking them in the same order keeps clear of a deadlock.
  await sql`
    select 1 from attempts where run_id = ${run} and status = 'queued' and ${jobs === undefined ? sql`true` : sql`job_id = any(${jobs}::text[])`}
    order by queue_order for update`.execute(tx)
  const event =
    jobs === undefined ? ({ kind: 'cancel-requested' } as const) : ({ kind: 'cancel-jobs', jobs } as const)
  const changed = await changeRun(tx, run, [event], { newId, by })
  return changed !== null && changed.changes.length > 0
}

type Found = { readonly run: RunId; readonly project: ProjectId; readonly jobs: readonly JobId[] }

/** One job, or all of a workflow; what has ended stays. */
export const cancelJobs = async (
  { db, newId }: { readonly db: Db; readonly newId: NewId },
  actor: Actor,
  target: JobId | WorkflowId,
): Promise<RunId> => {
  const { rows } = await sql<Found>`
    select run_id as run, project_id as project, json_agg(id) as jobs from jobs
    where ${target} in (id, workflow_id) and ${inScope(actor.scope)} and run_id is not null
    group by run_id, project_id`.execute(db)
  if (rows[0] === undefined) throw fault('E_NOT_FOUND', { public: 'No such job or workflow' })
  const { run, project, jobs } = rows[0]
  await inTransaction(db, async (tx) => {
    if (await cancelInTransaction(tx, newId, { run, by: actorId(actor), jobs }))
      await writeAudit(tx, actor, { action: 'run.cancel', target, project, run, result: 'ok' })
  })
  return run
}
