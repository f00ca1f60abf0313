// Runs as rows of a list: one statement for the runs, one for their workflows, one for what is usual.
import { type RawBuilder, sql } from 'kysely'
import type { OrganisationId, ProjectId, RunId, WorkflowId } from '../../base/ids.ts'
import type { RunSummary } from '../../protocol/api/shapes.ts'
import type { Status } from '../../schedule/index.ts'
import type { Db } from '../db/database.ts'

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
  readonly cancelledBy: string | null
  readonly planDigest: string | null
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
}

/** `where` narrows `r` (runs) and `p` (projects); the organisation is always part of it. */
export const selectRuns = async (
  db: Db,
  organisation: OrganisationId,
  { where, limit }: { readonly where: RawBuilder<unknown>; readonly limit: number },
): Promise<readonly RunRow[]> => {
  const { rows } = await sql<RunRow>`
    select r.id, r.number, r.rev, r.project_id as project, p.name as "projectName", r.status, r.event_kind as kind, r.ref,
      r.commit, r.branch, r.tag, r.subject, r.author, r.headline, r.delivery_id as delivery,
      r.cancelled_by as "cancelledBy", r.plan_digest as "planDigest", r.created_at as "createdAt",
      r.started_at as "startedAt", r.finished_at as "finishedAt"
    from runs r join projects p on p.id = r.project_id
    where r.organisation_id = ${organisation} and ${where}
    order by r.id desc limit ${limit}`.execute(db)
  return rows
}

export const summariesOf = async (db: Db, rows: readonly RunRow[]): Promise<RunSummary[]> => {
  const workflows = await selectWorkflows(
    db,
    rows.map((row) => row.id),
  )
  const usual = await selectUsual(db, [...new Set(rows.map((row) => row.project))])
  return rows.map((row) => ({
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
    workflows: workflows.get(row.id) ?? [],
    created_at: row.createdAt.toISOString(),
    started_at: timeOrNull(row.startedAt),
    finished_at: timeOrNull(row.finishedAt),
    queued_ms: msBetween(row.createdAt, row.startedAt),
    duration_ms: msBetween(row.startedAt, row.finishedAt),
    usual_ms: usual.get(row.project) ?? null,
    headline: row.headline,
  }))
}

export const timeOrNull = (at: Date | null): string | null => at?.toISOString() ?? null
export const msBetween = (from: Date | null, to: Date | null): number | null =>
  from === null || to === null ? null : Math.max(0, to.getTime() - from.getTime())

type Workflows = RunSummary['workflows']

const selectWorkflows = async (db: Db, runs: readonly RunId[]): Promise<ReadonlyMap<string, Workflows>> => {
  const { rows } = await sql<{ run: RunId; id: WorkflowId; name: string; status: Status }>`
    select run_id as run, id, name, status from workflows where run_id = any(${runs}::text[])
    order by run_id, position`.execute(db)
  const byRun = Map.groupBy(rows, (row) => row.run)
  return new Map(
    [...byRun].map(([run, list]) => [run, list.map(({ id, name, status }) => ({ id, name, status }))]),
  )
}

/** One or two runs say nothing about the next. */
const usualRunsMin = 3

/** The median of the last 20 passed runs, in milliseconds; a project with too few has none. */
const selectUsual = async (db: Db, projects: readonly ProjectId[]): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await sql<{ project: ProjectId; ms: number | null }>`
    select p.id as project, (
      select round(percentile_cont(0.5) within group (order by extract(epoch from r.finished_at - r.started_at)) * 1000)::float8
      from (select started_at, finished_at from runs
        where project_id = p.id and status = 'passed' order by id desc limit 20) r
      having count(*) >= ${usualRunsMin}) as ms
    from unnest(${projects}::text[]) as p (id)`.execute(db)
  return new Map(rows.flatMap(({ project, ms }) => (ms === null ? [] : [[project, ms] as const])))
}
