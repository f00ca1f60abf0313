// A push ends what earlier pushes to its branch still do, where the project wants that: nobody waits for the outcome of
// code that was replaced. The default branch is left alone, and so is what a person or a clock began or (in part) began again.
import { sql } from 'kysely'
import type { OrganisationId, ProjectId, RunId } from '../../base/ids.ts'
import type { RunEvent } from '../../protocol/plan.ts'
import { writeAudit } from '../access/audit.ts'
import type { Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { cancelInTransaction } from './cancel.ts'

/** Recorded as who cancelled. */
const autoCancel = 'auto-cancel'

export type Superseding = {
  readonly run: RunId
  readonly event: RunEvent
  readonly project: {
    readonly id: ProjectId
    readonly organisation: OrganisationId
    readonly defaultBranch: string
    readonly autoCancel: boolean
  }
}

/** Whether a push to this branch ends older runs of it. */
export const supersedes = (project: Superseding['project'], { branch }: RunEvent): boolean =>
  project.autoCancel && branch !== null && branch !== project.defaultBranch

/**
 * After the insert of the new run, whose transaction holds the project: two pushes at once see each other. One that comes late (its hook
 * could not reach us) ends nothing of a push that its sender made after it.
 */
export const supersedeOlder = async (
  tx: Tx,
  newId: NewId,
  { run, event, project }: Superseding,
): Promise<void> => {
  if (!supersedes(project, event)) return
  // In the order of their ids, like a claim that takes attempts of several runs.
  const { rows } = await sql<{ id: RunId }>`
    select o.id from runs o join runs n on n.id = ${run}
    where o.project_id = ${project.id} and o.ref = ${event.ref} and o.finished_at is null and o.cancelled_by is null
      and o.event_kind = 'push' and o.number < n.number and not exists (
        select from audit done where done.run_id = o.id and done.action = 'run.rerun' and done.result = 'ok')
      and o.rerun_at is null and not exists (
        select from deliveries told join deliveries own on own.id = n.delivery_id
        where told.id = o.delivery_id and (told.source = 'replay' or told.sent_at > own.sent_at))
    order by o.id limit ${limits.supersededRunsMax}`.execute(tx)
  for (const { id } of rows) {
    if (!(await cancelInTransaction(tx, newId, { run: id, by: autoCancel }))) continue
    await sql`update runs set superseded_by = ${run} where id = ${id}`.execute(tx)
    const who = { kind: 'service', name: autoCancel, organisation: project.organisation } as const
    const facts = { superseded_by: run }
    await writeAudit(tx, who, {
      ...{ action: 'run.cancel', target: id, project: project.id, run: id, result: 'ok', facts },
    })
  }
}
