// Where an attempt enters the queue, and how long a job waits for a person. The queue (docs/decisions/0022): behind a limit it is held until the admission lets it in; else
// it gets its turn. Projects that wait for the same class take turns: each attempt stands one step behind the last one of
// its project, and never before who is first now. A small step is a large share.
import { type RawBuilder, sql } from 'kysely'

type Part = RawBuilder<unknown>

/** `project` and `organisation` are the rows; built-in jobs are never held. */
export const isHeld = (of: { readonly kind: Part; readonly limits: readonly Part[] }): Part =>
  sql`(${of.kind} = 'job' and coalesce(${sql.join(of.limits)}) is not null)`

export const stepOf = (priority: Part): Part =>
  sql`case ${priority} when 'high' then 1 when 'low' then 4 else 2 end`

/**
 * Until the commit: plans of one project are stored one after the other. Side by side neither would see the other: the project would have
 * twice its share of turns (docs/decisions/0022), and the schedules of both configurations. `project` is its id.
 */
export const onePlanAtATime = (project: Part): Part =>
  sql`pg_advisory_xact_lock(hashtextextended('turns ' || ${project}, 0))`

/** `nth` counts from 0 among those of one statement that enter for the same project and class. */
export const turnOf = (entry: {
  readonly project: Part
  readonly className: Part
  readonly step: Part
  readonly nth: Part
}): Part => sql`(coalesce(greatest(
  (select q.turn + ${entry.step} from attempts q
    where q.status = 'queued' and not q.held and q.project_id = ${entry.project} and q.class = ${entry.className}
    order by q.turn desc limit 1),
  (select q.turn from attempts q where q.status = 'queued' and not q.held and q.class = ${entry.className}
    order by q.turn limit 1)), 0) + ${entry.step} * ${entry.nth})`

/** Until when a job that gets this status may wait for a person; null for every other status. */
export const holdUntil = (entering: { readonly status: Part; readonly project: Part }): Part => sql`
  case when ${entering.status} = 'on_hold' then now() + make_interval(secs => (
    select approval_seconds from projects where id = ${entering.project})) end`
