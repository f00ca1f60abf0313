// The only place that changes what a run is: lock the run, ask schedule/ what follows, write that by compare-and-set,
// tell who listens. All of it in the caller's transaction, next to what else belongs to the fact: one statement reads,
// one writes.
import { sql } from 'kysely'
import type { JobId, RunId } from '../../base/ids.ts'
import { decide, type RunEvent, type RunState } from '../../schedule/index.ts'
import { withContextsOfRun } from '../contexts/of-jobs.ts'
import { sendSql, tellOnCommit } from '../db/notify.ts'
import { onCommit, type Tx } from '../db/transaction.ts'
import { happeningsFor } from '../webhooks/outbox.ts'
import { type PlannedRows, placePlanned } from './planned-rows.ts'
import { runNotice } from './run-notice.ts'
import { type LoadedRun, type LockedRun, lockAndLoad, locked } from './state.ts'
import {
  type ChangeContext,
  type Changed,
  type ToldEnd,
  writeChanges,
  writeUnlocked,
} from './write-changes.ts'

export type { ChangeContext, ToldEnd }

/** null when the run is not there or `locked` said no. Without any change only the rev has moved. */
export const changeRun = async (
  tx: Tx,
  id: RunId,
  told: readonly RunEvent[],
  context: ChangeContext,
): Promise<Changed | null> => {
  const loaded = await lockAndLoad(tx, id, told)
  if (loaded === null || (await context.locked?.()) === false) return null
  const { run } = loaded
  const happened = (state: RunState) => happeningsFor(loaded.listening, loaded.state, state)
  const { planned, placing } = context
  const events = planned === undefined ? told : await judged(tx, id, planned, told)
  if (planned === undefined || placing === undefined || run.isLimited) {
    const { state, changes } = decide(loaded.state, ...events)
    await writeChanges(tx, { run, state, changes }, { ...context, happenings: happened(state) })
    return { run, state, changes }
  }
  const { state, changes, leases } = placePlanned(planned, placing, (claimed) =>
    decide(loaded.state, ...events, ...claimed),
  )
  await writeChanges(tx, { run, state, changes }, { ...context, leases, happenings: happened(state) })
  onCommit(tx, () => placing.give())
  return { run, state, changes }
}

/**
 * What follows from the end of an attempt of a job, for a run that was looked at without its lock: all of it in one statement.
 * false when somebody changed the run or the attempt since; then it is looked at again.
 */
export const changeUnlocked = async (
  tx: Tx,
  { run, state: before, listening }: LoadedRun,
  event: Extract<RunEvent, { kind: 'finished' }>,
  { told, ...context }: ChangeContext & { readonly told: Pick<ToldEnd, 'parts'> },
): Promise<boolean> => {
  const { state, changes } = decide(before, event)
  const happenings = happeningsFor(listening, before, state)
  return writeUnlocked(tx, { run, state, changes }, { ...context, happenings }, { ...event, ...told })
}

/** The jobs that a plan brings come with what their contexts say of them. */
const judged = async (
  tx: Tx,
  run: RunId,
  planned: PlannedRows,
  events: readonly RunEvent[],
): Promise<readonly RunEvent[]> => {
  const brought = await withContextsOfRun(tx, planned, run)
  if (brought === planned.event) return events
  return events.map((event) => ('workflows' in event ? { ...event, ...brought } : event))
}

/** For what people see of a job without the rules having a say: a phase, a step. */
export const touchJob = async (tx: Tx, run: RunId, job: JobId): Promise<void> => {
  const { rows } = await sql<LockedRun>`
    with ${locked(run)},
    touched as (update jobs set rev = locked.rev from locked where jobs.id = ${job})
    select *, ${sendSql(tx, sql`'mayfly_run'`, sql`concat_ws(' ', organisation, project, id, rev)`)} from locked`.execute(
    tx,
  )
  if (rows[0] !== undefined) tellOnCommit(tx, [runNotice({ ...rows[0], run })])
}
