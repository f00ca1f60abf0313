// The result of a plan attempt: checked again (a sandbox made it), expanded into rows, stored with its digest.
import { sql } from 'kysely'
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

export type PreparedPlan = {
  readonly outcome: Outcome
  readonly failure: { readonly code: string | null; readonly message: string } | null
  readonly headline: string | null
  readonly result: PlanResult
  readonly digest: string | null
  readonly ready?: PlannedRows
}

export const preparePlan = async (
  deps: { readonly db: Db; readonly newId: NewId },
  run: RunId,
  { outcome, result }: { readonly outcome: Outcome; readonly result: PlanResult },
): Promise<PreparedPlan> => {
  const { plan } = result
  if (plan === null || outcome !== 'passed') return withoutPlan(outcome, result)
  const { digest, wrong } = await checkPlan(deps.db, run, { ...result, plan })
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
  db: Db,
  run: RunId,
  { plan, planDigest }: { readonly plan: Plan; readonly planDigest: string | null },
): Promise<{ readonly digest: string; readonly wrong: string | null }> => {
  const { digest, wrong } = await checkDigest(plan, planDigest)
  if (wrong !== null) return { digest, wrong }
  const { rows } = await sql<{
    ref: string
    commit: string
    planned: string | null
    isGiven: boolean
  }>`
    select ref, commit, plan_digest as planned, parameters = ${JSON.stringify(plan.inputs.parameters)}::jsonb as "isGiven"
    from runs where id = ${run}`.execute(db)
  const { event } = plan.inputs
  // Its jobs are there already: an attempt before this one broke after it had told its plan.
  if ((rows[0]?.planned ?? digest) !== digest) return { digest, wrong: 'the run has another one' }
  if (event.ref !== rows[0]?.ref) return { digest, wrong: 'it is for another ref' }
  if (!rows[0].isGiven) return { digest, wrong: 'it is for other parameters' }
  const isSameCommit = rows[0].commit === openCommit || rows[0].commit === event.commit
  return { digest, wrong: isSameCommit ? null : 'it is for another commit' }
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

/** Plan, origins and problems beside the run; what the commit is called goes to the run itself. A plan, once told, stays. */
export const storePlan = async (tx: Tx, run: RunId, prepared: PreparedPlan): Promise<void> => {
  const { result, digest } = prepared
  const plan = prepared.ready === undefined ? null : JSON.stringify(result.plan)
  await sql`
    insert into plans (run_id, digest, plan, origins, problems, changes)
    values (${run}, ${digest}, ${plan}::jsonb, ${jsonText(result.origins)}::jsonb, ${jsonText(result.problems)}::jsonb,
      ${result.changes === undefined ? null : jsonText(result.changes)}::jsonb)
    on conflict (run_id) do update set digest = excluded.digest, plan = excluded.plan, origins = excluded.origins,
      problems = excluded.problems, changes = excluded.changes, stored_at = now()
    where plans.digest is null`.execute(tx)
  const found = result.plan?.inputs.event.commit ?? result.commit?.id ?? null
  await sql`
    update runs set plan_digest = coalesce(plan_digest, ${digest}),
      commit = case when commit = ${openCommit} then coalesce(${found}, commit) else commit end,
      subject = coalesce(${textOrNull(result.commit?.subject)}, subject),
      author = coalesce(${textOrNull(result.commit?.author)}, author)
    where id = ${run}`.execute(tx)
}

const textOrNull = (text: string | undefined): string | null => (text === undefined ? null : storable(text))
