// Reads one side of a comparison: the run in scope, its plans, and of each job the newest attempt with its steps and receipt.
import { sql } from 'kysely'
import type { ProjectId, RunId } from '../../base/ids.ts'
import type { ComparedJob, Comparison } from '../../protocol/api/comparison.ts'
import type { Plan, PlanWorkflow } from '../../protocol/plan.ts'
import type { Scope } from '../access/actor.ts'
import { inScopeByKey } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'
import { receiptClaims } from '../runs/receipt-claims.ts'
import type { SideJob } from './compare.ts'

export type FoundRun = { readonly project: ProjectId; readonly run: Comparison['before'] }

type RunRow = Omit<FoundRun['run'], 'created_at' | 'plan_digest' | 'queued_ms' | 'duration_ms'> & {
  readonly project: ProjectId
  readonly createdAt: Date
  readonly queuedMs: number | null
  readonly durationMs: number | null
  readonly digest: string | null
}

export const findComparedRun = async (db: Db, scope: Scope, id: RunId): Promise<FoundRun | null> => {
  const { rows } = await sql<RunRow>`
    select r.id, r.number, r.project_id as project, r.status, r.commit, r.created_at as "createdAt",
      ${msBetween('coalesce(r.rerun_at, r.created_at)', 'r.started_at')} as "queuedMs",
      ${msBetween('r.started_at', 'r.finished_at')} as "durationMs", r.plan_digest as digest
    from runs r where r.id = ${id} and ${inScopeByKey(scope, 'r')}`.execute(db)
  const [row] = rows
  if (row === undefined) return null
  const { project, createdAt, queuedMs, durationMs, digest, ...named } = row
  const measured = { queued_ms: queuedMs, duration_ms: durationMs, plan_digest: digest }
  return { project, run: { ...named, created_at: createdAt.toISOString(), ...measured } }
}

/** Whole milliseconds, none where one of the times is missing. */
const msBetween = (from: string, to: string) =>
  // SAFE: names of columns that stand in this file.
  sql.raw(
    `case when ${to} - ${from} is not null then greatest(0, round(extract(epoch from ${to} - ${from}) * 1000))::float8 end`,
  )

export const readWorkflows = async (db: Db, run: RunId): Promise<readonly PlanWorkflow[]> => {
  const { rows } = await sql<{ readonly plan: Plan }>`
    select plan from (
      select false as later, plan from plans where run_id = ${run} and plan is not null
      union all select true, plan from continuations where run_id = ${run}) p
    order by later`.execute(db)
  return rows.flatMap(({ plan }) => plan.workflows)
}

type JobRow = Omit<SideJob, 'sandbox' | 'steps'> & {
  readonly receipt: string | null
  readonly steps: SideJob['steps'] | null
}

export const readJobs = async (db: Db, run: RunId): Promise<readonly SideJob[]> => {
  const { rows } = await sql<JobRow>`
    select w.name as workflow, j.name as job, j.shard, j.status, a.receipt,
      ${msBetween('a.queued_at', 'a.started_at')} as "queuedMs", ${msBetween('a.started_at', 'a.finished_at')} as "durationMs",
      round((a.usage ->> 'cpuSeconds')::float8 * 1000) as "cpuMs",
      round(nullif((a.usage ->> 'peakMemory')::float8, 0) / 1024) as "memoryKiB", (
        select json_agg(json_build_object('name', s.name, 'status', s.status, 'durationMs', s.duration_ms, 'cache', s.cache)
          order by s.index)
        from steps s where s.attempt_id = a.id) as steps
    from jobs j left join workflows w on w.id = j.workflow_id left join lateral (
      select * from attempts where job_id = j.id order by number desc limit 1) a on true
    where j.run_id = ${run} order by j.number`.execute(db)
  return rows.map(({ receipt, steps, ...row }) => ({
    ...row,
    sandbox: sandboxOf(receipt),
    steps: steps ?? [],
  }))
}

/** Whatever is not as it should be is not known. */
const sandboxOf = (receipt: string | null): ComparedJob['sandbox']['before'] => {
  const claims = receipt === null ? null : receiptClaims(receipt)
  if (claims == null) return null
  const { image, driver, measuredTier } = claims
  const isolation = [driver, measuredTier].filter((word) => typeof word === 'string').join(', ')
  return { image: typeof image === 'string' ? image : null, isolation: isolation === '' ? null : isolation }
}
