// Plans that are known before a run begins: compiling is a function of the commit's files, the event, the parameters and
// the compiler, so a plan of the same project that was made from the same four is the plan (docs/decisions/0009).
import { sql } from 'kysely'
import type { ProjectId, RunId } from '../../base/ids.ts'
import type { Problem } from '../../base/problem.ts'
import type { Plan, PlanInputs } from '../../protocol/plan.ts'
import { openCommit } from '../../protocol/runner-wire.ts'
import { jcsDigest } from '../../seal/index.ts'
import { withContexts } from '../contexts/of-jobs.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { planMadeWithSql } from '../orbs/orbs.ts'
import { type PlannedRows, planHeadline, planRows } from './planned-rows.ts'

export type KnownPlan = {
  /** Whose plan it is. */
  readonly run: RunId
  readonly runNumber: number
  readonly digest: string
  readonly problems: readonly Problem[]
  readonly isSetup: boolean
  readonly subject: string | null
  readonly author: string | null
  readonly headline: string | null
  readonly rows: PlannedRows
}

export type KnownPlanDeps = {
  readonly db: Db
  readonly newId: NewId
  /** What this release compiles with; null when it cannot tell, and then every run is planned. */
  readonly compiler: string | null
}

/** null when it has to be planned. Of what is read back the digest is checked, as of what a runner sends. */
export const findKnownPlan = async (
  deps: KnownPlanDeps,
  project: ProjectId,
  inputs: PlanInputs,
  startedBy: string,
): Promise<KnownPlan | null> => {
  if (deps.compiler === null || inputs.event.commit === openCommit) return null
  const found = await selectPlan(deps.db, { project, inputs, compiler: deps.compiler })
  if (found === null || (await jcsDigest(found.plan)) !== found.digest) return null
  const planned = await planRows(deps, found.plan)
  if (planned.expanded.jobs.length > limits.jobsPerRunMax) return null
  const about = { project: sql`${project}`, ref: sql`${inputs.event.ref}::text`, by: sql`${startedBy}::text` }
  const rows = { ...planned, event: await withContexts(deps.db, planned, about) }
  const { plan, ...of } = found
  return { ...of, isSetup: plan.setup !== undefined, headline: planHeadline(rows), rows }
}

type Row = {
  readonly run: RunId
  readonly runNumber: number
  readonly digest: string
  readonly problems: readonly Problem[]
  readonly plan: Plan
  readonly subject: string | null
  readonly author: string | null
}

/** Of a runner that was suspended or revoked since, nothing is taken over. */
const selectPlan = async (
  db: Db,
  {
    project,
    inputs,
    compiler,
  }: { readonly project: ProjectId; readonly inputs: PlanInputs; readonly compiler: string },
): Promise<Row | null> => {
  const given = JSON.stringify({ event: inputs.event, parameters: inputs.parameters })
  const { rows } = await sql<Row>`
    with given as (
      select ${given}::jsonb || case when untrusted_in_scripts then '{"untrustedInScripts": true}'::jsonb else '{}' end as inputs,
        ${planMadeWithSql({ compiler: sql`${compiler}`, organisation: sql`organisation_id` })} as compiler
      from projects where id = ${project}
    )
    select p.run_id as run, r.number as "runNumber", p.digest, p.problems, p.plan, r.subject, r.author
    from given, plans p join runs r on r.id = p.run_id
      join jobs j on j.run_id = r.id and j.number = 0
      join attempts a on a.job_id = j.id and a.status = 'passed'
      join runners n on n.id = a.runner_id and n.status = 'enrolled'
    where p.inputs_key = md5(given.inputs::text) and p.plan is not null and p.from_run_id is null
      and p.plan -> 'inputs' = given.inputs and r.project_id = ${project} and a.compiler = given.compiler
    order by p.run_id desc limit 1`.execute(db)
  return rows[0] ?? null
}
