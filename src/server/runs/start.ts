// A run that somebody asks for: which project and ref are meant and whether its plan is known, in one look; then the run, in
// one statement.
import { setImmediate } from 'node:timers/promises'
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { ProjectId, RunId } from '../../base/ids.ts'
import type { Run } from '../../protocol/api/shapes.ts'
import type { PlanInputs } from '../../protocol/plan.ts'
import { openCommit } from '../../protocol/runner-wire.ts'
import { type Actor, actorId } from '../access/actor.ts'
import { auditInsert } from '../access/audit.ts'
import { projectInScope } from '../access/in-scope.ts'
import type { Database, Db } from '../db/database.ts'
import { inOneStatement } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { begunRun } from './begun.ts'
import { eventOf, insertRun } from './create.ts'
import { fullRef, isCommit } from './git-names.ts'
import type { JustBegun } from './just-begun.ts'
import {
  type FoundPlan,
  foundPlanColumns,
  foundPlanJoins,
  givenSql,
  knownPlanOf,
  madeWithSql,
} from './known-plan.ts'
import { type Places, withPlacing } from './places.ts'
import { medianOf } from './summaries.ts'

export type StartDeps = {
  readonly database: Database
  readonly newId: NewId
  readonly places: Places
  readonly justBegun: JustBegun
  /** What this release compiles with. */
  readonly compiler: string | null
}

export type StartInput = {
  /** Its id or name. */
  readonly project: string
  readonly ref?: string | undefined
  readonly commit?: string | undefined
  readonly parameters?: PlanInputs['parameters'] | undefined
}

/** `begun`: the run as the API shows it, when all its jobs began with it. */
export const startRun = async (
  deps: StartDeps,
  actor: Actor,
  input: StartInput,
): Promise<{ readonly id: RunId; readonly begun: Run | null }> => {
  const db = deps.database.keyed
  const given = parseInput(input)
  const found = await findStart({ ...deps, db }, actor, given)
  const ref = given.ref ?? refOf(found.defaultBranch)
  const event = eventOf('manual', ref, given.commit)
  const startedBy = actorId(actor)
  const { project } = found
  // What the statement took for the inputs stands in the plan that it found.
  const isMeant = found.plan?.plan.inputs.event.ref === ref
  const plan = await knownPlanOf({ ...deps, db }, isMeant ? found.plan : null, { project, ref, startedBy })
  const id = deps.newId('run')
  const audited = auditInsert(actor, { action: 'run.start', target: id, project, run: id, result: 'ok' })
  const { made } = await withPlacing(deps.places, (placing) =>
    inOneStatement(db, (tx) =>
      insertRun(tx, deps.newId, {
        ...{ id, organisation: actor.scope.organisation, project, event, parameters: given.parameters },
        ...{ delivery: null, startedBy, plan, placing, isLimited: found.isLimited },
        also: { parts: sql`audited as (${audited})` },
      }),
    ),
  )
  const tell = deps.justBegun.expect(id)
  // What is leased goes out first: its runner is who everybody waits for.
  await setImmediate()
  const begun = made && begunRun(made, found.usualMs)
  if (begun) tell(actor.scope, begun.changes)
  return { id, begun: begun?.run ?? null }
}

type Given = {
  readonly project: string
  /** A full name; null: the default branch of the project. */
  readonly ref: string | null
  readonly commit: string
  readonly parameters: PlanInputs['parameters']
}

const parseInput = ({ project, ref, commit, parameters = {} }: StartInput): Given => {
  const given = commit?.toLowerCase() ?? openCommit
  if (!isCommit(given)) throw fault('E_INPUT', { public: 'commit must be 40 or 64 hexadecimal digits' })
  return { project, ref: ref === undefined ? null : refOf(ref), commit: given, parameters }
}

const refOf = (text: string): string => {
  const ref = fullRef(text)
  if (ref === null) throw fault('E_INPUT', { public: 'ref is not the name of a branch or tag' })
  return ref
}

type Start = {
  readonly project: ProjectId
  readonly defaultBranch: string
  readonly isLimited: boolean
  readonly usualMs: number | null
  readonly plan: FoundPlan | null
}

/** A commit that nobody named has no known plan; its run is read back, and what is usual with it. */
const findStart = async (
  { db, compiler }: { readonly db: Db; readonly compiler: string | null },
  actor: Actor,
  { project, ref, commit, parameters }: Given,
): Promise<Start> => {
  const isKnowable = compiler !== null && commit !== openCommit
  const inputs = { event: eventOf('manual', ref ?? 'refs/heads/', commit), parameters }
  const { rows } = await sql<Start>`
    with given as materialized (
      select p.id as project, p.default_branch as "defaultBranch", o.jobs_max, p.jobs_max as own_max,
        ${givenSql(withBranch(inputs, ref))} as inputs, ${madeWithSql(compiler ?? '')} as compiler
      from projects p join organisations o on o.id = p.organisation_id
      where ${projectInScope(actor.scope, 'p')} and (p.id = ${project} or p.name = ${project})
    )
    select project, "defaultBranch", coalesce(own_max, jobs_max) is not null as "isLimited",
      case when ${isKnowable} then ${medianOf(sql`given.project`)} end as "usualMs",
      case when ${isKnowable} then (select row_to_json(known) from (
        select ${foundPlanColumns} from (select) one ${foundPlanJoins}) known) end as plan
    from given`.execute(db)
  const [row] = rows
  if (row === undefined) throw fault('E_NOT_FOUND', { public: 'No such project' })
  return row
}

/** With the default branch of the row of `projects`, where no ref is given. */
const withBranch = (inputs: PlanInputs, ref: string | null) => {
  const given = sql`${JSON.stringify(inputs)}::jsonb`
  if (ref !== null) return given
  return sql`jsonb_set(${given}, '{event}', (${given} -> 'event')
    || jsonb_build_object('ref', 'refs/heads/' || default_branch, 'branch', default_branch))`
}
