// A run, what failed of it, or one of its jobs once more: more attempts of the same jobs, by the same plan.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { JobId, ProjectId, RunId } from '../../base/ids.ts'
import { type ClassName, classNames } from '../../protocol/resource-class.ts'
import { type Change, isFinal, type Rerun } from '../../schedule/index.ts'
import { type Actor, actorId } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import { inScope } from '../access/in-scope.ts'
import { wantingOf } from '../contexts/of-jobs.ts'
import type { Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { changeRun } from './change.ts'

type Deps = { readonly db: Db; readonly newId: NewId }
type Found = { readonly run: RunId; readonly project: ProjectId }

export const rerunRun = async (
  deps: Deps,
  actor: Actor,
  id: RunId,
  jobs: 'all' | 'failed' | 'failed-tests',
): Promise<RunId> => {
  const { rows } = await sql<Found>`
    select id as run, project_id as project from runs
    where id = ${id} and ${inScope(actor.scope)}`.execute(deps.db)
  if (rows[0] === undefined) throw fault('E_NOT_FOUND', { public: 'No such run' })
  const isOfTests = jobs === 'failed-tests'
  return again(deps, actor, rows[0], { jobs: isOfTests ? 'failed' : jobs, isOfTests, target: id })
}

/** `size` null: in the class it is of. Otherwise it is of that one from now on, with all attempts that come (decision 0060). */
export const rerunJob = async (
  deps: Deps,
  actor: Actor,
  id: JobId,
  size: ClassName | null = null,
): Promise<RunId> => {
  const { rows } = await sql<Found>`
    select run_id as run, project_id as project from jobs
    where id = ${id} and ${inScope(actor.scope)} and run_id is not null`.execute(deps.db)
  if (rows[0] === undefined) throw fault('E_NOT_FOUND', { public: 'No such job' })
  return again(deps, actor, rows[0], { jobs: [id], target: id, size })
}

const again = async (
  { db, newId }: Deps,
  actor: Actor,
  { run, project }: Found,
  {
    jobs,
    isOfTests = false,
    target,
    size = null,
  }: {
    readonly jobs: Rerun
    readonly isOfTests?: boolean
    readonly target: string
    readonly size?: ClassName | null
  },
): Promise<RunId> => {
  await inTransaction(db, async (tx) => {
    const changed = await changeRun(tx, run, [{ kind: 'rerun', jobs, by: wantingOf(actor) }], {
      ...{ newId, by: actorId(actor) },
      ...(size === null ? {} : { locked: () => resize(tx, target, size) }),
    })
    if (changed === null || changed.changes.length === 0) throw fault('E_CONFLICT', { public: refusal(jobs) })
    await markTests(tx, changed.changes, isOfTests)
    const facts = {
      ...(isOfTests ? { tests: 'failed' } : {}),
      jobs: typeof jobs === 'string' ? jobs : 'named',
      ...(size === null ? {} : { class: size }),
    }
    await writeAudit(tx, actor, { action: 'run.rerun', target, project, run, result: 'ok', facts })
  })
  return run
}

/** Only of what this makes run again: what another person wanted before, and is still to come, stays as that person wanted it. */
const markTests = async (tx: Tx, changes: readonly Change[], isOfTests: boolean): Promise<void> => {
  const again = changes.flatMap((change) =>
    change.kind === 'job' && isFinal(change.from) ? [change.job] : [],
  )
  await sql`
    update jobs set rerun_failed_tests = ${isOfTests}
    where id = any(${again}::text[]) and rerun_failed_tests <> ${isOfTests}`.execute(tx)
}

/** From size to size only: who may run something again may not choose another kind of runner for it. */
const resize = async (tx: Tx, job: string, size: ClassName): Promise<true> => {
  const { rows } = await sql`
    update jobs set class = ${size} where id = ${job} and kind = 'job' and class = any(${classNames}::text[])
    returning 1`.execute(tx)
  if (rows.length === 0)
    throw fault('E_INPUT', { public: 'Only a job whose class is a size can have another size' })
  return true
}

const refusal = (jobs: Rerun): string => {
  if (jobs === 'all') return 'The run is still under way: cancel it first'
  return jobs === 'failed'
    ? 'No job failed, or the run is being cancelled'
    : 'The job is under way, was skipped, its contexts are not for it, or what it needs did not happen'
}
