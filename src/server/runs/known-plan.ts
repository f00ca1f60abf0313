// Plans that are known before a run begins: compiling is a function of the commit's files, the event, the parameters and
// the compiler, so a plan of the same project that was made from the same four is the plan (docs/decisions/0009).
import { type RawBuilder, sql } from 'kysely'
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
import { type CountedFiles, countedFiles } from './changes-read.ts'
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
  readonly files: CountedFiles | null
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
  const { rows } = await sql<FoundPlan>`
    with given as materialized (
      select id as project, ${givenSql(sql`${JSON.stringify(inputs)}::jsonb`)} as inputs, ${madeWithSql(deps.compiler)} as compiler
      from projects where id = ${project}
    )
    select ${foundPlanColumns} from given ${foundPlanJoins}`.execute(deps.db)
  return knownPlanOf(deps, rows[0] ?? null, { project, ref: inputs.event.ref, startedBy })
}

/** What the tables hold of the plan that was made of inputs before. */
export type FoundPlan = {
  readonly run: RunId
  readonly runNumber: number
  readonly digest: string
  readonly problems: readonly Problem[]
  readonly plan: Plan
  readonly subject: string | null
  readonly author: string | null
  readonly files: CountedFiles | null
}

/** `inputs` as the runner is given them (lease-details.ts), of a row of `projects`. */
export const givenSql = (inputs: RawBuilder<unknown>) => sql`
  ${inputs} || case when untrusted_in_scripts then '{"untrustedInScripts": true}'::jsonb else '{}' end`

export const madeWithSql = (compiler: string) =>
  planMadeWithSql({ compiler: sql`${compiler}`, organisation: sql`organisation_id` })

export const foundPlanColumns = sql`
  p.run_id as run, r.number as "runNumber", p.digest, p.problems, p.plan, r.subject, r.author,
  ${countedFiles} as files`

/**
 * After a row `given` of project, inputs and compiler, materialized. Of a runner that was suspended or revoked since, nothing is taken over.
 * The plans of the inputs are found first, by their index: of tables that nobody counted yet PostgreSQL takes any index for as good, and went through
 * all runs of the project, with a digest of the inputs for each (OFFSET 0 and IS NOT DISTINCT FROM leave it no other way).
 */
export const foundPlanJoins = sql`
  cross join lateral (
    select * from plans where inputs_key = md5(given.inputs::text) and plan is not null and from_run_id is null
      and plan -> 'inputs' = given.inputs offset 0) p
  cross join lateral (
    select * from runs where id = p.run_id and project_id is not distinct from given.project and exists (
        select from jobs j join attempts a on a.job_id = j.id and a.status = 'passed' and a.compiler = given.compiler
          join runners n on n.id = a.runner_id and n.status = 'enrolled'
        where j.run_id = runs.id and j.number = 0 offset 0)
      offset 0) r
  order by p.run_id desc limit 1`

/** `ref` and `startedBy` of the run that is to begin with it. */
export const knownPlanOf = async (
  deps: Pick<KnownPlanDeps, 'db' | 'newId'>,
  found: FoundPlan | null,
  {
    project,
    ref,
    startedBy,
  }: { readonly project: ProjectId; readonly ref: string; readonly startedBy: string },
): Promise<KnownPlan | null> => {
  if (found === null || (await jcsDigest(found.plan)) !== found.digest) return null
  const planned = await planRows(deps, found.plan)
  if (planned.expanded.jobs.length > limits.jobsPerRunMax) return null
  const about = { project: sql`${project}`, ref: sql`${ref}::text`, by: sql`${startedBy}::text` }
  const rows = { ...planned, event: await withContexts(deps.db, planned, about) }
  const { run, runNumber, digest, problems, plan, subject, author, files } = found
  return {
    ...{ run, runNumber, digest, problems, subject, author, files, rows },
    ...{ isSetup: plan.setup !== undefined, headline: planHeadline(rows) },
  }
}
