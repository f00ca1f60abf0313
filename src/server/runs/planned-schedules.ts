// The schedules that stand in a configuration, as parts of the statement that writes its plan: a push to the default branch
// puts those of its plan in place of those of the plan before. When each is due next is found by whoever looks at the time
// (schedules/fire.ts).
import { type RawBuilder, sql } from 'kysely'
import type { DeliveryId, ProjectId, RunId, ScheduleId } from '../../base/ids.ts'
import type { Plan, RunEvent } from '../../protocol/plan.ts'
import { storable } from '../db/storable.ts'
import type { NewId } from '../new-id.ts'

export type PlannedSchedule = {
  readonly id: ScheduleId
  readonly workflow: string
  readonly cron: string
}

export const plannedSchedules = (newId: NewId, { schedules = [] }: Plan): readonly PlannedSchedule[] =>
  schedules.map(({ workflow, cron }) => ({ id: newId('schedule'), workflow: storable(workflow), cron }))

/**
 * Of a run that is there: the project whose schedules its plan decides, if it does. Plans may come in another order than their
 * pushes (a runner that was lost, a plan that was rerun): one that comes after that of a newer push decides nothing any more.
 */
export const decidedByRun = (run: RunId): RawBuilder<unknown> => sql`
  select p.id, p.organisation_id from runs r join projects p on p.id = r.project_id
  where r.id = ${run} and r.event_kind = 'push' and r.ref = 'refs/heads/' || p.default_branch and not ${isOvertaken(sql`r.delivery_id`)}
    and not exists (
      select from runs n where n.project_id = r.project_id and n.number > r.number and n.event_kind = 'push' and n.ref = r.ref
        and n.plan_digest is not null and not ${isOvertaken(sql`n.delivery_id`)})`

/** What the delivery of a run says of when its push was made. */
export type ToldOf = { readonly sentAt: string | null; readonly replayOf: DeliveryId | null }

/** Of a run that begins in the same statement, as its delivery does; null: not of its kind. */
export const decidedByEvent = (
  project: ProjectId,
  { kind, ref }: RunEvent,
  { sentAt, replayOf }: ToldOf,
): RawBuilder<unknown> | null =>
  kind !== 'push'
    ? null
    : sql`
  select p.id, p.organisation_id from projects p left join deliveries o on o.id = ${replayOf}
  where p.id = ${project} and 'refs/heads/' || p.default_branch = ${ref}
    and not ${isPushedAfter({ project: sql`p.id`, ref: sql`${ref}::text`, sentAt: sql`coalesce(o.sent_at, ${sentAt}::timestamptz)`, id: sql`o.id` })}`

/** The push that it replays, or one that was told later than it was made (its hook could not reach us), is not the newest of its branch. */
const isOvertaken = (delivery: RawBuilder<unknown>) => sql`exists (
  select from deliveries own join deliveries o on o.id = coalesce(own.replay_of, own.id)
  where own.id = ${delivery} and ${isPushedAfter({
    ...{ project: sql`o.project_id`, ref: sql`o.ref`, sentAt: sql`o.sent_at`, id: sql`o.id` },
    among: sql`(own.replay_of is not null or d.id < own.id)`,
  })})`

type Pushed = {
  readonly project: RawBuilder<unknown>
  readonly ref: RawBuilder<unknown>
  readonly sentAt: RawBuilder<unknown>
  readonly id: RawBuilder<unknown>
  /** Of `d` (deliveries). */
  readonly among?: RawBuilder<unknown>
}

/** A push that started a run was made after that one; where a sender did not say when, told after it. Each of the two has its index. */
const isPushedAfter = ({ project, ref, sentAt, id, among = sql`true` }: Pushed) => {
  const pushes = sql`select from deliveries d
    where d.project_id = ${project} and d.ref = ${ref} and d.verdict = 'run' and d.source <> 'replay' and ${among}`
  return sql`(exists (${pushes} and d.sent_at > ${sentAt})
    or exists (${pushes} and d.id > ${id} and (d.sent_at > ${sentAt}) is null))`
}

/** Each ends with a comma; none where nothing is decided. */
export const scheduleParts = (
  decided: RawBuilder<unknown> | null,
  schedules: readonly PlannedSchedule[],
): RawBuilder<unknown> => {
  if (decided === null) return sql``
  const workflows = schedules.map(({ workflow }) => workflow)
  const crons = schedules.map(({ cron }) => cron)
  return sql`
  scheduled_project as (${decided}), dropped_schedule as (
    delete from schedules s using scheduled_project p
    where s.project_id = p.id and s.workflow is not null and not exists (
      select from unnest(${workflows}::text[], ${crons}::text[]) as c (workflow, cron)
      where c.workflow = s.workflow and c.cron = s.cron)
  ), made_schedule as (
    insert into schedules (id, organisation_id, project_id, name, workflow, cron, zone, created_by, next_at, fresh)
    select c.id, p.organisation_id, p.id, left(c.workflow, 64), c.workflow, c.cron, 'UTC', 'configuration', now(), true
    from scheduled_project p, unnest(${schedules.map(({ id }) => id)}::text[], ${workflows}::text[], ${crons}::text[])
      as c (id, workflow, cron)
    on conflict do nothing
  ),`
}
