// What source hosts sent and what came of it, newest first: "I pushed and nothing happened" is answered here.
import { sql } from 'kysely'
import { fault } from '../../base/faults.ts'
import { type DeliveryId, type ProjectId, parseId, type RunId } from '../../base/ids.ts'
import type { Delivery } from '../../protocol/api/shapes.ts'
import type { Database } from '../db/database.ts'
import type { Deliveries } from '../use-cases.ts'

type Row = {
  readonly id: DeliveryId
  readonly project: ProjectId
  readonly receivedAt: Date
  readonly ref: string | null
  readonly old: string | null
  readonly new: string | null
  readonly verdict: Delivery['verdict']
  readonly reason: string
  readonly run: RunId | null
}

export const createDeliveries = ({ database: { db } }: { readonly database: Database }): Deliveries => ({
  list: async (scope, { limit, cursor, project }) => {
    const before = cursor === undefined ? null : parseId('delivery', cursor)
    if (cursor !== undefined && before === null)
      throw fault('E_INPUT', { public: 'cursor is not one of ours' })
    const { rows } = await sql<Row>`
      select d.id, d.project_id as project, d.received_at as "receivedAt", d.ref, d.old_commit as old, d.new_commit as new,
        d.verdict, d.reason, d.run_id as run
      from deliveries d join projects p on p.id = d.project_id
      where d.organisation_id = ${scope.organisation} and (${before}::text is null or d.id < ${before})
        and (${project ?? null}::text is null or p.id = ${project ?? null} or p.name = ${project ?? null})
      order by d.id desc limit ${limit + 1}`.execute(db)
    const page = rows.slice(0, limit)
    return {
      items: page.map(shape),
      next_cursor: rows.length > page.length ? (page.at(-1)?.id ?? null) : null,
    }
  },
})

const shape = (row: Row): Delivery => ({
  id: row.id,
  project_id: row.project,
  received_at: row.receivedAt.toISOString(),
  ref: row.ref,
  old: row.old,
  new: row.new,
  verdict: row.verdict,
  reason: row.reason,
  run_id: row.run,
})
