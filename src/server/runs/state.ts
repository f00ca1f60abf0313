// Reads what the rules look at from the tables, under the lock of the run: whoever changes a run holds its row.
import { sql } from 'kysely'
import type { JobId, OrganisationId, ProjectId, RunId, WorkflowId } from '../../base/ids.ts'
import type { AttemptStatus, JobState, RunState, SkipReason, Status } from '../../schedule/index.ts'
import type { Db } from '../db/database.ts'
import type { JobNeeds } from '../db/schema.ts'
import type { Tx } from '../db/transaction.ts'

export type LockedRun = {
  readonly id: RunId
  readonly organisation: OrganisationId
  readonly project: ProjectId
  /** Already that of the transaction under way. */
  readonly rev: number
  readonly status: Status
  readonly cancelledBy: string | null
}

/** Locks the run and counts this transaction; null when it is not there. */
export const lockRun = async (tx: Tx, run: RunId): Promise<LockedRun | null> => {
  const { rows } = await sql<LockedRun>`
    update runs set rev = rev + 1 where id = ${run}
    returning id, organisation_id as organisation, project_id as project, rev, status, cancelled_by as "cancelledBy"`.execute(
    tx,
  )
  return rows[0] ?? null
}

export const loadState = async (
  db: Db | Tx,
  run: { readonly id: RunId; readonly status: Status; readonly cancelledBy: string | null },
): Promise<RunState> => ({
  status: run.status,
  cancelRequested: run.cancelledBy !== null,
  workflows: await loadWorkflows(db, run.id),
  jobs: await loadJobs(db, run.id),
})

const loadWorkflows = async (db: Db | Tx, run: RunId): Promise<RunState['workflows']> => {
  const { rows } = await sql<{ id: WorkflowId; status: Status }>`
    select id, status from workflows where run_id = ${run} order by position`.execute(db)
  return rows
}

type AttemptRow = readonly [number: number, status: AttemptStatus, cancel: boolean]
type JobRow = {
  id: JobId
  workflow: WorkflowId | null
  key: string
  name: string
  kind: JobState['kind']
  needs: JobNeeds
  status: Status
  skip: SkipReason | null
  attempts: readonly AttemptRow[]
}

const loadJobs = async (db: Db | Tx, run: RunId): Promise<readonly JobState[]> => {
  const { rows } = await sql<JobRow>`
    select j.id, j.workflow_id as workflow, j.key, j.name, j.kind, j.needs, j.status, j.skip_reason as skip,
      coalesce(a.list, '[]') as attempts
    from jobs j left join (
      select job_id, json_agg(json_build_array(number, status, cancel_requested_by is not null) order by number) as list
      from attempts where run_id = ${run} group by job_id) a on a.job_id = j.id
    where j.run_id = ${run} order by j.number`.execute(db)
  return rows.map((row) => ({
    ...row,
    attempts: row.attempts.map(([number, status, cancelRequested]) => ({ number, status, cancelRequested })),
  }))
}
