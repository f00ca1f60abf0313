// The list of runs: newest first, by pages of a key, narrowed by what is asked. Every filter walks an index from the newest run on,
// or looks at a number of runs that is fixed (PF-35).
import { type RawBuilder, sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import { idBound, idMadeAt, parseId, type RunId, type UserId } from '../../base/ids.ts'
import { momentForms, readMoment } from '../../base/moment-words.ts'
import type { RunSummary } from '../../protocol/api/shapes.ts'
import type { Scope } from '../access/actor.ts'
import { inScope } from '../access/in-scope.ts'
import type { Database, Db } from '../db/database.ts'
import type { NewId } from '../new-id.ts'
import type { Page, RunsQuery } from '../use-cases.ts'
import { selectRuns, summaryOf } from './summaries.ts'

type Deps = { readonly database: Database; readonly newId: NewId }
type Condition = RawBuilder<unknown>

/** A class stands in the attempts of a run: so many runs are looked at for one page, which may then be short. */
const lookedAtMax = 2_000

export const listRuns = async (
  { database: { db }, newId }: Deps,
  scope: Scope,
  query: RunsQuery,
): Promise<Page<RunSummary>> => {
  if (query.mine === null) return { items: [], next_cursor: null }
  const isOldestFirst = query.sort === 'created_at'
  if (isOldestFirst && (query.mine !== undefined || query.class !== undefined))
    throw fault('E_INPUT', { public: 'With mine or class, runs are listed newest first' })
  const conditions = [
    ...pageConditions(query),
    ...spanConditions(query, newId),
    ...rowConditions(scope, query),
  ]
  const within = withinScope(scope, query)
  const own =
    query.mine === undefined ? [] : [await ownRuns(db, { within, query, conditions, user: query.mine })]
  const narrowed = [...conditions, ...own]
  if (query.class !== undefined) return listOfClass(db, scope, { ...query, class: query.class }, narrowed)
  const rows = await selectRuns(db, scope, {
    ...{ within, where: all(narrowed), limit: query.limit + 1, isOldestFirst, isFew: isFew(query) },
  })
  const page = rows.slice(0, query.limit)
  return {
    items: page.map(summaryOf),
    next_cursor: rows.length > page.length ? (page.at(-1)?.id ?? null) : null,
  }
}

const all = (conditions: readonly Condition[]): Condition =>
  conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `)

const pageConditions = ({ cursor, sort }: RunsQuery): readonly Condition[] => {
  if (cursor === undefined) return []
  const last = parseId('run', cursor)
  if (last === null) throw fault('E_INPUT', { public: 'cursor is not one of ours' })
  return [sort === 'created_at' ? sql`r.id > ${last}` : sql`r.id < ${last}`]
}

/** Ids are made in the order of time, so a span of time is one of the key. */
const spanConditions = ({ since, until }: RunsQuery, newId: NewId): readonly Condition[] => {
  if (since === undefined && until === undefined) return []
  const now = idMadeAt(newId('run'))
  const bound = (words: string, end: 'since' | 'until') => {
    const ms = readMoment(words, now, end)
    if (ms === null) throw fault('E_INPUT', { public: `${end} is not a moment: ${momentForms}` })
    return idBound('run', ms)
  }
  return [
    ...(since === undefined ? [] : [sql`r.id >= ${bound(since, 'since')}`]),
    ...(until === undefined ? [] : [sql`r.id < ${bound(until, 'until')}`]),
  ]
}

/**
 * Which index a list walks, also in a table that nobody counted yet, where PostgreSQL takes any that begins with the organisation for as
 * good and sorts what it found (decision 0077). The bounds hold for every id; without statistics they make the index that has the order
 * the best by far.
 */
const withinScope = (scope: Scope, query: RunsQuery): Condition =>
  isFew(query) || query.number !== undefined
    ? inScope(scope, 'r')
    : sql`${inScope(scope, 'r')} and r.id > 'run_' and r.id < 'run_w'`

/** These have an index of their own. */
const isFew = ({ commit = '' }: RunsQuery): boolean => commit.length >= abbreviatedMin

const rowConditions = (scope: Scope, query: RunsQuery): readonly Condition[] => [
  ...(query.project === undefined ? [] : [sql`r.project_id = ${projectNamed(scope, query.project)}`]),
  ...(query.status === undefined ? [] : [sql`r.status = ${query.status}`]),
  ...(query.branch === undefined ? [] : [sql`r.branch = ${query.branch}`]),
  ...(query.commit === undefined ? [] : [ofCommit(query.commit)]),
  ...(query.event === undefined ? [] : [ofEvent(query.event)]),
  ...(query.author === undefined ? [] : [sql`r.author = ${query.author}`]),
  ...(query.number === undefined ? [] : [sql`r.number = ${query.number}`]),
]

/**
 * Bounds as its index has them: what `starts_with` begins with is not known where a statement is planned for all values. Of one or two letters there
 * are so many that walking from the newest finds a page sooner.
 */
const ofCommit = (start: string): Condition =>
  start.length < abbreviatedMin
    ? sql`starts_with(r.commit, ${start})`
    : sql`(starts_with(r.commit, ${start}) and r.commit ~>=~ ${start} and r.commit ~<~ ${`${start}~`})`

/** As git shortens one at the least. */
const abbreviatedMin = 4

/** By its id before its name; one value, so that its runs are walked in their order. */
const projectNamed = (scope: Scope, word: string): Condition => sql`(
  select q.id from projects q where q.organisation_id = ${scope.organisation} and (q.id = ${word} or q.name = ${word})
  order by q.id = ${word} desc limit 1)`

/** The index leaves out pushes, which nearly all are: the words say so, for the planner. */
const ofEvent = (event: string): Condition =>
  event === 'push' ? sql`r.event_kind = 'push'` : sql`(r.event_kind = ${event} and r.event_kind <> 'push')`

/** A list of its own for each thing that makes a run somebody's: each walks its index and stops at the end of the page. */
const ownRuns = async (
  db: Db,
  {
    within,
    query,
    conditions,
    user,
  }: {
    readonly within: Condition
    readonly query: RunsQuery
    readonly conditions: readonly Condition[]
    readonly user: UserId
  },
): Promise<Condition> => {
  const { rows } = await sql<{ name: string; email: string }>`
    select name, email from users where id = ${user}`.execute(db)
  const names = rows.flatMap(({ name, email }) => [name, email])
  const reasons = [
    sql`r.started_by = ${user} and r.started_by like 'usr\\_%'`,
    ...names.map((name) => sql`r.author = ${name}`),
  ]
  const lists = reasons.map(
    (reason) => sql`(select r.id from runs r
      where ${within} and ${all(conditions)} and ${reason}
      order by r.id desc limit ${query.limit + 1})`,
  )
  return sql`r.id in (${sql.join(lists, sql` union all `)})`
}

type Looked = { readonly found: readonly RunId[]; readonly last: RunId | null; readonly count: number }

const listOfClass = async (
  db: Db,
  scope: Scope,
  query: RunsQuery & { readonly class: string },
  conditions: readonly Condition[],
): Promise<Page<RunSummary>> => {
  const { rows } = await sql<Looked>`
    with looked as materialized (
      select r.id from runs r
      where ${withinScope(scope, query)} and ${all(conditions)} order by r.id desc limit ${lookedAtMax}
    ), hits as (
      select l.id from looked l
      where exists (select 1 from attempts a where a.run_id = l.id and a.class = ${query.class})
      order by l.id desc limit ${query.limit + 1}
    )
    select coalesce((select array_agg(id order by id desc) from hits), '{}') as found,
      (select min(id) from looked) as last, (select count(*) from looked)::int as count`.execute(db)
  const { found = [], last = null, count = 0 } = rows[0] ?? {}
  const shown = found.slice(0, query.limit)
  const where = sql`r.id = any(${shown}::text[])`
  const page = await selectRuns(db, scope, { where, limit: query.limit })
  const rest = found.length > shown.length ? (shown.at(-1) ?? null) : count === lookedAtMax ? last : null
  return { items: page.map(summaryOf), next_cursor: rest }
}
