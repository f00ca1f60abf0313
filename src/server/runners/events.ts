// What a runner reports while an attempt goes on: phases, steps, usage, egress, notes. Applied in the order of their
// numbers; a number that was applied before is skipped, so sending again is harmless.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { AttemptId, JobId, LeaseId, RunId, RunnerId } from '../../base/ids.ts'
import type { AttemptEvent } from '../../protocol/runner-wire.ts'
import type { Db } from '../db/database.ts'
import { jsonText } from '../db/json.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import { touchJob } from '../runs/change.ts'

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
    const { rows } = await sql<{ lastEvent: number }>`
      select last_event as "lastEvent" from attempts where id = ${attempt.id} and lease_id = ${key.lease} and status = 'running'
      for update`.execute(tx)
    const before = rows[0]?.lastEvent
    if (before === undefined) throw leaseLost()
    const news = events.filter((event) => event.seq > before).toSorted((a, b) => a.seq - b.seq)
    for (const event of news) await applyEvent(tx, attempt.id, event)
    const lastEvent = news.at(-1)?.seq ?? before
    await sql`update attempts set last_event = ${lastEvent} where id = ${attempt.id}`.execute(tx)
    return { lastEvent }
  })
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

const applyEvent = async (tx: Tx, attempt: AttemptId, event: AttemptEvent): Promise<void> => {
  switch (event.kind) {
    case 'phase':
      await sql`update attempts set phase = ${event.phase} where id = ${attempt}`.execute(tx)
      return
    case 'step-started':
      return startStep(tx, attempt, event)
    case 'step-finished':
      return finishStep(tx, attempt, event)
    case 'usage':
      await sql`update attempts set usage = ${JSON.stringify(event.usage)}::jsonb where id = ${attempt}`.execute(
        tx,
      )
      return
    case 'egress':
      await sql`
        insert into egress_records (attempt_id, seq, records)
        select ${attempt}, ${event.seq}, ${jsonText(event.records)}::jsonb
        where (select count(*) from egress_records where attempt_id = ${attempt}) < ${limits.egressRowsPerAttemptMax}`.execute(
        tx,
      )
      return
    case 'note':
      await addNote(tx, attempt, event.text)
  }
}

export const addNote = async (tx: Tx, attempt: AttemptId, text: string): Promise<void> => {
  await sql`
    update attempts set notes = array_append(notes, ${storable(text)})
    where id = ${attempt} and cardinality(notes) < ${limits.notesPerAttemptMax}`.execute(tx)
}

/** The runner's clock, held between the start of the attempt and now. */
const startStep = async (
  tx: Tx,
  attempt: AttemptId,
  event: Extract<AttemptEvent, { kind: 'step-started' }>,
): Promise<void> => {
  if (event.step >= limits.stepsPerAttemptMax) return
  await sql`
    insert into steps (attempt_id, index, name, type, status, started_at)
    select id, ${event.step}, ${storable(event.name)}, ${storable(event.type)}, 'running',
      least(greatest(to_timestamp(${event.atMs}::float8 / 1000), started_at), now())
    from attempts where id = ${attempt}
    on conflict do nothing`.execute(tx)
}

const finishStep = async (
  tx: Tx,
  attempt: AttemptId,
  event: Extract<AttemptEvent, { kind: 'step-finished' }>,
): Promise<void> => {
  const message = event.message === null ? null : storable(event.message)
  await sql`
    update steps set status = ${event.status}, exit_code = ${event.exitCode}, duration_ms = ${event.ms},
      leftovers = ${event.leftovers}, message = ${message}
    where attempt_id = ${attempt} and index = ${event.step}`.execute(tx)
}

/** PostgreSQL stores no NUL, JSON no lone surrogate; both can come from inside a sandbox. */
export const storable = (text: string): string =>
  text.slice(0, limits.textMax).toWellFormed().replaceAll('\0', '\u2400')
