// The condition that keeps a statement to the rows of a scope: its organisation, and of a token that is limited to projects
// those alone. Of a project that was removed nothing is in any scope, however long its rows stay (decision 0095).
import { type RawBuilder, sql } from 'kysely'
import type { Scope } from './actor.ts'

/** Of a table that names organisation and project of its rows. `alias`: what the statement calls it. */
export const inScope = (scope: Scope, alias?: string): RawBuilder<unknown> =>
  sql`(${condition(scope, alias, 'project_id')} and ${isOfNoneRemoved(column(alias, 'project_id'))})`

/**
 * The same for rows that another condition finds by a key: an index of the organisation is none to take. Of a table that nobody counted yet
 * PostgreSQL takes any index for as good, and went through all runs of the organisation for one of them (decision 0077).
 */
export const inScopeByKey = (scope: Scope, alias: string): RawBuilder<unknown> => {
  const project = sql.ref(`${alias}.project_id`)
  const isOurs = sql`${sql.ref(`${alias}.organisation_id`)} is not distinct from ${scope.organisation}`
  if (scope.projects === null) return sql`(${isOurs} and ${isOfNoneRemoved(project)})`
  return sql`(${isOurs} and ${project} = any(${scope.projects}::text[]) and ${isOfNoneRemoved(project)})`
}

/** The same of `projects`. */
export const projectInScope = (scope: Scope, alias?: string): RawBuilder<unknown> =>
  condition(scope, alias, 'id')

const condition = (scope: Scope, alias: string | undefined, project: string): RawBuilder<unknown> => {
  const isOurs = sql`${column(alias, 'organisation_id')} = ${scope.organisation}`
  if (scope.projects === null) return isOurs
  return sql`(${isOurs} and ${column(alias, project)} = any(${scope.projects}::text[]))`
}

const column = (alias: string | undefined, name: string) =>
  sql.ref(alias === undefined ? name : `${alias}.${name}`)

/** Nearly always there are none: the database asks their index once for a statement, and compares no row with anything. */
const isOfNoneRemoved = (project: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(${project} = any(array(select id from projects where removed_at is not null))) is not true`
