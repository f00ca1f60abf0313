// A project by what people call it, for use cases of things that belong to one.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import type { ProjectId } from '../../base/ids.ts'
import type { Scope } from '../access/actor.ts'
import { projectInScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'

export type NamedProject = { readonly id: ProjectId; readonly defaultBranch: string }

/** `named`: its name or its id. */
export const getProject = async (db: Db, scope: Scope, named: string): Promise<NamedProject> => {
  const { rows } = await sql<NamedProject>`
    select id, default_branch as "defaultBranch" from projects
    where ${projectInScope(scope)} and (id = ${named} or name = ${named})`.execute(db)
  if (rows[0] === undefined) throw fault('E_NOT_FOUND', { public: 'No such project' })
  return rows[0]
}

export const getProjectId = async (db: Db, scope: Scope, named: string): Promise<ProjectId> =>
  (await getProject(db, scope, named)).id
