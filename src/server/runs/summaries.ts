// Runs as rows of a list, in one statement: the runs, their workflows, and what is usual in their projects.
import { type RawBuilder, sql } from 'kysely'
import type { ProjectId, RunId } from '../../base/ids.ts'
import type { Actor, RunSummary } from '../../protocol/api/shapes.ts'
import type { PlanInputs } from '../../protocol/plan.ts'
import type { Status } from '../../schedule/index.ts'
import type { Scope } from '../access/actor.ts'
import { inScopeByKey } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'
import { actorIn } from './actor-name.ts'

export type RunRow = {
  readonly id: RunId
  readonly number: number
  readonly rev: number
  readonly project: ProjectId
  readonly projectName: string
  readonly status: Status
  readonly kind: string
  readonly ref: string
  readonly commit: string
  readonly branch: string | null
  readonly tag: string | null
  readonly subject: string | null
  readonly author: string | null
  readonly headline: string | null
  readonly delivery: string | null
  readonly cancelled: RunSummary['cancelled']
  readonly rerunAt: Date | null
  readonly rerunBy: Actor | null
  readonly reruns: number
  readonly planDigest: string | null
  readonly parameters: PlanInputs['parameters']
  readonly schedule: { readonly id: string; readonly name: string } | null
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly workflows: RunSummary['workflows'] | null
  /** The median of the last 20 passed runs of its project, in milliseconds; a project with too few has none. */
  readonly usualMs: number | null
}

/**
 * `where` narrows `r` (runs); the scope is always part of it: `within` by an index, for a list (list.ts), else beside keys that
 * `where` names. `also`: further columns `, value as name` about the run `r`.
 */
export const selectRuns = async <Also = object>(
  db: Db,
  scope: Scope,
  {
    where,
    limit,
    isOldestFirst = false,
    isFew = false,
    within = inScopeByKey(scope, 'r'),
    also = sql``,
  }: {
    readonly where: RawBuilder<unknown>
    readonly limit: number
    readonly isOldestFirst?: boolean
    /** Found by an index of their own and then sorted: none is walked for its order. */
    readonly isFew?: boolean
    readonly within?: RawBuilder<unknown>
    readonly also?: RawBuilder<Also>
  },
): Promise<readonly (RunRow & Also)[]> => {
  const order = isOldestFirst ? sql`asc` : sql`desc`
  const { rows } = await sql<RunRow & Also>`
    with picked as materialized (
      select r.* from runs r
      where ${within} and ${where}
      order by ${isFew ? sql`r.id || ''` : sql`r.id`} ${order} limit ${limit}
    ), usual as materialized (${usual})
    select r.id, r.number, r.rev, r.project_id as project, p.name as "projectName", r.status, r.event_kind as kind, r.ref,
      r.commit, r.branch, r.tag, r.subject, r.author, r.headline, r.delivery_id as delivery,
      ${cancelled} as cancelled, r.rerun_at as "rerunAt", ${actorIn(sql`r.rerun_by`)} as "rerunBy", r.reruns, r.plan_digest as "planDigest", r.parameters, r.schedule, r.created_at as "createdAt",
      r.started_at as "startedAt", r.finished_at as "finishedAt", (
        select json_agg(json_build_object('id', w.id, 'name', w.name, 'status', w.status, 'continued', w.continued)
          order by w.position)
        from workflows w where w.run_id = r.id) as workflows, u."usualMs"${also}
    from picked r join usual u on u.project = r.project_id join projects p on p.id = r.project_id
    order by r.id ${order}`.execute(db)
  return rows
}

const cancelled = sql`
  case when r.cancelled_by is not null then json_build_object('by', ${actorIn(sql`r.cancelled_by`)}, 'superseded_by',
    (select json_build_object('id', s.id, 'number', s.number) from runs s where s.id = r.superseded_by)) end`

/** One or two runs say nothing about the next, nor does one of which a part was carried out again. */
const usualRunsMin = 3

/** What is usual in a project, which is an SQL expression. */
export const medianOf = (project: RawBuilder<unknown>) => sql`(
    select round(percentile_cont(0.5) within group (order by extract(epoch from o.finished_at - o.started_at)) * 1000)::float8
    from (select started_at, finished_at from runs
      where project_id = ${project} and status = 'passed' and rerun_at is null order by id desc limit 20) o
    having count(*) >= ${usualRunsMin})`

const usual = sql`
  select project_id as project, ${medianOf(sql`d.project_id`)} as "usualMs" from (select distinct project_id from picked) d`

export const summaryOf = (row: RunRow): RunSummary => ({
  id: row.id,
  number: row.number,
  rev: row.rev,
  project: { id: row.project, name: row.projectName },
  status: row.status,
  event: {
    kind: row.kind,
    ref: row.ref,
    branch: row.branch,
    tag: row.tag,
    commit: row.commit,
    subject: row.subject,
    author: row.author,
  },
  workflows: row.workflows ?? [],
  created_at: row.createdAt.toISOString(),
  started_at: timeOrNull(row.startedAt),
  finished_at: timeOrNull(row.finishedAt),
  queued_ms: msBetween(row.rerunAt ?? row.createdAt, row.startedAt),
  duration_ms: msBetween(row.startedAt, row.finishedAt),
  usual_ms: row.usualMs,
  headline: row.headline,
  cancelled: row.cancelled,
  attempts: row.reruns + 1,
  rerun:
    row.rerunAt === null || row.rerunBy === null ? null : { at: row.rerunAt.toISOString(), by: row.rerunBy },
})

export const timeOrNull = (at: Date | null): string | null => at?.toISOString() ?? null
export const msBetween = (from: Date | null, to: Date | null): number | null =>
  from === null || to === null ? null : Math.max(0, to.getTime() - from.getTime())
