// Reads what the rules look at from the tables, under the lock of the run: whoever changes a run holds its row. Only as
// much as the events can change is read: what is left of a big run is one row for each status in a workflow.
import assert from 'node:assert'
import { type RawBuilder, sql } from 'kysely'
import type { JobId, OrganisationId, ProjectId, RunId } from '../../base/ids.ts'
import type { JobState, LockState, RunEvent, RunState, Status } from '../../schedule/index.ts'
import { contextsOfJob, contextsSql, type SeenContexts, wantingSql } from '../contexts/of-jobs.ts'
import type { Tx } from '../db/transaction.ts'
import { type Listening, wantedSql } from '../webhooks/outbox.ts'

type Sql = RawBuilder<unknown>

export type LockedRun = {
  readonly id: RunId
  readonly organisation: OrganisationId
  readonly project: ProjectId
  /** Already that of the transaction under way. */
  readonly rev: number
  readonly status: Status
  readonly cancelledBy: string | null
  /** Its project or organisation limits how many jobs run at once. */
  readonly isLimited: boolean
  /** One of its jobs has run already. */
  readonly hasStarted: boolean
}

/** Locks the run and counts this transaction; no row when it is not there. */
export const locked = (run: RunId) => sql`locked as (
  update runs set rev = rev + 1 where id = ${run}
  returning id, organisation_id as organisation, project_id as project, rev, status, cancelled_by as "cancelledBy",
    started_at is not null as "hasStarted",
    (select coalesce(p.jobs_max, o.jobs_max) is not null from projects p join organisations o on o.id = p.organisation_id
      where p.id = project_id) as "isLimited")`

export type LoadedRun = {
  readonly run: LockedRun
  readonly state: RunState
  readonly listening: Listening
}

/**
 * Both in one statement. It sees the tables as they were when it began; when somebody else held the lock then, and so
 * the rev has moved by more than our own count, it is asked again, now that nobody can change anything.
 */
export const lockAndLoad = async (
  tx: Tx,
  id: RunId,
  events: readonly RunEvent[],
): Promise<LoadedRun | null> => {
  const [run, scope] = [sql`${id}`, scopeOf(events)]
  const { rows } = await sql<LockedRun & Seen & Listening>`
    with ${locked(id)}, ${partsOf(run, scope)}
    select locked.*, ${wantedSql(sql`locked.project`)} as wanted, ${seen(run)} from locked`.execute(tx)
  const [row] = rows
  if (row === undefined) return null
  if (row.seenRev === row.rev - 1) return { run: row, state: stateOf(row, row), listening: row }
  const again = await sql<Seen>`with ${partsOf(run, scope)} select ${seen(run)}`.execute(tx)
  assert(again.rows[0], 'a statement without a table has a row')
  return { run: row, state: stateOf(row, again.rows[0]), listening: row }
}

/**
 * The same without the lock, as parts and one value `loaded` of a statement that finds out itself which run it is and which of
 * its jobs something happened to (SQL expressions). Whoever writes what follows compares the rev (write-changes.ts).
 */
export const loadedSql = ({ run, job }: { readonly run: Sql; readonly job: Sql }) => ({
  parts: partsOf(run, { jobs: sql`array[${job}]`, waiting: true, all: false }),
  loaded: sql`(
    select row_to_json(one) from (
      select r.id, r.organisation_id as organisation, r.project_id as project, r.rev + 1 as rev, r.status,
        r.cancelled_by as "cancelledBy", r.started_at is not null as "hasStarted",
        coalesce(p.jobs_max, o.jobs_max) is not null as "isLimited", ${wantedSql(sql`r.project_id`)} as wanted, ${seen(run)}
      from runs r join projects p on p.id = r.project_id join organisations o on o.id = r.organisation_id
      where r.id = ${run}) one)`,
})

/** What `loadedSql` answers. */
export type LoadedJson = LockedRun & Listening & Seen

