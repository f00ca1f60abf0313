// The only place that changes what a run is: lock the run, ask schedule/ what follows, write that by compare-and-set,
// tell who listens. All of it in the caller's transaction, next to what else belongs to the fact.
import assert from 'node:assert'
import { sql } from 'kysely'
import type { JobId, RunId } from '../../base/ids.ts'
import { type Change, decide, isFinal, type RunEvent, type RunState } from '../../schedule/index.ts'
import { type Notice, notify } from '../db/notify.ts'
import type { Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { type LockedRun, loadState, lockRun } from './state.ts'

export type ChangeContext = {
  readonly newId: NewId
  /** Writes the rows of workflows and jobs that the changes bring; only a plan brings any. */
  readonly insertPlanned?: (tx: Tx, run: LockedRun, added: AddedByPlan) => Promise<void>
  /** Recorded as who cancelled. */
  readonly by?: string
  /** Called under the lock, before anything is read; false: nothing is to change. */
  readonly locked?: () => Promise<boolean>
  /** Go out with those about the run. */
  readonly notices?: readonly Notice[]
}

type Of<K extends Change['kind']> = Extract<Change, { kind: K }>
export type AddedByPlan = {
  readonly workflows: readonly Of<'workflow-added'>[]
  readonly jobs: readonly Of<'job-added'>[]
}
export type ChangedRun = {
  readonly run: LockedRun
  readonly state: RunState
  readonly changes: readonly Change[]
}

/** null when the run is not there or `locked` said no. Without any change only the rev has moved. */
export const changeRun = async (
  tx: Tx,
  id: RunId,
  events: readonly RunEvent[],
  context: ChangeContext,
): Promise<ChangedRun | null> => {
  const run = await lockRun(tx, id)
  if (run === null || (await context.locked?.()) === false) return null
  const { state, changes } = decide(await loadState(tx, run), ...events)
  await writeChanges(tx, run, changes, context)
  return { run, state, changes }
}

/** For what people see of a job without the rules having a say: a phase, a step. */
export const touchJob = async (tx: Tx, run: RunId, job: JobId): Promise<void> => {
  const locked = await lockRun(tx, run)
  if (locked === null) return
  await sql`update jobs set rev = ${locked.rev} where id = ${job}`.execute(tx)
  await notify(tx, [runNotice(locked)])
}

export const runNotice = (run: Pick<LockedRun, 'organisation' | 'project' | 'id' | 'rev'>): Notice => ({
  channel: 'mayfly_run',
  payload: [run.organisation, run.project, run.id, run.rev].join(' '),
})

const only = <K extends Change['kind']>(changes: readonly Change[], kind: K): readonly Of<K>[] =>
  changes.filter((change): change is Of<K> => change.kind === kind)

const writeChanges = async (
  tx: Tx,
  run: LockedRun,
  changes: readonly Change[],
  context: ChangeContext,
): Promise<void> => {
  const added: AddedByPlan = { workflows: only(changes, 'workflow-added'), jobs: only(changes, 'job-added') }
  if (added.workflows.length > 0 || added.jobs.length > 0) {
    assert(context.insertPlanned, 'a plan brings its rows')
    await context.insertPlanned(tx, run, added)
  }
  if (only(changes, 'run-cancel-requested').length > 0) await writeCancel(tx, run, context.by ?? 'unknown')
  for (const change of only(changes, 'run')) await writeRun(tx, run, change)
  await writeWorkflows(tx, only(changes, 'workflow'))
  await writeJobs(tx, run, only(changes, 'job'))
  await touchJobs(tx, run, changes)
  // Ends before begins: a job has one live attempt at most, and a unique index says so.
  await writeAttempts(tx, run, only(changes, 'attempt'))
  const classes = await addAttempts(tx, run, only(changes, 'attempt-added'), context.newId)
  const runners = await cancelAttempts(tx, only(changes, 'attempt-cancel-requested'), context.by ?? 'unknown')
  await notify(tx, [
    runNotice(run),
    ...classes.map((payload): Notice => ({ channel: 'mayfly_queue', payload })),
    ...runners.map((payload): Notice => ({ channel: 'mayfly_lease', payload })),
    ...(context.notices ?? []),
  ])
}

const writeCancel = (tx: Tx, run: LockedRun, by: string) =>
  sql`update runs set cancelled_by = ${by} where id = ${run.id}`.execute(tx)

const writeRun = async (tx: Tx, run: LockedRun, { from, to }: Of<'run'>): Promise<void> => {
  const result = await sql`
    update runs set status = ${to},
      started_at = case when ${to} = 'running' then coalesce(started_at, now()) else started_at end,
      finished_at = case when ${isFinal(to)} then now() end
    where id = ${run.id} and status = ${from}`.execute(tx)
  expectRows(result, 1)
}

const writeWorkflows = async (tx: Tx, changes: readonly Of<'workflow'>[]): Promise<void> => {
  if (changes.length === 0) return
  const result = await sql`
    update workflows w set status = c.next
    from unnest(${changes.map((c) => c.workflow)}::text[], ${changes.map((c) => c.from)}::text[],
      ${changes.map((c) => c.to)}::text[]) as c (id, previous, next)
    where w.id = c.id and w.status = c.previous`.execute(tx)
  expectRows(result, changes.length)
}

const writeJobs = async (tx: Tx, run: LockedRun, changes: readonly Of<'job'>[]): Promise<void> => {
  if (changes.length === 0) return
  const result = await sql`
    update jobs j set status = c.next, skip_reason = c.skip, rev = ${run.rev}
    from unnest(${changes.map((c) => c.job)}::text[], ${changes.map((c) => c.from)}::text[],
      ${changes.map((c) => c.to)}::text[], ${changes.map((c) => c.skip)}::text[]) as c (id, previous, next, skip)
    where j.id = c.id and j.status = c.previous`.execute(tx)
  expectRows(result, changes.length)
}

/** A job of which only an attempt changed has the run's rev all the same. */
const touchJobs = async (tx: Tx, run: LockedRun, changes: readonly Change[]): Promise<void> => {
  const written = new Set([
    ...only(changes, 'job').map((change) => change.job),
    ...only(changes, 'job-added').map((change) => change.job.id),
  ])
  const touched = changes.flatMap((change) =>
    'job' in change && typeof change.job === 'string' && !written.has(change.job) ? [change.job] : [],
  )
  if (touched.length > 0)
    await sql`update jobs set rev = ${run.rev} where id = any(${touched}::text[])`.execute(tx)
}

const writeAttempts = async (tx: Tx, run: LockedRun, changes: readonly Of<'attempt'>[]): Promise<void> => {
  if (changes.length === 0) return
  const result = await sql`
    update attempts a set status = c.next,
      started_at = case when c.next = 'running' then now() else a.started_at end,
      finished_at = case when c.final then now() end
    from unnest(${changes.map((c) => c.job)}::text[], ${changes.map((c) => c.number)}::integer[],
      ${changes.map((c) => c.from)}::text[], ${changes.map((c) => c.to)}::text[],
      ${changes.map((c) => isFinal(c.to))}::boolean[]) as c (job, number, previous, next, final)
    where a.run_id = ${run.id} and a.job_id = c.job and a.number = c.number and a.status = c.previous`.execute(
    tx,
  )
  expectRows(result, changes.length)
}

/** Returns the classes that got work, each once. */
const addAttempts = async (
  tx: Tx,
  run: LockedRun,
  changes: readonly Of<'attempt-added'>[],
  newId: NewId,
): Promise<readonly string[]> => {
  if (changes.length === 0) return []
  const { rows } = await sql<{ class: string }>`
    insert into attempts (id, organisation_id, project_id, run_id, job_id, number, class, status)
    select c.id, j.organisation_id, j.project_id, j.run_id, j.id, c.number, j.class, 'queued'
    from unnest(${changes.map(() => newId('attempt'))}::text[], ${changes.map((c) => c.job)}::text[],
      ${changes.map((c) => c.number)}::integer[]) as c (id, job, number) join jobs j on j.id = c.job
    where j.run_id = ${run.id} order by j.number
    returning class`.execute(tx)
  assert.equal(rows.length, changes.length, 'every added attempt has its job')
  return [...new Set(rows.map((row) => row.class))]
}

/** Returns the runners that hold the attempts, each once. */
const cancelAttempts = async (
  tx: Tx,
  changes: readonly Of<'attempt-cancel-requested'>[],
  by: string,
): Promise<readonly string[]> => {
  if (changes.length === 0) return []
  const { rows } = await sql<{ runner_id: string }>`
    update attempts a set cancel_requested_by = ${by}
    from unnest(${changes.map((c) => c.job)}::text[], ${changes.map((c) => c.number)}::integer[]) as c (job, number)
    where a.job_id = c.job and a.number = c.number and a.status = 'running'
    returning a.runner_id`.execute(tx)
  return [...new Set(rows.map((row) => row.runner_id))]
}

/** The run is locked, so another count means that somebody changed its rows without the lock: a defect. */
const expectRows = (result: { readonly numAffectedRows?: bigint }, expected: number): void =>
  assert.equal(Number(result.numAffectedRows ?? 0n), expected, 'compare-and-set')
