// What a run was planned from and as what: its own plan and the one that it went on with, in lines, each with the place of the
// configuration that shaped it.
import { sql } from 'kysely'
import type { RunId } from '../../base/ids.ts'
import type { RunConfig } from '../../protocol/api/shapes.ts'
import type { Origins, Plan } from '../../protocol/plan.ts'
import { type PlanLine, planLines } from '../../protocol/plan-lines.ts'
import type { Scope } from '../access/actor.ts'
import type { Db } from '../db/database.ts'
import { isRunInScope } from './run-in-scope.ts'

type PlanRow = {
  readonly continued: boolean
  readonly digest: string
  readonly plan: Plan
  readonly origins: Origins
}

/** null: no such run. One that has no plan yet has none here. */
export const findConfig = async (db: Db, scope: Scope, run: RunId): Promise<RunConfig | null> => {
  if (!(await isRunInScope(db, scope, run))) return null
  const { rows } = await sql<PlanRow>`
    select false as continued, digest, plan, origins from plans where run_id = ${run} and plan is not null
    union all select true, digest, plan, origins from continuations where run_id = ${run}
    order by continued`.execute(db)
  return { plans: rows.map(toShape) }
}

const toShape = ({ continued, digest, plan, origins }: PlanRow): RunConfig['plans'][number] => {
  const line = ({ indent, text, pointer }: PlanLine) => {
    const origin = pointer === undefined ? undefined : origins[pointer]
    if (origin === undefined) return { indent, text, at: null, via: [] }
    const { via, ...at } = origin
    return { indent, text, at, via: [...via] }
  }
  return {
    ...{ continued, digest, sources: plan.source.map((source) => ({ ...source })) },
    workflows: planLines(plan).map(({ head, jobs }, at) => ({
      name: plan.workflows[at]?.name ?? head.text,
      jobs: jobs.map(({ name, lines }) => ({ name, lines: lines.map(line) })),
    })),
  }
}
