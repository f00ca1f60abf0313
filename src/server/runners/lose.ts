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
import { headlineOf } from '../runs/headline.ts'

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
  const mark = (tx: Tx) => markLost(tx, row, { loss, beats: beats ?? null })
  const lost = await inTransaction(deps.db, (tx) =>
    row.run === null
      ? endOutsideRuns(tx, row, mark)
      : endInRun(tx, deps, { ...row, run: row.run }, { loss, mark }),
  )
  if (lost) deps.log.warn('lease lost', { attempt, lease: row.lease, reason: loss.code })
  return lost
}

const markLost = async (
  tx: Tx,
  row: Row,
  { loss, beats }: { readonly loss: Loss; readonly beats: number | null },
): Promise<boolean> => {
  const { rows } = await sql`
    with marked as (
      update attempts set failure_code = ${loss.code}, failure_message = ${loss.message}, log_complete = true
      where id = ${row.id} and lease_id = ${row.lease} and status = 'running'
        and (${beats}::integer is null or beats = ${beats}) returning id
    ), ended as (
      update steps s set status = 'cancelled' from marked m where s.attempt_id = m.id and s.status = 'running'
    ) select 1 from marked`.execute(tx)
  return rows.length === 1
}

type Mark = (tx: Tx) => Promise<boolean>

const endInRun = async (
  tx: Tx,
  { newId }: LoseDeps,
  { run, job, number, id }: Row & { readonly run: RunId },
  { loss, mark }: { readonly loss: Loss; readonly mark: Mark },
): Promise<boolean> => {
  const changed = await changeRun(tx, run, [{ kind: 'lost', job, number }], {
    newId,
    locked: () => mark(tx),
    notices: [{ channel: 'mayfly_log', payload: id }],
    headline: (state) => headlineOf(state, job, loss.message),
  })
  return changed !== null
}

const endOutsideRuns = async (tx: Tx, row: Row, mark: Mark): Promise<boolean> => {
  if (!(await mark(tx))) return false
  await sql`update attempts set status = 'errored', finished_at = now() where id = ${row.id}`.execute(tx)
  await sql`update jobs set status = 'errored' where id = ${row.job}`.execute(tx)
  await notify(tx, [{ channel: 'mayfly_log', payload: row.id }])
  return true
}
