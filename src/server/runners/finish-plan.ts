// The result of a plan attempt: checked again (a sandbox made it), expanded into rows, stored with its digest.
import { type RawBuilder, sql } from 'kysely'
import type { RunId } from '../../base/ids.ts'
import type { Problem } from '../../base/problem.ts'
import type { Outcome, Plan } from '../../protocol/plan.ts'
import { openCommit, type PlanResult } from '../../protocol/runner-wire.ts'
import { jcsDigest } from '../../seal/index.ts'
import type { Db } from '../db/database.ts'
import { jsonText } from '../db/json.ts'
import { storable } from '../db/storable.ts'
import type { Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { type PlannedRows, planHeadline, planRows } from '../runs/planned-rows.ts'
import { onePlanAtATime } from '../runs/queue-entry.ts'

export type PreparedPlan = {
  readonly outcome: Outcome
  readonly failure: { readonly code: string | null; readonly message: string } | null
  readonly headline: string | null
  readonly result: PlanResult
  readonly digest: string | null
  readonly ready?: PlannedRows
}

/** What a run says of the plan that it may have. */
export type PlannedRun = {
  readonly ref: string
  readonly commit: string
  /** The digest of the one it has. */
  readonly planned: string | null
  /** Its parameters are those of the plan that is asked for. */
  readonly isGiven: boolean
}

/** `PlannedRun` of `r` (runs), as columns. The parameters of `plan` must be JSON that PostgreSQL takes (`checkDigest`). */
export const plannedRunColumns = (plan: Plan): RawBuilder<unknown> => sql`
  r.ref, r.commit, r.plan_digest as planned,
  r.parameters = ${JSON.stringify(plan.inputs.parameters)}::jsonb as "isGiven"`

export const findPlannedRun = async (db: Db, run: RunId, plan: Plan): Promise<PlannedRun | null> => {
  const { rows } = await sql<PlannedRun>`
    select ${plannedRunColumns(plan)} from runs r where id = ${run}`.execute(db)
  return rows[0] ?? null
}

/** `find` is asked when there is a plan with the digest it is said to have. */
export const preparePlan = async (
  deps: { readonly db: Db; readonly newId: NewId },
  find: (plan: Plan) => Promise<PlannedRun | null>,
  { outcome, result }: { readonly outcome: Outcome; readonly result: PlanResult },
): Promise<PreparedPlan> => {
  const { plan } = result
  if (plan === null || outcome !== 'passed') return withoutPlan(outcome, result)
  const { digest, wrong } = await checkPlan(find, { ...result, plan })
  if (wrong !== null)
    return {
      ...withoutPlan('errored', result),
      failure: { code: 'E_PROTOCOL', message: `The plan was refused: ${wrong}` },
    }
  const ready = await planRows(deps, plan)
  const count = ready.expanded.jobs.length
  if (count > limits.jobsPerRunMax) return tooManyJobs(result, count)
  return { outcome, failure: null, headline: planHeadline(ready), result, digest, ready }
}

/** A sandbox made it: it must have the digest its runner says, and be for what this run is about. */
const checkPlan = async (
  find: (plan: Plan) => Promise<PlannedRun | null>,
  { plan, planDigest }: { readonly plan: Plan; readonly planDigest: string | null },
): Promise<{ readonly digest: string; readonly wrong: string | null }> => {
  const { digest, wrong } = await checkDigest(plan, planDigest)
  return { digest, wrong: wrong ?? wrongWith(await find(plan), { plan, digest }) }
}

const wrongWith = (
  run: PlannedRun | null,
  { plan, digest }: { readonly plan: Plan; readonly digest: string },
): string | null => {
  const { event } = plan.inputs
  // Its jobs are there already: an attempt before this one broke after it had told its plan.
  if ((run?.planned ?? digest) !== digest) return 'the run has another one'
  if (event.ref !== run?.ref) return 'it is for another ref'
  if (!run.isGiven) return 'it is for other parameters'
  return run.commit === openCommit || run.commit === event.commit ? null : 'it is for another commit'
}

/** Also of the plan that a run goes on with. */
export const checkDigest = async (
  plan: Plan,
  planDigest: string | null,
): Promise<{ readonly digest: string; readonly wrong: string | null }> => {
  const digest = await digestOf(plan)
  if (digest === null || digest !== planDigest) return { digest: '', wrong: 'its digest is another one' }
  const hasNul = /(?<!\\)(\\\\)*\\u0000/.test(JSON.stringify(plan))
  return { digest, wrong: hasNul ? 'it contains a NUL character' : null }
}

/** null for a value without a canonical form: a lone surrogate, a float. */
const digestOf = async (plan: Plan): Promise<string | null> => {
  try {
    return await jcsDigest(plan)
  } catch {
    return null
  }
}

const withoutPlan = (outcome: Outcome, result: PlanResult): PreparedPlan => {
  const first = result.problems.find((problem) => problem.severity === 'error')
  const failure = first === undefined ? null : { code: first.code, message: first.message }
  // `passed` without a plan contradicts itself: our failure, not the configuration's.
  const honest = outcome === 'passed' ? 'errored' : outcome
  const base = { outcome: honest, headline: headlineOf(first), result, digest: null }
  return failure === null && outcome === 'passed'
    ? { ...base, failure: { code: 'E_PROTOCOL', message: 'The runner said passed and sent no plan' } }
    : { ...base, failure }
}

const headlineOf = (problem: Problem | undefined): string | null => {
  if (problem === undefined) return null
  return problem.at === null ? problem.message : `${problem.at.file}:${problem.at.line}: ${problem.message}`
}

const tooManyJobs = (result: PlanResult, count: number): PreparedPlan => {
  const message = `${count} jobs, shards included; at most ${limits.jobsPerRunMax} fit into one run`
  return { ...withoutPlan('failed', result), failure: { code: 'E_INPUT', message }, headline: message }
}

/**
 * Plan, origins and problems beside the run; what the commit is called goes to the run itself. A plan, once told, stays. False,
 * and nothing is stored, unless `condition` (SQL) holds.
 */
export const storePlan = async (
  tx: Tx,
  run: RunId,
  prepared: PreparedPlan,
  condition: RawBuilder<unknown> = sql`true`,
): Promise<boolean> => {
  const { result, digest } = prepared
  const plan = prepared.ready === undefined ? null : JSON.stringify(result.plan)
  const found = result.plan?.inputs.event.commit ?? result.commit?.id ?? null
  const { rows } = await sql`
    with stored as (
      insert into plans (run_id, digest, plan, origins, problems, changes)
      select ${run}, ${digest}, ${plan}::jsonb, ${jsonText(result.origins)}::jsonb, ${jsonText(result.problems)}::jsonb,
        ${result.changes === undefined ? null : jsonText(result.changes)}::jsonb
      where ${condition}
      on conflict (run_id) do update set digest = excluded.digest, plan = excluded.plan, origins = excluded.origins,
        problems = excluded.problems, changes = excluded.changes, stored_at = now()
      where plans.digest is null)
    update runs set plan_digest = coalesce(plan_digest, ${digest}),
      commit = case when commit = ${openCommit} then coalesce(${found}, commit) else commit end,
      subject = coalesce(${textOrNull(result.commit?.subject)}, subject),
      author = coalesce(${textOrNull(result.commit?.author)}, author)
    where id = ${run} and ${condition} returning ${onePlanAtATime(sql`project_id`)}`.execute(tx)
  return rows.length === 1
}

const textOrNull = (text: string | undefined): string | null => (text === undefined ? null : storable(text))
