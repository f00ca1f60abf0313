// Projects as the API shows them: their keys, their hook, their last run.
import { type QueryExecutorProvider, type RawBuilder, sql } from 'kysely'
import type { HookId, ProjectId, RunId } from '../../base/ids.ts'
import type { Project } from '../../protocol/api/shapes.ts'
import type { Source } from '../../protocol/runner-wire.ts'
import type { Scope } from '../access/actor.ts'
import { projectInScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'
import { selectRuns, summaryOf } from '../runs/summaries.ts'
import { type PollingRow, pollingColumn, pollingOf } from './polling.ts'

export type ProjectRow = {
  readonly id: ProjectId
  readonly name: string
  readonly source: Source
  readonly sourceUrl: string
  readonly defaultBranch: string
  readonly autoCancel: boolean
  readonly hook: HookId
  readonly refusedCalls: Project['hook']['refused_calls']
  readonly deployKey: string | null
  readonly untrustedInScripts: boolean
  readonly jobsMax: number | null
  readonly priority: Project['settings']['priority']
  readonly approvalSeconds: number | null
  readonly approvalPeople: number
  readonly approvalNotSelf: boolean
  readonly approvalRole: Project['settings']['approval_role']
  readonly pollSeconds: number | null
  readonly polling: PollingRow | null
  readonly deployKeyFingerprint: string | null
  readonly createdAt: Date
  readonly lastRun: RunId | null
}

/** `where` narrows `p` (projects); the scope is always part of it. */
export const selectProjects = async (
  db: QueryExecutorProvider,
  scope: Scope,
  { where, limit }: { readonly where: RawBuilder<unknown>; readonly limit: number },
): Promise<readonly ProjectRow[]> => {
  const { rows } = await sql<ProjectRow>`
    select p.id, p.name, p.source, p.source_url as "sourceUrl", p.default_branch as "defaultBranch",
      p.auto_cancel as "autoCancel", p.hook_id as hook, ${refusedCalls} as "refusedCalls",
      p.deploy_key as "deployKey", p.deploy_key_fingerprint as "deployKeyFingerprint", p.created_at as "createdAt",
      p.untrusted_in_scripts as "untrustedInScripts", p.jobs_max as "jobsMax", p.priority,
      p.approval_seconds as "approvalSeconds", p.approval_people as "approvalPeople",
      p.approval_not_self as "approvalNotSelf", p.approval_role as "approvalRole", p.poll_seconds as "pollSeconds", ${pollingColumn} as polling,
      (select id from runs r where r.project_id = p.id order by id desc limit 1) as "lastRun"
    from projects p where ${projectInScope(scope, 'p')} and ${where}
    order by p.name limit ${limit}`.execute(db)
  return rows
}

/** Of the project `p`, lately. */
const refusedCalls = sql`(
  select json_build_object('calls', c.calls, 'since', c.since, 'last_at', c.last_at) from refused_calls c
  where c.project_id = p.id and c.last_at > now() - make_interval(days => ${sql.lit(limits.refusedCallsShownDays)}))`

const refusedOf = ({ refusedCalls: told }: ProjectRow): Project['hook']['refused_calls'] =>
  told && {
    calls: told.calls,
    since: new Date(told.since).toISOString(),
    last_at: new Date(told.last_at).toISOString(),
  }

export const projectsOf = async (
  db: Db,
  { scope, serverUrl }: { readonly scope: Scope; readonly serverUrl: string },
  rows: readonly ProjectRow[],
): Promise<Project[]> => {
  const keys = await selectHostKeys(
    db,
    rows.map((row) => row.id),
  )
  const last = rows.flatMap((row) => (row.lastRun === null ? [] : [row.lastRun]))
  const where = sql`r.id = any(${last}::text[])`
  const runs = (await selectRuns(db, scope, { where, limit: rows.length })).map(summaryOf)
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    source: { kind: row.source.kind, url: row.sourceUrl },
    default_branch: row.defaultBranch,
    settings: settingsOf(row),
    polling: pollingOf(row.polling),
    deploy_key:
      row.deployKey === null
        ? null
        : { public_key: row.deployKey, fingerprint: row.deployKeyFingerprint ?? '' },
    hook: { id: row.hook, url: hookUrl(serverUrl, row.hook), refused_calls: refusedOf(row) },
    host_keys: keys.get(row.id) ?? [],
    created_at: row.createdAt.toISOString(),
    last_run: runs.find((run) => run.id === row.lastRun) ?? null,
  }))
}

export const settingsOf = (row: ProjectRow): Project['settings'] => ({
  auto_cancel: row.autoCancel,
  untrusted_in_scripts: row.untrustedInScripts,
  jobs_max: row.jobsMax,
  priority: row.priority,
  approval_seconds: row.approvalSeconds,
  approval_people: row.approvalPeople,
  approval_not_self: row.approvalNotSelf,
  approval_role: row.approvalRole,
  poll_seconds: row.pollSeconds,
})

export const hookUrl = (serverUrl: string, hook: HookId): string => `${serverUrl}/hooks/generic/${hook}`

const selectHostKeys = async (
  db: Db,
  projects: readonly ProjectId[],
): Promise<ReadonlyMap<string, Project['host_keys']>> => {
  const { rows } = await sql<{ project: ProjectId; fingerprint: string; line: string; confirmed: boolean }>`
    select project_id as project, fingerprint, line, confirmed_at is not null as confirmed from host_keys
    where project_id = any(${projects}::text[]) order by project_id, seen_at, fingerprint`.execute(db)
  const byProject = Map.groupBy(rows, (row) => row.project)
  return new Map(
    [...byProject].map(([project, list]) => [
      project,
      list.map(({ fingerprint, line, confirmed }) => ({ fingerprint, line, confirmed })),
    ]),
  )
}
