// A person says yes or no to a job that waits for one. The decision is a row of its own, next to what follows from it; where the project asks for
// several people, nothing follows before the last of them.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { JobId, RunId } from '../../base/ids.ts'
import { type Actor, actorId } from '../access/actor.ts'
import { type AuditEntry, writeAudit } from '../access/audit.ts'
import { wantingOf } from '../contexts/of-jobs.ts'
import type { Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { type Approvable, findApprovable, refusedApproval } from './approval-rules.ts'
import { changeRun, touchJob } from './change.ts'

export type Decision = {
  readonly decision: 'approved' | 'rejected'
  readonly comment: string | null
}

type Deps = { readonly db: Db; readonly newId: NewId }
type Deciding = Decision &
  Pick<Approvable, 'run' | 'project'> & { readonly actor: Actor; readonly job: JobId }

export const decideApproval = async (
  deps: Deps,
  actor: Actor,
  job: JobId,
  decision: Decision,
): Promise<RunId> => {
  const { db } = deps
  const found = await findApprovable(db, actor, job)
  if (found === null) throw fault('E_NOT_FOUND', { public: 'No such job' })
  const { run, project } = found
  const deciding = { ...decision, run, project, actor, job }
  const refused = await inTransaction(db, (tx) =>
    decision.decision === 'approved' ? approve(tx, deps, deciding) : settle(tx, deps, deciding),
  )
  if (refused === null) return run
  const denied = refusedApproval(refused.shown)
  const { number: code } = denied.row
  await writeAudit(db, actor, { action: 'job.approve', target: job, project, run, result: 'denied', code })
  throw denied
}

/** Judged under the lock of the run: of two who approve at the same moment the second is counted with the first. */
const approve = async (tx: Tx, deps: Deps, deciding: Deciding): Promise<Approvable | null> => {
  const { run, job, actor } = deciding
  await touchJob(tx, run, job)
  const found = await findApprovable(tx, actor, job)
  if (found === null || !found.isHeld) throw waitsForNobody()
  if (found.refusal !== null) return found
  if (found.isEnough) return settle(tx, deps, deciding)
  await write(tx, deciding, { given: found.shown.given + 1, people: found.shown.people })
  return null
}

const settle = async (tx: Tx, { newId }: Deps, deciding: Deciding): Promise<null> => {
  const { run, job, decision, actor } = deciding
  const decided =
    decision === 'approved'
      ? ({ kind: decision, job, by: wantingOf(actor) } as const)
      : ({ kind: decision, job } as const)
  const changed = await changeRun(tx, run, [decided], { newId, by: actorId(actor) })
  if (changed === null || changed.changes.length === 0) throw waitsForNobody()
  await write(tx, deciding)
  return null
}

const waitsForNobody = () => fault('E_CONFLICT', { public: 'The job waits for nobody (any more)' })

const write = async (
  tx: Tx,
  { actor, run, project, job, decision, comment }: Deciding,
  facts: AuditEntry['facts'] = {},
): Promise<void> => {
  await sql`
    insert into approvals (job_id, decision, decided_by, comment)
    values (${job}, ${decision}, ${actorId(actor)}, ${comment})`.execute(tx)
  const action = decision === 'approved' ? 'job.approve' : 'job.reject'
  await writeAudit(tx, actor, { action, target: job, project, run, result: 'ok', facts })
}
