// What a run of a branch or tag may be given. Its newest plan says so: the server compiles nothing, and what stands in the
// repository by now may be something else.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { ProjectId, RunId } from '../../base/ids.ts'
import type { DeclaredParameters } from '../../protocol/api/shapes.ts'
import type { PlanParameter } from '../../protocol/plan.ts'
import type { Scope } from '../access/actor.ts'
import type { Db } from '../db/database.ts'
import { fullRef } from '../runs/git-names.ts'
import { getProject } from './find-id.ts'

type Row = {
  readonly run: RunId
  readonly number: number
  readonly commit: string
  readonly createdAt: Date
  readonly takes: readonly PlanParameter[] | null
}

export const findParameters = async (
  db: Db,
  scope: Scope,
  { project: name, ref: wanted }: { readonly project: string; readonly ref: string | undefined },
): Promise<DeclaredParameters> => {
  const project = await getProject(db, scope, name)
  const ref = fullRef(wanted ?? project.defaultBranch)
  if (ref === null) throw fault('E_INPUT', { public: 'ref is not the name of a branch or tag' })
  const row = await newestPlan(db, project.id, ref)
  if (row === null) return { ref, run: null, parameters: null }
  const { run: id, number, commit, createdAt, takes } = row
  return {
    ...{ ref, run: { id, number, commit, created_at: createdAt.toISOString() } },
    parameters:
      takes?.map(({ options, ...one }) => ({ ...one, ...(options && { options: [...options] }) })) ?? null,
  }
}

/** Looked for among the last runs of the project: what has not run for so long is not what stands there now. */
const lookedAt = 2_000

const newestPlan = async (db: Db, project: ProjectId, ref: string): Promise<Row | null> => {
  const { rows } = await sql<Row>`
    with lately as (
      select id, ref from runs where project_id = ${project} order by id desc limit ${sql.lit(lookedAt)}
    )
    select r.id as run, r.number, r.commit, r.created_at as "createdAt", p.plan -> 'takes' as takes
    from lately l join plans p on p.run_id = l.id join runs r on r.id = l.id
    where l.ref = ${ref} and p.plan is not null order by l.id desc limit 1`.execute(db)
  return rows[0] ?? null
}
