// Writes what the rules decided: one statement for all rows of a run that change and for the notices about it. Each row is
// compared before it is set; the run is locked, so a row that differs means that somebody changed it without the lock.
import assert from 'node:assert'
import { type RawBuilder, sql } from 'kysely'
import type { JobId } from '../../base/ids.ts'
import { type Change, isFinal, type RunState } from '../../schedule/index.ts'
import { type Notice, noticeRows, sendSql, tellOnCommit } from '../db/notify.ts'
import { endUnless, isEnded, type Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import type { Happening } from '../webhooks/happenings.ts'
import { toldNotice, toldPart } from '../webhooks/outbox.ts'
import { refusedHeadline, refusedHeadlineSql } from './headline.ts'
import { areLocksMoved, lockNotice } from './lock-notice.ts'
import { leaseColumns, leaseValues, type NewLease, newAttempts } from './new-lease.ts'
import type { Placing } from './places.ts'
import { type PlannedRows, plannedParts } from './planned-rows.ts'
import { decidedByRun } from './planned-schedules.ts'
import { holdUntil, isHeld, stepOf, turnOf } from './queue-entry.ts'
import { runNotice } from './run-notice.ts'
import type { LockedRun } from './state.ts'

type Sql = RawBuilder<unknown>

export type ChangeContext = {
  readonly newId: NewId
  /** The rows of workflows and jobs that the changes bring; only a plan brings any. */
  readonly planned?: PlannedRows
  /** Recorded as who cancelled, or wanted it again. */
  readonly by?: string
  /** Takes places for attempts that would be queued, as far as a plan says their classes. */
  readonly placing?: Placing
  /** Of the jobs whose attempts begin. */
  readonly leases?: ReadonlyMap<JobId, NewLease>
  /** Called under the lock, before anything is written; false: nothing is to change. */
  readonly locked?: () => Promise<boolean>
  /** What targets of webhooks are told of; empty for nearly every project. */
  readonly happenings?: readonly Happening[]
  /** Go out with those about the run. */
  readonly notices?: readonly Notice[]
  /** For the row of the run in its new state; the one that is there stays. */
  readonly headline?: (state: RunState) => string | null
}

/** The attempt whose end is told together with what else its runner has to say. */
export type ToldEnd = {
  readonly job: JobId
  readonly number: number
  /**
   * Part `told` of the statement, with those after it: one row when it was written. `set` (`, column = value …`) and `where`
   * (a condition) are added to its own.
   */
  readonly parts: (end: {
    readonly set: RawBuilder<unknown>
    readonly where: RawBuilder<unknown>
  }) => RawBuilder<unknown>
}

type Of<K extends Change['kind']> = Extract<Change, { kind: K }>
const only = <K extends Change['kind']>(changes: readonly Change[], kind: K): readonly Of<K>[] =>
  changes.filter((change): change is Of<K> => change.kind === kind)

export const writeChanges = async (
  tx: Tx,
  { run, state, changes }: Changed,
  context: ChangeContext,
): Promise<void> => {
  const workflows = only(changes, 'workflow-added').map(({ workflow }) => workflow)
  const jobs = only(changes, 'job-added').map(({ job }) => job)
  const { planned } = context
  if (workflows.length > 0 || jobs.length > 0 || planned?.expanded.jobs.length === 0) {
    assert(planned, 'a plan brings its rows')
    const parts = plannedParts(run, planned, { workflows, jobs }, decidedByRun(run.id))
    await sql`with ${parts} select 1`.execute(tx)
  }
  const parts = partsOf({ run, state, changes }, context, null)
  const { rows } = await sql<{ written: number[]; notices: Notice[] }>`
    with ${partsSql(parts)}${outboxPart(run, context)}
    select ${written} as written, (${sentNotices(tx, noticesOf(run, changes, context))}) as notices`.execute(
    tx,
  )
  assert.deepEqual(
    rows[0]?.written,
    parts.map(({ count }) => count),
    'compare-and-set',
  )
  tellWritten(tx, rows[0]?.notices, context)
}

/**
 * The same for a run that was looked at without its lock (`loadedSql`), together with the end of an attempt that the changes
 * are about: one statement, which is a transaction by itself and holds the row of the run before it writes any other. It
 * writes all or nothing; false when somebody changed the run or the attempt since.
 */
export const writeUnlocked = async (
  tx: Tx,
  { run, state, changes }: Changed,
  context: ChangeContext,
  told: ToldEnd,
): Promise<boolean> => {
  assert(context.planned === undefined && context.placing === undefined, 'no plan ends without the lock')
  const own = only(changes, 'attempt').find(({ job, number }) => job === told.job && number === told.number)
  if (own?.to == null || !isFinal(own.to)) return false
  const parts = partsOf({ run, state, changes: changes.filter((change) => change !== own) }, context, own)
  const [ofRun, ...others] = parts
  const isWhole = sql`(select count(*) from told) = 1 and ${written} = ${parts.map(({ count }) => count)}::integer[]`
  try {
    const { rows } = await sql<{ notices: Notice[] }>`
      with ${ofRun.part}, ${told.parts({ set: sql`, status = ${own.to}, finished_at = now()`, where: sql`exists (select from run)` })},
        ${partsSql(others)}${outboxPart(run, context)}
      select (${sentNotices(tx, noticesOf(run, changes, context))}) as notices, ${endUnless(isWhole)}`.execute(
      tx,
    )
    tellWritten(tx, rows[0]?.notices, context)
    return true
  } catch (error) {
    if (isEnded(error)) return false
    throw error
  }
}

/** What the rules decided. */
export type Changed = {
  readonly run: LockedRun
  readonly state: RunState
  readonly changes: readonly Change[]
}

const outboxPart = (run: LockedRun, { happenings = [], newId }: ChangeContext) =>
  happenings.length === 0 ? sql`` : sql`, ${toldPart(run, happenings, newId)}`

const noticesOf = (
  run: LockedRun,
  changes: readonly Change[],
  { notices = [] }: ChangeContext,
): readonly Notice[] => [
  runNotice({ ...run, run: run.id }),
  ...(areLocksMoved(changes) ? [lockNotice(run.organisation)] : []),
  ...notices,
]

const tellWritten = (
  tx: Tx,
  sent: readonly Notice[] | null | undefined,
  { happenings = [] }: ChangeContext,
) => tellOnCommit(tx, [...(sent ?? []), ...(happenings.length === 0 ? [] : [toldNotice])])

/**
 * `own`: the change of an attempt that another part writes. Then nothing is locked yet, and all parts wait for that of the run:
 * whoever changes a run holds its row before any other.
 */
const partsOf = (
  { run, state, changes }: Changed,
  context: ChangeContext,
  own: Change | null,
): readonly [Part, Part, Part, Part, Part] => {
  const [afterRun, afterEnds] =
    own === null
      ? [sql``, sql`and (select count(*) from attempt) >= 0`]
      : [
          sql`and exists (select from run)`,
          sql`and exists (select from told) and (select count(*) from attempt) >= 0`,
        ]
  return [
    runPart(run, changes, {
      by: context.by ?? 'unknown',
      headline: context.headline?.(state) ?? refusedHeadline(state),
      isCompared: own !== null,
    }),
    attemptPart(changes, context, afterRun),
    addedPart(run, only(changes, 'attempt-added'), context, afterEnds),
    jobPart(run, own === null ? changes : [...changes, own], afterRun),
    workflowPart(changes, afterRun),
  ]
}

const partsSql = (parts: readonly Part[]) => sql.join(parts.map(({ part }) => part))
/** How many rows each of them wrote, in their order. */
const written = sql`array[(select count(*) from run), (select count(*) from attempt), (select count(*) from added),
      (select count(*) from job), (select count(*) from workflow)]::integer[]`

/**
 * A statement with the rows it changes, and how many these must be. The list of its rows says its length as a limit: of a list
 * PostgreSQL expects more rows than there are, and went through a table that nobody counted yet for one (decision 0077).
 */
type Part = { readonly part: RawBuilder<unknown>; readonly count: number }

/** Besides what is given: of every class that got work, and of every runner that is to stop something. Asked for `sent`, PostgreSQL sends each. */
const sentNotices = (tx: Tx, notices: readonly Notice[]) => sql`
  select json_agg(json_build_object('channel', channel, 'payload', payload)) from (
    select channel, payload, ${sendSql(tx, sql`channel`, sql`payload`)} as sent from (
      ${noticeRows(notices)}
      union all select distinct 'mayfly_queue', class from added where status = 'queued' and not held
      union all select distinct 'mayfly_limits', organisation_id from added where held
      union all select distinct 'mayfly_lease', runner_id from attempt where cancel) as due
  ) as notice where (sent is null) is not null`

const attemptPart = (changes: readonly Change[], { leases, by }: ChangeContext, after: Sql): Part => {
  const rows = [
    ...only(changes, 'attempt').map(({ job, number, from, to }) => ({
      job,
      number,
      from,
      to,
      cancel: false,
    })),
    ...only(changes, 'attempt-cancel-requested').map(({ job, number }) => ({
      ...{ job, number, from: 'running', to: null, cancel: true },
    })),
  ]
  const leaseOf = rows.map(({ job, to }) => (to === 'running' ? leases?.get(job) : undefined))
  const part = sql`attempt as (
    update attempts a set status = coalesce(c.next, a.status),
      started_at = case c.next when 'running' then now() when 'queued' then null else a.started_at end,
      finished_at = case when c.final then now() end,
      cancel_requested_by = case when c.cancel then ${by ?? 'unknown'} else a.cancel_requested_by end,
      lease_id = case when c.next in ('queued', 'running') then c.lease else a.lease_id end,
      runner_id = case when c.next in ('queued', 'running') then c.runner else a.runner_id end,
      session = case when c.next in ('queued', 'running') then c.session else a.session end,
      compiler = coalesce(c.compiler, a.compiler),
      deadline_at = case when c.next in ('queued', 'running') then now() + make_interval(secs => c.seconds) else a.deadline_at end
    from (select * from unnest(${rows.map((c) => c.job)}::text[], ${rows.map((c) => c.number)}::integer[],
      ${rows.map((c) => c.from)}::text[], ${rows.map((c) => c.to)}::text[],
      ${rows.map((c) => c.to !== null && isFinal(c.to))}::boolean[], ${rows.map((c) => c.cancel)}::boolean[],
      ${leaseOf.map((lease) => lease?.id ?? null)}::text[], ${leaseOf.map((lease) => lease?.runner ?? null)}::text[],
      ${leaseOf.map((lease) => lease?.session ?? null)}::bigint[],
      ${leaseOf.map((lease) => lease?.deadlineSeconds ?? null)}::float8[],
      ${leaseOf.map((lease) => lease?.compiler ?? null)}::text[])
      as u (job, number, previous, next, final, cancel, lease, runner, session, seconds, compiler) limit ${rows.length}) c
    where a.job_id = c.job and a.number = c.number and a.status = c.previous ${after}
    returning a.runner_id, c.cancel)`
  return { part, count: rows.length }
}

/** After those that end: a job has one live attempt at most, and a unique index says so. */
const addedPart = (
  run: LockedRun,
  changes: readonly Of<'attempt-added'>[],
  { newId, leases }: ChangeContext,
  after: Sql,
): Part => {
  const rows = changes.map((change) => ({
    ...{ ...change, id: newId('attempt') },
    lease: change.status === 'running' ? leases?.get(change.job) : undefined,
  }))
  const part = sql`added as (
    insert into attempts (id, organisation_id, project_id, run_id, job_id, number, cause, class, status, turn, held,
      ${leaseColumns})
    select a.id, j.organisation_id, j.project_id, j.run_id, j.id, a.number, a.cause, j.class, a.status, ${turn},
      a.status = 'queued' and ${isHeld({ kind: sql`j.kind`, limits: [sql`p.jobs_max`, sql`o.jobs_max`] })},
      ${leaseValues}
    from ${newAttempts(rows)} join jobs j on j.id = a.job
      join projects p on p.id = j.project_id join organisations o on o.id = j.organisation_id
    where j.run_id = ${run.id} ${after} order by j.number
    returning class, status, held, organisation_id)`
  return { part, count: rows.length }
}

const turn = turnOf({
  ...{ project: sql`j.project_id`, className: sql`j.class`, step: stepOf(sql`p.priority`) },
  nth: sql`(row_number() over (partition by j.class order by j.number) - 1)`,
})

/** A job of which only an attempt changed has the run's rev all the same. */
const jobPart = (run: LockedRun, changes: readonly Change[], after: Sql): Part => {
  const settled = only(changes, 'job')
  const written = new Set([
    ...settled.map(({ job }) => job),
    ...only(changes, 'job-added').map(({ job }) => job.id),
  ])
  const touched = changes.flatMap((change) =>
    'job' in change && typeof change.job === 'string' && !written.has(change.job) ? [change.job] : [],
  )
  const locks = new Map(only(changes, 'lock').map(({ job, to }) => [job, to]))
  const wanted = new Map(only(changes, 'job-wanted').map(({ job, by }) => [job, by]))
  const rows = [
    ...settled,
    ...[...new Set(touched)].map((job) => ({ job, from: null, to: null, skip: null, refused: undefined })),
  ]
  const part = sql`job as (
    update jobs j set status = coalesce(c.next, j.status), rev = ${run.rev},
      skip_reason = case when c.next is null then j.skip_reason else c.skip end,
      refused = case when c.next is null then j.refused else c.refused::jsonb end, wanted_by = coalesce(c.wanted, j.wanted_by),
      hold_until = case when c.next is null then j.hold_until
        else ${holdUntil({ status: sql`c.next`, project: sql`j.project_id` })} end,
      approvals_before = case when c.next = 'on_hold' then (select max(a.id) from approvals a where a.job_id = j.id)
        else j.approvals_before end,
      lock_state = coalesce(c.lock, j.lock_state),
      lock_asked_at = case c.lock when 'asked' then clock_timestamp() when 'free' then null else j.lock_asked_at end
    from (select * from unnest(${rows.map((c) => c.job)}::text[], ${rows.map((c) => c.from)}::text[],
      ${rows.map((c) => c.to)}::text[], ${rows.map((c) => c.skip)}::text[],
      ${rows.map((c) => locks.get(c.job) ?? null)}::text[], ${rows.map((c) => wanted.get(c.job) ?? null)}::text[],
      ${rows.map(({ refused }) => (refused === undefined ? null : JSON.stringify(refused)))}::text[])
      as u (id, previous, next, skip, lock, wanted, refused) limit ${rows.length}) c
    where j.id = c.id and (c.previous is null or j.status = c.previous) ${after}
    returning 1)`
  return { part, count: rows.length }
}

/** A statement changes a row once, so both kinds of change go together. */
const workflowPart = (changes: readonly Change[], after: Sql): Part => {
  const settled = only(changes, 'workflow')
  const left = new Map(only(changes, 'workflow-reruns').map((change) => [change.workflow, change.left]))
  const others = [...left.keys()].filter((id) => !settled.some(({ workflow }) => workflow === id))
  const rows = [...settled, ...others.map((workflow) => ({ workflow, from: null, to: null }))]
  const part = sql`workflow as (
    update workflows w set status = coalesce(c.next, w.status), reruns_left = coalesce(c.reruns, w.reruns_left)
    from (select * from unnest(${rows.map((c) => c.workflow)}::text[], ${rows.map((c) => c.from)}::text[],
      ${rows.map((c) => c.to)}::text[], ${rows.map((c) => left.get(c.workflow) ?? null)}::integer[])
      as u (id, previous, next, reruns) limit ${rows.length}) c
    where w.id = c.id and (c.previous is null or w.status = c.previous) ${after}
    returning 1)`
  return { part, count: rows.length }
}

/** `isCompared`: without its lock it must still have the rev it was seen with; the lock has counted already. */
const runPart = (
  run: LockedRun,
  changes: readonly Change[],
  {
    by,
    headline,
    isCompared,
  }: { readonly by: string; readonly headline: string | null; readonly isCompared: boolean },
): Part => {
  const [change] = only(changes, 'run')
  const { from, to } = change ?? { from: run.status, to: run.status }
  const cancel = only(changes, 'run-cancel-requested').length > 0
  const reopened = only(changes, 'run-reopened').length > 0
  const isChanged = isCompared || change !== undefined || cancel || headline !== null
  const words =
    to === 'skipped' ? sql`coalesce(${headline}, ${refusedHeadlineSql(run.id)})` : sql`${headline}`
  const part = sql`run as (
    update runs set status = ${to}, headline = ${reopened ? words : sql`coalesce(headline, ${words})`}, ${reopened ? afresh(by) : sql``}
      ${isCompared ? sql`rev = ${run.rev},` : sql``}
      cancelled_by = case when ${cancel} then ${by} when not ${reopened} then cancelled_by end,
      started_at = case when ${to} = 'running' then coalesce(started_at, now()) when not ${reopened} then started_at end,
      finished_at = case when ${isFinal(to)} then coalesce(finished_at, now()) end
    where ${isChanged} and id = ${run.id} and status = ${from} ${isCompared ? sql`and rev = ${run.rev - 1}` : sql``}
    returning 1)`
  return { part, count: isChanged ? 1 : 0 }
}

/** What was told of its end is not true any more, and its times count from now. */
const afresh = (by: string) =>
  sql`superseded_by = null, rerun_at = now(), rerun_by = ${by}, reruns = reruns + 1,`
