// What source hosts sent and what came of it, newest first: "I pushed and nothing happened" is answered here.
import { type RawBuilder, sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import { type DeliveryId, type ProjectId, parseId, type RunId } from '../../base/ids.ts'
import type { Delivery } from '../../protocol/api/shapes.ts'
import type { Scope } from '../access/actor.ts'
import { inScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'
import { actorIn } from '../runs/actor-name.ts'
import type { Deliveries, DeliveriesQuery, Page } from '../use-cases.ts'
import type { ToldPullRequest } from './delivery-body.ts'
import { type ReplayDeps, replayDelivery } from './replay.ts'

export const createDeliveries = (deps: ReplayDeps): Deliveries => ({
  list: (scope, query) => listDeliveries(deps.database.db, scope, query),
  find: (scope, id) => findDelivery(deps.database.db, scope, id),
  replay: async (actor, id) => {
    const made = await replayDelivery(deps, actor, id)
    const delivery = await findDelivery(deps.database.db, actor.scope, made)
    if (delivery === null) throw fault('E_NOT_FOUND', { public: 'The project was deleted meanwhile' })
    return delivery
  },
})

const listDeliveries = async (db: Db, scope: Scope, query: DeliveriesQuery): Promise<Page<Delivery>> => {
  const last = query.cursor === undefined ? null : parseId('delivery', query.cursor)
  if (query.cursor !== undefined && last === null)
    throw fault('E_INPUT', { public: 'cursor is not one of ours' })
  const isOldestFirst = query.sort === 'created_at'
  const conditions = [
    sql`true`,
    ...(last === null ? [] : [isOldestFirst ? sql`d.id > ${last}` : sql`d.id < ${last}`]),
    ...(query.project === undefined ? [] : [sql`(p.id = ${query.project} or p.name = ${query.project})`]),
    ...(query.verdict === undefined ? [] : [sql`d.verdict = ${query.verdict}`]),
    ...(query.source === undefined ? [] : [sql`d.source = ${query.source}`]),
    ...(query.ref === undefined
      ? []
      : [sql`d.ref in (${query.ref}, ${`refs/heads/${query.ref}`}, ${`refs/tags/${query.ref}`})`]),
    ...(query.commit === undefined ? [] : [sql`starts_with(d.new_commit, ${query.commit})`]),
  ]
  const rows = await selectDeliveries(db, scope, {
    where: sql.join(conditions, sql` and `),
    ...{ limit: query.limit + 1, isOldestFirst },
  })
  const page = rows.slice(0, query.limit)
  return {
    items: page.map(shape),
    next_cursor: rows.length > page.length ? (page.at(-1)?.id ?? null) : null,
  }
}

const findDelivery = async (db: Db, scope: Scope, id: DeliveryId): Promise<Delivery | null> => {
  const [row] = await selectDeliveries(db, scope, {
    where: sql`d.id = ${id}`,
    limit: 1,
    isOldestFirst: false,
  })
  return row === undefined ? null : shape(row)
}

type Row = {
  readonly id: DeliveryId
  readonly project: ProjectId
  readonly projectName: string
  readonly receivedAt: Date
  readonly sentAt: Date | null
  readonly source: Delivery['source']
  readonly ref: string | null
  readonly old: string | null
  readonly new: string | null
  readonly pullRequest: ToldPullRequest | null
  readonly verdict: Delivery['verdict']
  readonly reason: string
  readonly runId: RunId | null
  readonly run: Delivery['run']
  readonly replayOf: DeliveryId | null
  readonly replayedBy: Delivery['replayed_by']
  readonly replays: number
}

const selectDeliveries = async (
  db: Db,
  scope: Scope,
  {
    where,
    limit,
    isOldestFirst,
  }: {
    readonly where: RawBuilder<unknown>
    readonly limit: number
    readonly isOldestFirst: boolean
  },
): Promise<readonly Row[]> => {
  const { rows } = await sql<Row>`
    select d.id, d.project_id as project, p.name as "projectName", d.received_at as "receivedAt", d.sent_at as "sentAt",
      d.source, d.ref, d.old_commit as old, d.new_commit as new, d.pull_request as "pullRequest", d.verdict, d.reason, d.run_id as "runId",
      d.replay_of as "replayOf", ${actorIn(sql`d.replayed_by`)} as "replayedBy",
      (select count(*) from deliveries again where again.replay_of = d.id) as replays,
      case when r.id is not null then json_build_object('id', r.id, 'number', r.number, 'status', r.status,
        'headline', r.headline) end as run
    from deliveries d join projects p on p.id = d.project_id left join runs r on r.id = d.run_id
    where ${inScope(scope, 'd')} and ${where}
    order by d.id ${isOldestFirst ? sql`asc` : sql`desc`} limit ${limit}`.execute(db)
  return rows
}

const shape = (row: Row): Delivery => ({
  id: row.id,
  project_id: row.project,
  project: { id: row.project, name: row.projectName },
  received_at: row.receivedAt.toISOString(),
  sent_at: row.sentAt?.toISOString() ?? null,
  source: row.source,
  ref: row.ref,
  old: row.old,
  new: row.new,
  pull_request: pullRequestOf(row),
  verdict: row.verdict,
  reason: row.reason,
  run_id: row.runId,
  run: row.run,
  replay_of: row.replayOf,
  replayed_by: row.replayedBy,
  replays: row.replays,
})

const pullRequestOf = ({ pullRequest }: Row): Delivery['pull_request'] =>
  pullRequest && { number: pullRequest.number, url: pullRequest.url, title: pullRequest.title ?? null }
