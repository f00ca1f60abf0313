// What a runner reports while an attempt goes on: phases, steps, usage, egress, notes. Applied in the order of their
// numbers; a number that was applied before is skipped, so sending again is harmless.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { AttemptId, JobId, LeaseId, RunId, RunnerId } from '../../base/ids.ts'
import type { AttemptEvent } from '../../protocol/runner-wire.ts'
import type { Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { touchJob } from '../runs/change.ts'
import { foldEvents, withNotes, writeNews } from './news.ts'

export type LeaseKey = { readonly lease: LeaseId; readonly runner: RunnerId }
export type LeasedAttempt = {
  readonly id: AttemptId
  readonly job: JobId
  readonly run: RunId | null
  readonly number: number
}

/** Returns the number of the last event that is applied. */
export const applyEvents = async (
  db: Db,
  key: LeaseKey,
  events: readonly AttemptEvent[],
): Promise<{ readonly lastEvent: number }> => {
  const attempt = await getLeased(db, key)
  const isSeen = events.some((event) => event.kind !== 'usage' && event.kind !== 'egress')
  return inTransaction(db, async (tx) => {
    // The run before the attempt, as every change of a run does.
    if (attempt.run !== null && isSeen) await touchJob(tx, attempt.run, attempt.job)
    const news = foldEvents(events, await lockLastEvent(tx, attempt.id, key))
    await writeNews(tx, attempt.id, news, {
      where: sql`lease_id = ${key.lease}`,
      set: sql`phase = coalesce(${news.phase}, phase), ${withNotes(news.notes)}`,
    })
    return { lastEvent: news.lastEvent }
  })
}

const lockLastEvent = async (tx: Tx, id: AttemptId, { lease }: LeaseKey): Promise<number> => {
  const { rows } = await sql<{ lastEvent: number }>`
    select last_event as "lastEvent" from attempts where id = ${id} and lease_id = ${lease} and status = 'running'
    for update`.execute(tx)
  if (rows[0] === undefined) throw leaseLost()
  return rows[0].lastEvent
}

/** The running attempt of this runner's lease; 409 otherwise, and the runner destroys its sandbox. */
export const getLeased = async (db: Db, { lease, runner }: LeaseKey): Promise<LeasedAttempt> => {
  const { rows } = await sql<LeasedAttempt>`
    select id, job_id as job, run_id as run, number from attempts
    where lease_id = ${lease} and runner_id = ${runner} and status = 'running'`.execute(db)
  if (rows[0] === undefined) throw leaseLost()
  return rows[0]
}

export const leaseLost = () => fault('E_LEASE_LOST')
