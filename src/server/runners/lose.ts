// Ends attempts whose runner is gone: the lease expired, a newer session took over, or the deadline passed.
// What follows (the one retry, the needs of others) is the rules' business.
import { sql } from 'kysely'
import type { AttemptId, JobId, LeaseId, RunId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Db } from '../db/database.ts'
import { notify } from '../db/notify.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { changeRun } from '../runs/change.ts'
import { setHeadline } from '../runs/headline.ts'

export type LoseDeps = { readonly db: Db; readonly newId: NewId; readonly log: Log }
export type Loss = {
  readonly code: 'E_LEASE_LOST' | 'E_RUNNER_SESSION' | 'E_VAULT_UNAVAILABLE'
  readonly message: string
}

type Row = {
  readonly id: AttemptId
  readonly lease: LeaseId
  readonly run: RunId | null
  readonly job: JobId
  readonly number: number
}

/** `beats`: lose it only if it has not been renewed since. false when it was not running under a lease any more. */
export const loseAttempt = async (
  deps: LoseDeps,
  attempt: AttemptId,
  { loss, beats }: { readonly loss: Loss; readonly beats?: number },
): Promise<boolean> => {
  const { rows } = await sql<Row>`
    select id, lease_id as lease, run_id as run, job_id as job, number from attempts
    where id = ${attempt} and status = 'running'`.execute(deps.db)
  const row = rows[0]
  if (row === undefined) return false
  const lost = await inTransaction(deps.db, async (tx) => {
    // The run before the attempt, as every change of a run does.
    if (row.run !== null) await sql`select 1 from runs where id = ${row.run} for update`.execute(tx)
    if (!(await markLost(tx, row, { loss, beats: beats ?? null }))) return false
    if (row.run === null) await endOutsideRuns(tx, row)
    else {
      const events = [{ kind: 'lost' as const, job: row.job, number: row.number }]
      const changed = await changeRun(tx, row.run, events, { newId: deps.newId })
      if (changed !== null) await setHeadline(tx, changed, row.job, loss.message)
    }
    await notify(tx, [{ channel: 'mayfly_log', payload: row.id }])
    return true
  })
  if (lost) deps.log.warn('lease lost', { attempt, lease: row.lease, reason: loss.code })
  return lost
}

const markLost = async (
  tx: Tx,
  row: Row,
  { loss, beats }: { readonly loss: Loss; readonly beats: number | null },
): Promise<boolean> => {
  const marked = await sql`
    update attempts set failure_code = ${loss.code}, failure_message = ${loss.message}, log_complete = true
    where id = ${row.id} and lease_id = ${row.lease} and status = 'running'
      and (${beats}::integer is null or beats = ${beats})`.execute(tx)
  if (Number(marked.numAffectedRows) === 0) return false
  await endSteps(tx, row.id)
  return true
}

/** Steps that were under way ended with their sandbox. */
export const endSteps = async (tx: Tx, attempt: AttemptId): Promise<void> => {
  await sql`update steps set status = 'cancelled' where attempt_id = ${attempt} and status = 'running'`.execute(
    tx,
  )
}

const endOutsideRuns = async (tx: Tx, row: Row): Promise<void> => {
  await sql`update attempts set status = 'errored', finished_at = now() where id = ${row.id}`.execute(tx)
  await sql`update jobs set status = 'errored' where id = ${row.job}`.execute(tx)
}