export const loadedFrom = (row: LoadedJson): LoadedRun => ({
  run: row,
  state: stateOf(row, row),
  listening: row,
})

/**
 * `waiting`: what happens may let jobs begin, so those that wait are read, with what they need; and with them those that
 * hold locks, which they may let go, and workflows that are rerun by themselves.
 */
type Scope = { readonly jobs: Sql; readonly waiting: boolean; readonly all: boolean }

const scopeOf = (events: readonly RunEvent[]): Scope => ({
  jobs: sql`${events.flatMap(jobsOf)}::text[]`,
  waiting: events.some(({ kind }) => kind !== 'claimed'),
  all: events.some(({ kind }) => kind === 'cancel-requested' || kind === 'rerun'),
})

const jobsOf = (event: RunEvent): readonly JobId[] => {
  if (event.kind === 'cancel-jobs' || event.kind === 'lock-granted' || event.kind === 'lock-refused')
    return event.jobs
  return 'job' in event ? [event.job] : []
}

type Seen = {
  readonly seenRev: number
  readonly workflows: RunState['workflows'] | null
  readonly jobs:
    | readonly (Omit<JobState, 'lock' | 'contexts'> & {
        readonly lock: LockState | null
        readonly contexts: SeenContexts | null
      })[]
    | null
  readonly others: RunState['others'] | null
}

const stateOf = ({ status, cancelledBy }: LockedRun, { workflows, jobs, others }: Seen): RunState => ({
  status,
  cancelRequested: cancelledBy !== null,
  workflows: workflows ?? [],
  jobs: (jobs ?? []).map(({ lock, contexts, ...job }) => ({
    ...job,
    ...(lock === null ? {} : { lock }),
    ...(contexts === null ? {} : { contexts: contextsOfJob(contexts) }),
  })),
  others: others ?? [],
})

const partsOf = (run: Sql, { jobs, waiting, all }: Scope) => sql`
  needed as materialized (
    select distinct w.workflow_id, n ->> 'key' as key from jobs w cross join lateral jsonb_array_elements(w.needs) n
    where ${waiting} and w.run_id = ${run} and w.status = 'waiting'
  ), part as materialized (
    select id, workflow_id, number, key, name, kind, needs, status, skip_reason, lock_name, lock_state,
      project_id, contexts, wanted_by, ${all} or id = any(${jobs}) or ${waiting} and (
        status = 'waiting' or lock_name is not null or (workflow_id, key) in (select workflow_id, key from needed)
        or workflow_id in (select id from workflows where run_id = ${run} and reruns_left > 0)) as whole
    from jobs where run_id = ${run}
  )`

const seen = (run: Sql) => sql`
  (select rev from runs where id = ${run}) as "seenRev",
  (select json_agg(json_build_object('id', id, 'status', status, 'rerunsLeft', reruns_left,
      'isContinued', continued) order by position)
    from workflows where run_id = ${run}) as workflows,
  (select json_agg(json_build_object('id', id, 'workflow', workflow_id, 'key', key, 'name', name, 'kind', kind,
      'needs', needs, 'status', status, 'skip', skip_reason,
      'lock', case when lock_name is not null then json_build_object('name', lock_name, 'state', lock_state) end,
      'contexts', case when part.contexts is not null then (
        select ${contextsSql({
          project: sql`part.project_id`,
          ref: sql`r.ref`,
          names: sql`part.contexts`,
          by: wantingSql(sql`part.wanted_by`, 'r'),
        })} from runs r where r.id = ${run}) end,
      'attempts', coalesce((
        select json_agg(json_build_object('number', a.number, 'cause', a.cause, 'status', a.status,
          'cancelRequested', a.cancel_requested_by is not null) order by a.number)
        from attempts a where a.job_id = part.id), '[]'::json)) order by number)
    from part where whole) as jobs,
  (select json_agg(json_build_object('workflow', workflow_id, 'status', status, 'skip', skip_reason))
    from (select distinct workflow_id, status, skip_reason from part where not whole) o) as others`
