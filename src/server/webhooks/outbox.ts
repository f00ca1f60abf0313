// How events get out: rows that are written by the very statement that changes the run, so neither is ever there without
// the other. A project without targets pays one look at an index that has nothing of it, inside a statement that runs anyway.
import { type RawBuilder, sql } from 'kysely'
import type { ProjectId, RunId } from '../../base/ids.ts'
import type { RunState } from '../../schedule/index.ts'
import type { Notice } from '../db/notify.ts'
import type { NewId } from '../new-id.ts'
import { type Happening, happeningsBetween } from './happenings.ts'

/** What a locked run says of those who listen to its project. */
export type Listening = {
  /** The events that some target wants; null when there is no target. */
  readonly wanted: readonly string[] | null
  readonly hasStarted: boolean
}

/** The events that the targets of a project want. */
export const wantedSql = (project: RawBuilder<unknown>) => sql`
  (select array_agg(distinct e) from webhooks w, unnest(w.events) as e
    where w.project_id = ${project} and w.disabled is null)`

export const happeningsFor = (
  { wanted, hasStarted }: Listening,
  before: RunState,
  after: RunState,
): readonly Happening[] =>
  wanted === null
    ? []
    : happeningsBetween(before, after, hasStarted).filter(({ event }) => wanted.includes(event))

/**
 * Part `outbox` of a statement: a row for each target that wants an event. The rows of targets are held, so that one that is
 * being removed does not fail the change of a run.
 */
export const toldPart = (
  run: { readonly id: RunId; readonly project: ProjectId },
  happenings: readonly Happening[],
  newId: NewId,
): RawBuilder<unknown> => sql`
  outbox as (
    insert into webhook_deliveries (webhook_id, id, event, run_id, workflow_id, job_id, status, next_at)
    select w.id, h.id, h.event, ${run.id}, h.workflow, h.job, h.status, now()
    from (select id, events from webhooks where project_id = ${run.project} and disabled is null for key share) w
      join unnest(${inOrder(happenings, newId)}::text[], ${happenings.map(({ event }) => event)}::text[],
        ${happenings.map(({ workflow }) => workflow)}::text[], ${happenings.map(({ job }) => job)}::text[],
        ${happenings.map(({ status }) => status)}::text[]) as h (id, event, workflow, job, status) on h.event = any(w.events)
    returning 1)`

/** Whether that part wrote anything. */
export const toldSql = sql`exists (select from outbox)`

/** For the sender of this process, after the commit. Others look by themselves, so nothing goes over the database. */
export const toldNotice: Notice = { channel: 'mayfly_webhooks', payload: '' }

/** Lists go by the id: what one statement tells stands there in its order. */
const inOrder = (happenings: readonly Happening[], newId: NewId): readonly string[] =>
  happenings.map(() => newId('message')).toSorted()
