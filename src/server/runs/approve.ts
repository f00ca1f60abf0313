// A person says yes or no to a job that waits for one. The decision is a row of its own, next to what follows from it.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { JobId, ProjectId, RunId } from '../../base/ids.ts'
import { type Actor, actorId } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import { inScope } from '../access/in-scope.ts'
import { wantingOf } from '../contexts/of-jobs.ts'
import type { Db } from '../db/database.ts'
import { inTransaction } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { changeRun } from './change.ts'

export type Decision = {
  readonly decision: 'approved' | 'rejected'
  readonly comment: string | null
}

type Found = { readonly run: RunId; readonly project: ProjectId }

export const decideApproval = async (
  { db, newId }: { readonly db: Db; readonly newId: NewId },
  actor: Actor,
  job: JobId,
  { decision, comment }: Decision,
): Promise<RunId> => {
  const { rows } = await sql<Found>`
    select run_id as run, project_id as project from jobs
    where id = ${job} and ${inScope(actor.scope)} and run_id is not null`.execute(db)
  if (rows[0] === undefined) throw fault('E_NOT_FOUND', { public: 'No such job' })
  const { run, project } = rows[0]
  const by = actorId(actor)
  const decided =
    decision === 'approved'
      ? ({ kind: decision, job, by: wantingOf(actor) } as const)
      : ({ kind: decision, job } as const)
  await inTransaction(db, async (tx) => {
    const changed = await changeRun(tx, run, [decided], { newId, by })
    if (changed === null || changed.changes.length === 0)
      throw fault('E_CONFLICT', { public: 'The job waits for nobody (any more)' })
    await sql`
      insert into approvals (job_id, decision, decided_by, comment)
      values (${job}, ${decision}, ${by}, ${comment})`.execute(tx)
    const action = decision === 'approved' ? 'job.approve' : 'job.reject'
    await writeAudit(tx, actor, { action, target: job, project, run, result: 'ok' })
  })
  return run
}
