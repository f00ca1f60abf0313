// The plan of an attempt that goes on: told as soon as the compiler has answered, so that its jobs need not wait until the
// sandboxes of the plan are proven gone (docs/decisions/0015). The end of the attempt tells it again, and whoever comes
// second adds nothing.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { AttemptId, JobId, LeaseId, RunId } from '../../base/ids.ts'
import type { Plan } from '../../protocol/plan.ts'
import type { PlanResult } from '../../protocol/runner-wire.ts'
import type { Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { changeRun } from '../runs/change.ts'
import { type Places, withPlacing } from '../runs/places.ts'
import { isSender, type Sender } from './authenticate.ts'
import { type LeaseKey, leaseLost } from './events.ts'
import { type PlannedRun, plannedRunColumns, preparePlan, storePlan } from './finish-plan.ts'

type PlanAttempt = PlannedRun & {
  readonly id: AttemptId
  readonly job: JobId
  readonly run: RunId
  readonly number: number
}

/** 409 when the lease is not that of a running plan attempt; a plan that cannot be taken is refused and stays untold. */
export const takePlan = async (
  deps: { readonly db: Db; readonly newId: NewId; readonly places: Places },
  { sender, lease }: { readonly sender: Sender; readonly lease: LeaseId },
  result: PlanResult,
): Promise<void> => {
  const key = { lease, runner: sender.id }
  const found: { attempt?: PlanAttempt } = {}
  const find = async (given: Plan) => {
    found.attempt = await findPlanAttempt(deps.db, { sender, key }, given)
    return found.attempt
  }
  const plan = await preparePlan(deps, find, { outcome: 'passed', result })
  const { ready } = plan
  const { attempt } = found
  if (ready === undefined || attempt === undefined)
    throw fault('E_PROTOCOL', { public: plan.failure?.message ?? 'no plan' })
  const event = { kind: 'plan-made', job: attempt.job, number: attempt.number, ...ready.event } as const
  await withPlacing(deps.places, (placing) =>
    inTransaction(deps.db, (tx) =>
      changeRun(tx, attempt.run, [event], {
        ...{ newId: deps.newId, planned: ready, placing },
        locked: async () => {
          if (!(await storePlan(tx, attempt.run, plan, stillLeased(attempt.id, key)))) throw leaseLost()
          return true
        },
      }),
    ),
  )
}

/** With what its plan must be about. */
const findPlanAttempt = async (
  db: Db,
  { sender, key }: { readonly sender: Sender; readonly key: LeaseKey },
  plan: Plan,
): Promise<PlanAttempt> => {
  const { rows } = await sql<PlanAttempt>`
    select a.id, a.job_id as job, a.run_id as run, a.number, ${plannedRunColumns(plan)}
    from attempts a join jobs j on j.id = a.job_id join runs r on r.id = a.run_id
    where a.lease_id = ${key.lease} and a.runner_id = ${key.runner} and a.status = 'running' and j.kind = 'plan'
      and exists (select from runners where ${isSender(sender)})`.execute(db)
  if (rows[0] !== undefined) return rows[0]
  await sender.confirm()
  throw leaseLost()
}

const stillLeased = (id: AttemptId, { lease }: LeaseKey) =>
  sql`exists (select from attempts where id = ${id} and lease_id = ${lease} and status = 'running')`

/** Under the lock of the run, which every end of its attempts takes first. */
export const isStillLeased = async (tx: Tx, id: AttemptId, key: LeaseKey): Promise<boolean> => {
  const { rows } = await sql`select 1 where ${stillLeased(id, key)}`.execute(tx)
  return rows.length === 1
}
