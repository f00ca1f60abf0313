// The audit log as an owner reads it: newest first, by pages of its key. A filter has no index of its own: so many rows are looked at for
// one page, which may then be short, and the next one goes on where it ended (docs/decisions/0084).
import { type RawBuilder, sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import { momentForms, readMoment } from '../../base/moment-words.ts'
import type { AuditEntry } from '../../protocol/api/audit-routes.ts'
import type { Scope } from '../access/actor.ts'
import type { Database, Db } from '../db/database.ts'
import { actorIn } from '../runs/actor-name.ts'
import type { AuditLog, AuditQuery } from '../use-cases.ts'

const lookedAtMax = 20_000
/** A row has the time at which its transaction began, and its key is younger. */
const longestTransactionMs = 3_600_000

export const createAuditLog = (deps: {
  readonly database: Pick<Database, 'db'>
  readonly clock: { readonly now: () => number }
  /** For tests. */
  readonly lookedAt?: number
}): AuditLog => ({
  list: async (scope, query) => {
    const { db } = deps.database
    const span = spanOf(query, deps.clock.now())
    const last = cursorOf(query)
    const looked = await lookAt(db, scope, { last, limit: deps.lookedAt ?? lookedAtMax })
    if (looked === null) return { items: [], next_cursor: null }
    const rows = await selectEntries(db, scope, { query, span, last, looked })
    const page = rows.slice(0, query.limit)
    const next = rows.length > page.length ? (page.at(-1)?.id ?? null) : nextOf(looked, span)
    return { items: page.map(shape), next_cursor: next }
  },
})

type Span = { readonly since: Date | null; readonly until: Date | null }

const spanOf = ({ since, until }: AuditQuery, now: number): Span => {
  const bound = (words: string | undefined, end: 'since' | 'until') => {
    if (words === undefined) return null
    const ms = readMoment(words, now, end)
    if (ms === null) throw fault('E_INPUT', { public: `${end} is not a moment: ${momentForms}` })
    return new Date(ms)
  }
  return { since: bound(since, 'since'), until: bound(until, 'until') }
}

const cursorOf = ({ cursor }: AuditQuery): string | null => {
  if (cursor !== undefined && !/^[1-9]\d{0,17}$/.test(cursor))
    throw fault('E_INPUT', { public: 'cursor is not one of ours' })
  return cursor ?? null
}

type Looked = { readonly first: string; readonly at: Date; readonly isFull: boolean }

/** How far one page looks back: the key and the time of the oldest row of it. */
const lookAt = async (
  db: Db,
  scope: Scope,
  { last, limit }: { readonly last: string | null; readonly limit: number },
): Promise<Looked | null> => {
  const { rows } = await sql<{ first: string | null; at: Date | null; count: string }>`
    select min(id)::text as first, min(at) as at, count(*)::text as count from (
      select id, at from audit where ${before(scope, last)} order by id desc limit ${limit}) as looked
  `.execute(db)
  const { first, at, count } = rows[0] ?? { first: null, at: null, count: '0' }
  return first === null || at === null ? null : { first, at, isFull: Number(count) === limit }
}

const before = (scope: Scope, last: string | null): RawBuilder<unknown> =>
  last === null
    ? sql`organisation_id = ${scope.organisation}`
    : sql`organisation_id = ${scope.organisation} and id < ${last}::bigint`

/** null: what is older than was looked at is not there, or too old. */
const nextOf = ({ first, at, isFull }: Looked, { since }: Span): string | null =>
  isFull && (since === null || at.getTime() >= since.getTime() - longestTransactionMs) ? first : null

type Row = {
  readonly id: string
  readonly at: Date
  readonly kind: AuditEntry['actor']['kind']
  readonly actor: { readonly id: string; readonly name: string }
  readonly action: string
  readonly target: string
  readonly project: AuditEntry['project']
  readonly runId: string | null
  readonly result: AuditEntry['result']
  readonly code: string | null
  readonly facts: AuditEntry['facts']
}

const selectEntries = async (
  db: Db,
  scope: Scope,
  asked: {
    readonly query: AuditQuery
    readonly span: Span
    readonly last: string | null
    readonly looked: Looked
  },
): Promise<readonly Row[]> => {
  const { rows } = await sql<Row>`
    select a.id::text, a.at, a.actor_kind as kind, ${actorIn(sql`a.actor_id`)} as actor, a.action, a.target,
      case when p.id is not null then json_build_object('id', p.id, 'name', p.name) end as project,
      a.run_id as "runId", a.result, a.code, a.details as facts
    from (select * from audit where ${before(scope, asked.last)} and id >= ${asked.looked.first}::bigint) as a
    left join projects p on p.id = a.project_id and p.organisation_id = ${scope.organisation}
    where ${sql.join(conditionsOf(asked.query, asked.span), sql` and `)}
    order by a.id desc limit ${asked.query.limit + 1}
  `.execute(db)
  return rows
}

const conditionsOf = (query: AuditQuery, { since, until }: Span): readonly RawBuilder<unknown>[] => [
  sql`true`,
  ...(query.action === undefined
    ? []
    : [sql`(a.action = ${query.action} or starts_with(a.action, ${`${query.action}.`}))`]),
  ...(query.actor === undefined ? [] : [sql`a.actor_id = ${query.actor}`]),
  ...(query.target === undefined ? [] : [sql`a.target = ${query.target}`]),
  ...(query.project === undefined ? [] : [sql`(p.id = ${query.project} or p.name = ${query.project})`]),
  ...(query.result === undefined ? [] : [sql`a.result = ${query.result}`]),
  ...(since === null ? [] : [sql`a.at >= ${since}`]),
  ...(until === null ? [] : [sql`a.at < ${until}`]),
]

const shape = (row: Row): AuditEntry => ({
  id: row.id,
  at: row.at.toISOString(),
  actor: { kind: row.kind, ...row.actor },
  ...{ action: row.action, target: row.target, project: row.project, run_id: row.runId },
  ...{ result: row.result, code: row.code, facts: row.facts },
})
