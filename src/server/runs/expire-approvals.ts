// Jobs that have waited for a person as long as their project says: nobody answered, and that is an answer, too. It stands
// among the decisions; what needs the job follows as after a no.
import { sql } from 'kysely'
import type { JobId, OrganisationId, ProjectId, RunId } from '../../base/ids.ts'
import { writeAudit } from '../access/audit.ts'
import type { Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { changeRun } from './change.ts'

type Deps = { readonly db: Db; readonly newId: NewId }

/** As a condition on jobs, for the index of those that hold. */
export const isHoldOver = sql`status = 'on_hold' and hold_until <= now()`

type Due = {
  readonly job: JobId
  readonly run: RunId
  readonly project: ProjectId
  readonly organisation: OrganisationId
}

/** The rule stands in the settings of the project; this carries it out. */
const approvalExpiry = 'approval-expiry'

/** One pass; what is left is due at the next. One that cannot be carried out holds up no other; its fault is told when all had their turn. */
export const expireApprovals = async (deps: Deps): Promise<void> => {
  const faults: unknown[] = []
  const { rows } = await sql<Due>`
    select id as job, run_id as run, project_id as project, organisation_id as organisation from jobs where ${isHoldOver}
    order by hold_until limit ${limits.approvalsExpiredAtOnce}`.execute(deps.db)
  for (const due of rows) {
    await inTransaction(deps.db, (tx) => expire(tx, deps.newId, due)).catch((error) => faults.push(error))
  }
  if (faults.length > 0) throw faults[0]
}

/** Somebody may have answered meanwhile, or another server was first: then nothing changes. */
const expire = async (tx: Tx, newId: NewId, { job, run, project, organisation }: Due): Promise<void> => {
  const changed = await changeRun(tx, run, [{ kind: 'approval-expired', job }], { newId })
  if (changed === null || changed.changes.length === 0) return
  await sql`
    insert into approvals (job_id, decision, decided_by) values (${job}, 'expired', 'server')`.execute(tx)
  const who = { kind: 'service', name: approvalExpiry, organisation } as const
  await writeAudit(tx, who, { action: 'job.expire', target: job, project, run, result: 'ok' })
}
