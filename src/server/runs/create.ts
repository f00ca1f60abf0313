// A run begins: run, built-in plan job and its first attempt, with the project's next number, in the caller's
// transaction. Callers are intake/ (with the delivery) and startRun.
import { sql } from 'kysely'
import type { DeliveryId, OrganisationId, ProjectId, RunId } from '../../base/ids.ts'
import type { RunEvent } from '../../protocol/plan.ts'
import { notify } from '../db/notify.ts'
import type { Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { builtInClass } from './resource-class.ts'
import { runNotice } from './run-notice.ts'

export type NewRun = {
  /** Given when something else names the run before it exists. */
  readonly id?: RunId
  readonly organisation: OrganisationId
  readonly project: ProjectId
  readonly event: RunEvent
  readonly delivery: DeliveryId | null
  /** Id of the actor, or `hook`. */
  readonly startedBy: string
}

export const insertRun = async (tx: Tx, newId: NewId, run: NewRun): Promise<RunId> => {
  const id = run.id ?? newId('run')
  const job = newId('job')
  const { event } = run
  await sql`
    with project as (
      update projects set next_run_number = next_run_number + 1
      where id = ${run.project} and organisation_id = ${run.organisation}
      returning id, organisation_id, next_run_number - 1 as number
    ), new_run as (
      insert into runs (id, organisation_id, project_id, number, status, event_kind, ref, commit, branch, tag,
        delivery_id, started_by)
      select ${id}, organisation_id, id, number, 'queued', ${event.kind}, ${event.ref}, ${event.commit}, ${event.branch},
        ${event.tag}, ${run.delivery}, ${run.startedBy} from project
      returning id, organisation_id, project_id
    ), new_job as (
      insert into jobs (id, organisation_id, project_id, run_id, number, key, name, kind, status, class)
      select ${job}, organisation_id, project_id, id, 0, 'plan', 'plan', 'plan', 'queued', ${builtInClass} from new_run
      returning *
    )
    insert into attempts (id, organisation_id, project_id, run_id, job_id, number, class, status)
    select ${newId('attempt')}, organisation_id, project_id, run_id, id, 1, class, 'queued' from new_job`.execute(
    tx,
  )
  await notify(tx, [
    runNotice({ organisation: run.organisation, project: run.project, run: id, rev: 1 }),
    { channel: 'mayfly_queue', payload: builtInClass },
  ])
  return id
}

const branchPrefix = 'refs/heads/'
const tagPrefix = 'refs/tags/'

/** `ref` is a full name. */
export const eventOf = (kind: RunEvent['kind'], ref: string, commit: string): RunEvent => ({
  kind,
  ref,
  commit,
  branch: ref.startsWith(branchPrefix) ? ref.slice(branchPrefix.length) : null,
  tag: ref.startsWith(tagPrefix) ? ref.slice(tagPrefix.length) : null,
})
