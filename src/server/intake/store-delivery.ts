// A delivery and the run that it starts, in one transaction: neither is ever there without the other, so nothing that was
// stored waits to be processed after a crash. The one way in for hooks, other tools, polling and replays.
import { type RawBuilder, sql } from 'kysely'
import type { DeliveryId, OrganisationId, ProjectId, RunId } from '../../base/ids.ts'
import type { ChangeFacts } from '../../protocol/plan.ts'
import type { Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { eventOf, insertRun, type NewRun } from '../runs/create.ts'
import { isZeroCommit } from '../runs/git-names.ts'
import { onePlanAtATime } from '../runs/queue-entry.ts'
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
  /** Written by the statement that makes the run, which `isWhole` (SQL) may call off with the run and the delivery (`isEnded`). */
  readonly also?: { readonly parts: RawBuilder<unknown>; readonly isWhole: RawBuilder<unknown> }
}

export const storeDelivery = async (
  tx: Tx,
  newId: NewId,
  project: DeliveredProject,
  delivery: NewDelivery,
): Promise<Verdict> => {
  const { push, decided, replay } = delivery
  if (decided.verdict !== 'run' || push === null) {
    await deliveryInsert(project, { ...delivery, verdict: decided }).execute(tx)
    return decided
  }
  const run = newId('run')
  const event = eventOf('push', push.ref, push.new)
  const change = changeOf(push)
  const delivered = deliveryInsert(project, { ...delivery, verdict: { ...decided, run } })
  if (replacesSchedules(project, delivery))
    await sql`select ${onePlanAtATime(sql`${project.id}::text`)}`.execute(tx)
  const also = delivery.also === undefined ? sql`` : sql`, ${delivery.also.parts}`
  await insertRun(tx, newId, {
    ...{ id: run, organisation: project.organisation, project: project.id, event, delivery: delivery.id },
    ...{ plan: delivery.plan, placing: delivery.placing, isLimited: project.isLimited },
    startedBy: replay?.by ?? delivery.source,
    told: { sentAt: push.sentAt, replayOf: replay?.of ?? null },
    ...(change === null ? {} : { change }),
    also: { ...delivery.also, parts: sql`delivered as (${delivered})${also}` },
  })
  // A replay is older than what it would end.
  if (replay === undefined) await supersedeOlder(tx, newId, { run, event, project })
  return { ...decided, run }
}

/**
 * Whether the run begins with a plan that decides about the schedules of its project (runs/planned-schedules.ts). They are replaced by the statement
 * that makes the run, which must see those of a plan that ended before it: so it waits for that end first, and is not the only one of its transaction.
 */
export const replacesSchedules = (
  { defaultBranch }: DeliveredProject,
  { plan, push }: Pick<NewDelivery, 'plan'> & { readonly push: { readonly ref: string } | null },
): boolean => plan !== null && push?.ref === `refs/heads/${defaultBranch}`

const changeOf = ({ old, toldCommit, pullRequest }: NonNullable<NewDelivery['push']>): ChangeFacts | null => {
  const change = {
    ...(old === null || isZeroCommit(old) ? {} : { base: old }),
    ...(toldCommit === undefined ? {} : { commit: toldCommit }),
    ...(pullRequest === undefined ? {} : { pullRequest }),
  }
  return Object.keys(change).length === 0 ? null : change
}

const deliveryInsert = (
  project: DeliveredProject,
  { id, source, push, verdict, twice, replay }: NewDelivery & { readonly verdict: Verdict },
): RawBuilder<unknown> => sql`
  insert into deliveries (id, organisation_id, project_id, source, ref, old_commit, new_commit, told_commit, pull_request,
    sent_at, verdict, reason, run_id, twice, replay_of, replayed_by)
  values (${id}, ${project.organisation}, ${project.id}, ${source}, ${push?.ref ?? null}, ${push?.old ?? null}, ${push?.new ?? null},
    ${jsonOrNull(push?.toldCommit)}, ${jsonOrNull(push?.pullRequest)},
    ${push === null || push.sentAt === null ? null : new Date(push.sentAt)}, ${verdict.verdict}, ${verdict.reason}, ${verdict.run},
    ${twice ?? false}, ${replay?.of ?? null}, ${replay?.by ?? null})`

const jsonOrNull = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value))
