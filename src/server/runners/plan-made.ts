// The plan of an attempt that goes on: told as soon as the compiler has answered, so that its jobs need not wait until the
// sandboxes of the plan are proven gone (docs/decisions/0015). The end of the attempt tells it again, and whoever comes
// second adds nothing.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { AttemptId, JobId, RunId } from '../../base/ids.ts'
import type { PlanResult } from '../../protocol/runner-wire.ts'
import type { Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { changeRun } from '../runs/change.ts'
import { type Places, withPlacing } from '../runs/places.ts'
import { type LeaseKey, leaseLost } from './events.ts'
import { preparePlan, storePlan } from './finish-plan.ts'

type PlanAttempt = {
  readonly id: AttemptId
  readonly job: JobId
  readonly run: RunId
  readonly number: number
}

/** 409 when the lease is not that of a running plan attempt; a plan that cannot be taken is refused and stays untold. */
export const takePlan = async (
  deps: { readonly db: Db; readonly newId: NewId; readonly places: Places },
  key: LeaseKey,
  result: PlanResult,
): Promise<void> => {
  const attempt = await findPlanAttempt(deps.db, key)
  const plan = await preparePlan(deps, attempt.run, { outcome: 'passed', result })
  const { ready } = plan
  if (ready === undefined) throw fault('E_PROTOCOL', { public: plan.failure?.message ?? 'no plan' })
  const event = { kind: 'plan-made', job: attempt.job, number: attempt.number, ...ready.event } as const
  await withPlacing(deps.places, (placing) =>
    inTransaction(deps.db, (tx) =>
      changeRun(tx, attempt.run, [event], {
        ...{ newId: deps.newId, planned: ready, placing },
        locked: async () => {
          if (!(await isStillLeased(tx, attempt.id, key))) throw leaseLost()
          await storePlan(tx, attempt.run, plan)
          return true
        },
      }),
    ),
  )
}

const findPlanAttempt = async (db: Db, { lease, runner }: LeaseKey): Promise<PlanAttempt> => {
  const { rows } = await sql<PlanAttempt>`
    select a.id, a.job_id as job, a.run_id as run, a.number from attempts a join jobs j on j.id = a.job_id
    where a.lease_id = ${lease} and a.runner_id = ${runner} and a.status = 'running' and j.kind = 'plan'
      and a.run_id is not null`.execute(db)
  if (rows[0] === undefined) throw leaseLost()
  return rows[0]
}

/** Under the lock of the run, which every end of its attempts takes first. */
export const isStillLeased = async (tx: Tx, id: AttemptId, { lease }: LeaseKey): Promise<boolean> => {
  const { rows } = await sql`
    select 1 from attempts where id = ${id} and lease_id = ${lease} and status = 'running'`.execute(tx)
  return rows.length === 1
}
