// A delivery and the run that it starts, in one transaction: neither is ever there without the other, so nothing that was
// stored waits to be processed after a crash. The one way in for hooks, other tools, polling and replays.
import type { DeliveryId, OrganisationId, ProjectId, RunId } from '../../base/ids.ts'
import type { ChangeFacts } from '../../protocol/plan.ts'
import type { Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { eventOf, insertRun, type NewRun } from '../runs/create.ts'
import { isZeroCommit } from '../runs/git-names.ts'
import { supersedeOlder } from '../runs/supersede.ts'
import type { Push } from './delivery-body.ts'

export type DeliveredProject = {
  readonly id: ProjectId
  readonly organisation: OrganisationId
  readonly defaultBranch: string
  readonly autoCancel: boolean
  /** Of its jobs only so many run at once. */
  readonly isLimited: boolean
  readonly isPolled: boolean
}

export type Verdict = {
  readonly verdict: 'run' | 'no_run' | 'duplicate' | 'refused'
  readonly reason: string
  /** The one it starts, or the one its double started. */
  readonly run: RunId | null
}

export type NewDelivery = Pick<NewRun, 'plan' | 'placing'> & {
  readonly id: DeliveryId
  readonly source: Push['source'] | 'replay'
  /** null: it could not be understood. */
  readonly push: (Omit<Push, 'source' | 'skip' | 'sentAt'> & { readonly sentAt: string | null }) | null
  /** `run` of a verdict that starts one is made here. */
  readonly decided: Verdict
  /** Told by a hook and found by polling. */
  readonly twice?: boolean
  readonly replay?: { readonly of: DeliveryId; readonly by: string }
}

export const storeDelivery = async (
  tx: Tx,
  newId: NewId,
  project: DeliveredProject,
  delivery: NewDelivery,
): Promise<Verdict> => {
  const { push, decided, replay } = delivery
  if (decided.verdict !== 'run' || push === null) {
    await insertDelivery(tx, project, { ...delivery, verdict: decided })
    return decided
  }
  const run = newId('run')
  const event = eventOf('push', push.ref, push.new)
  const change = changeOf(push)
  await insertDelivery(tx, project, { ...delivery, verdict: { ...decided, run } })
  await insertRun(tx, newId, {
    ...{ id: run, organisation: project.organisation, project: project.id, event, delivery: delivery.id },
    ...{ plan: delivery.plan, placing: delivery.placing, isLimited: project.isLimited },
    startedBy: replay?.by ?? delivery.source,
    ...(change === null ? {} : { change }),
  })
  // A replay is older than what it would end.
  if (replay === undefined) await supersedeOlder(tx, newId, { run, event, project })
  return { ...decided, run }
}

const changeOf = ({ old, toldCommit, pullRequest }: NonNullable<NewDelivery['push']>): ChangeFacts | null => {
  const change = {
    ...(old === null || isZeroCommit(old) ? {} : { base: old }),
    ...(toldCommit === undefined ? {} : { commit: toldCommit }),
    ...(pullRequest === undefined ? {} : { pullRequest }),
  }
  return Object.keys(change).length === 0 ? null : change
}

const insertDelivery = async (
  tx: Tx,
  project: DeliveredProject,
  { id, source, push, verdict, twice, replay }: NewDelivery & { readonly verdict: Verdict },
): Promise<void> => {
  await tx
    .insertInto('deliveries')
    .values({
      id,
      organisation_id: project.organisation,
      project_id: project.id,
      source,
      ref: push?.ref ?? null,
      old_commit: push?.old ?? null,
      new_commit: push?.new ?? null,
      told_commit: push?.toldCommit === undefined ? null : JSON.stringify(push.toldCommit),
      pull_request: push?.pullRequest === undefined ? null : JSON.stringify(push.pullRequest),
      sent_at: push === null || push.sentAt === null ? null : new Date(push.sentAt),
      verdict: verdict.verdict,
      reason: verdict.reason,
      run_id: verdict.run,
      twice: twice ?? false,
      replay_of: replay?.of ?? null,
      replayed_by: replay?.by ?? null,
    })
    .execute()
}
