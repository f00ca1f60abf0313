// Reads what the rules look at from the tables, under the lock of the run: whoever changes a run holds its row.
import { sql } from 'kysely'
import type { JobId, OrganisationId, ProjectId, RunId, WorkflowId } from '../../base/ids.ts'
import type { AttemptState, JobState, RunState, Status } from '../../schedule/index.ts'
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

type JobRow = Omit<JobState, 'attempts' | 'needs'> & { readonly needs: JobNeeds }
type AttemptRow = AttemptState & { readonly job: JobId }

/** Two plain reads: gathering the attempts in SQL cost four times as much for a run of 400 jobs. */
const loadJobs = async (db: Db | Tx, run: RunId): Promise<readonly JobState[]> => {
  const jobs = await sql<JobRow>`
    select id, workflow_id as workflow, key, name, kind, needs, status, skip_reason as skip
    from jobs where run_id = ${run} order by number`.execute(db)
  const attempts = await sql<AttemptRow>`
    select job_id as job, number, status, cancel_requested_by is not null as "cancelRequested"
    from attempts where run_id = ${run}`.execute(db)
  const byJob = Map.groupBy(attempts.rows, (attempt) => attempt.job)
  return jobs.rows.map((job) => ({ ...job, attempts: inOrder(byJob.get(job.id) ?? []) }))
}

const inOrder = (attempts: readonly AttemptRow[]): readonly AttemptState[] =>
  attempts.toSorted((a, b) => a.number - b.number)
