// Runs for people: list, look, start, cancel. Called by server/http and server/live.
import { type RawBuilder, sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { AttemptId, JobId, RunId } from '../../base/ids.ts'
import type { Problem } from '../../base/problem.ts'
import type { Run } from '../../protocol/api/shapes.ts'
import { isFinal } from '../../schedule/index.ts'
import { type Actor, actorId, type Scope } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import { inTransaction } from '../db/transaction.ts'
import type { RunChanges, RunNotice, Runs } from '../use-cases.ts'
import { findApprovable } from './approval-rules.ts'
import { decideApproval } from './approve.ts'
import { findAttempt } from './attempt-read.ts'
import { cancelInTransaction, cancelJobs } from './cancel.ts'
import { type CountedFiles, countedFiles, countOf, findChanges } from './changes-read.ts'
import { findConfig } from './config-read.ts'
import { type ChangedRow, changedFromJson, changedJson, jobsFrom } from './jobs-read.ts'
import { createJustBegun } from './just-begun.ts'
import { listRuns } from './list.ts'
import { pinError } from './pin-error.ts'
import { rerunJob, rerunRun } from './rerun.ts'
import { parseRunNotice } from './run-notice.ts'
import { type StartDeps, startRun } from './start.ts'
import { type RunRow, selectRuns, summaryOf } from './summaries.ts'
import { findTimeline } from './timeline-read.ts'
import { findUsage } from './usage-read.ts'
import { findWorkspaces } from './workspaces-read.ts'

type Deps = StartDeps

/** Logs may share `justBegun`. */
export const createRuns = (
  given: Omit<StartDeps, 'justBegun'> & Partial<Pick<StartDeps, 'justBegun'>>,
): Runs => runsWith({ ...given, justBegun: given.justBegun ?? createJustBegun(given.database) })

const runsWith = (deps: Deps): Runs => ({
  listRuns: (scope, query) => listRuns(deps, scope, query),
  findRun: (scope, run) => findRun(deps, scope, run),
  findConfig: (scope, run) => findConfig(deps.database.db, scope, run),
  findChanges: (scope, run) => findChanges(deps.database.db, scope, run),
  findTimeline: (scope, run) => findTimeline(deps.database.db, scope, run),
  findWorkspaces: (scope, run) => findWorkspaces(deps.database.db, scope, run),
  jobsSince: async (scope, run, rev) =>
    deps.justBegun.changesSince(scope, run, rev) ?? jobsSince(deps, scope, run, rev),
  findAttempt: (scope, attempt: AttemptId) => findAttempt(deps.database.keyed, scope, attempt),
  pinError: (actor, attempt: AttemptId, pin) => pinError(deps.database.db, actor, { attempt, pin }),
  findUsage: (scope, attempt: AttemptId) => findUsage(deps.database.keyed, scope, attempt),
  startRun: async (actor, input) => {
    const { id, begun } = await startRun(deps, actor, input)
    return begun ?? getRun(deps, actor.scope, id)
  },
  cancelRun: (actor, run) => cancelRun(deps, actor, run),
  cancelJobs: async (actor, target) =>
    getRun(deps, actor.scope, await cancelJobs(withDb(deps), actor, target)),
  rerunRun: async (actor, run, jobs) =>
    getRun(deps, actor.scope, await rerunRun(withDb(deps), actor, run, jobs)),
  rerunJob: async (actor, job, size) =>
    getRun(deps, actor.scope, await rerunJob(withDb(deps), actor, job, size)),
  findApproval: async (actor, job) => {
    const approvable = await findApprovable(deps.database.db, actor, job)
    return approvable?.isHeld === true ? approvable.shown : null
  },
  decideApproval: async (actor, job, decision) =>
    getRun(deps, actor.scope, await decideApproval(withDb(deps), actor, job, decision)),
  onChange: (handler) => onChange(deps, handler),
})

const withDb = ({ database: { db }, newId }: Deps) => ({ db, newId })

const findRow = async ({ database }: Deps, scope: Scope, run: RunId): Promise<RunRow | null> =>
  (await selectRuns(database.keyed, scope, { where: sql`r.id = ${run}`, limit: 1 }))[0] ?? null

/**
 * In one statement, so that all of it is of one moment: whoever follows from its `rev` is told only what came after, and what
 * an older look at the jobs had missed would never come.
 */
const findRun = async (deps: Deps, scope: Scope, id: RunId): Promise<Run | null> => {
  const { keyed } = deps.database
  const also = sql<Shown>`, ${changedJson(sql`r.id`, -1)} as changed, ${planJson(sql`r.id`)} as plan`
  const [row] = await selectRuns(keyed, scope, { where: sql`r.id = ${id}`, limit: 1, also })
  if (row === undefined) return null
  const { plan } = row
  const jobs = await jobsFrom(keyed, id, changedFromJson(row.changed))
  return {
    ...summaryOf(row),
    jobs,
    problems: [...(plan?.problems ?? []), ...(plan?.continued?.problems ?? [])].map((problem) => ({
      ...problem,
      frame: [...problem.frame],
    })),
    plan_digest: row.planDigest,
    parameters: row.parameters,
    plan_of: plan?.from ?? null,
    setup: plan?.isSetup === true ? { continued: plan.continued && continuationOf(plan.continued) } : null,
    changed_files: countOf(plan?.files ?? null, plan?.base ?? null),
    delivery_id: row.delivery,
    schedule: row.schedule,
  }
}

type AboutPlan = {
  readonly problems: readonly Problem[]
  readonly from: { readonly id: RunId; readonly number: number } | null
  readonly isSetup: boolean | null
  readonly files: CountedFiles | null
  /** What the ref was at before, where somebody told. */
  readonly base: string | null
  readonly continued: {
    readonly job: JobId
    readonly at: string
    readonly digest: string
    readonly problems: readonly Problem[]
  } | null
}

type Shown = { readonly changed: readonly ChangedRow[]; readonly plan: AboutPlan | null }

/** `AboutPlan` as one value of a statement about the run. `run` is an SQL expression. */
const planJson = (run: RawBuilder<unknown>) => sql`(select row_to_json(about) from (
    select p.problems, case when f.id is not null then json_build_object('id', f.id, 'number', f.number) end as from,
      p.plan ? 'setup' as "isSetup", ${countedFiles} as files, o.change ->> 'base' as base, case when c.run_id is not null then json_build_object('job', c.job_id,
        'at', c.stored_at, 'digest', c.digest, 'problems', c.problems) end as continued
    from plans p join runs o on o.id = p.run_id left join runs f on f.id = p.from_run_id left join continuations c on c.run_id = p.run_id
    where p.run_id = ${run}) about)`

const continuationOf = ({ job, at, digest }: NonNullable<AboutPlan['continued']>) => ({
  ...{ job_id: job, at: new Date(at).toISOString(), plan_digest: digest },
})

/** In one statement: whoever follows a run asks at each of its changes. */
const jobsSince = async (deps: Deps, scope: Scope, id: RunId, rev: number): Promise<RunChanges | null> => {
  const db = deps.database.keyed
  const also = sql<{ readonly changed: readonly ChangedRow[] }>`, ${changedJson(sql`r.id`, rev)} as changed`
  const [row] = await selectRuns(db, scope, { where: sql`r.id = ${id}`, limit: 1, also })
  if (row === undefined) return null
  return {
    rev: row.rev,
    run: summaryOf(row),
    jobs: await jobsFrom(db, id, changedFromJson(row.changed)),
  }
}

const cancelRun = async (deps: Deps, actor: Actor, id: RunId): Promise<Run> => {
  const row = await findRow(deps, actor.scope, id)
  if (row === null) throw fault('E_NOT_FOUND', { public: 'No such run' })
  if (!isFinal(row.status) && row.cancelled === null)
    await inTransaction(deps.database.db, async (tx) => {
      if (await cancelInTransaction(tx, deps.newId, { run: id, by: actorId(actor) }))
        await writeAudit(tx, actor, {
          action: 'run.cancel',
          target: id,
          project: row.project,
          run: id,
          result: 'ok',
        })
    })
  return getRun(deps, actor.scope, id)
}

const getRun = async (deps: Deps, scope: Scope, id: RunId): Promise<Run> => {
  const run = await findRun(deps, scope, id)
  if (run === null) throw fault('E_NOT_FOUND', { public: 'No such run' })
  return run
}

const onChange = ({ database }: Deps, handler: (notice: RunNotice | null) => void): (() => void) =>
  database.listen('mayfly_run', (payload) => handler(payload === null ? null : parseRunNotice(payload)))
