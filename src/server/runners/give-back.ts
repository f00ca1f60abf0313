// Puts an attempt back into the queue whose runner never got the lease: the answer to its poll was lost. It is the same
// attempt at its old place. Once only: a runner that cannot begin what it gets would be asked without end, so the second
// time the lease expires like that of any runner that is silent.
import { sql } from 'kysely'
import type { AttemptId, JobId, LeaseId, RunId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Db } from '../db/database.ts'
import { type Notice, notify } from '../db/notify.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { changeRun } from '../runs/change.ts'
import { untouched } from './untouched.ts'

type Deps = { readonly db: Db; readonly newId: NewId; readonly log: Log }
type Granted = { readonly attempt: AttemptId; readonly lease: LeaseId }

/** Does nothing when anything was heard of it. */
export type GiveBack = (granted: Granted) => Promise<void>

export const createGiveBack = (deps: Deps): GiveBack => {
  const given = new Set<AttemptId>()
  return async (granted) => {
    if (given.has(granted.attempt)) return
    if (given.size >= limits.rememberedGiveBacksMax) given.clear()
    given.add(granted.attempt)
    const isBack = await inTransaction(deps.db, (tx) => requeue(tx, deps.newId, granted))
    if (isBack) deps.log.warn('lease given back: its runner never got it', granted)
  }
}

type Row = {
  readonly run: RunId | null
  readonly job: JobId
  readonly number: number
  readonly class: string
}

const requeue = async (tx: Tx, newId: NewId, { attempt, lease }: Granted): Promise<boolean> => {
  const read = async (lock: typeof noLock) =>
    (
      await sql<Row>`
        select run_id as run, job_id as job, number, class from attempts
        where id = ${attempt} and lease_id = ${lease} and status = 'running'
          and ${untouched} ${lock}`.execute(tx)
    ).rows[0]
  const row = await read(noLock)
  if (row === undefined) return false
  const notices: readonly Notice[] = [{ channel: 'mayfly_queue', payload: row.class }]
  if (row.run === null) return requeueOutsideRuns(tx, attempt, { lease, notices })
  const { run, job, number } = row
  // The run before the attempt, as every change of a run does.
  const locked = async () => (await read(rowLock)) !== undefined
  return (await changeRun(tx, run, [{ kind: 'released', job, number }], { newId, locked, notices })) !== null
}

const noLock = sql``
const rowLock = sql`for update`

const requeueOutsideRuns = async (
  tx: Tx,
  attempt: AttemptId,
  { lease, notices }: { readonly lease: LeaseId; readonly notices: readonly Notice[] },
): Promise<boolean> => {
  const { rows } = await sql`
    with back as (
      update attempts set status = 'queued', started_at = null, lease_id = null, runner_id = null, session = null,
        deadline_at = null
      where id = ${attempt} and lease_id = ${lease} and status = 'running'
        and ${untouched} returning job_id
    ), job as (update jobs set status = 'queued' from back where jobs.id = back.job_id)
    select 1 from back`.execute(tx)
  if (rows.length === 1) await notify(tx, notices)
  return rows.length === 1
}
