// How much waits and runs at this moment, and on what, over all projects: what a scrape of the metrics asks.
import { sql } from 'kysely'
import type { Db } from '../db/database.ts'
import type { Runners } from '../use-cases.ts'

export type Load = {
  readonly ready: number
  readonly held: number
  readonly oldestSeconds: number
  readonly running: ReadonlyMap<string, number>
  readonly onHold: number
  readonly runners: ReadonlyMap<string, number>
  readonly slots: number
}

type Row = {
  readonly status: 'queued' | 'running'
  readonly kind: string
  readonly held: boolean
  readonly count: number
  readonly oldest: number
}

const kinds = ['plan', 'job', 'refs'] as const
const statuses = ['online', 'offline', 'suspended'] as const

export const readLoad = async (deps: {
  readonly database: { readonly db: Db }
  readonly runners: Pick<Runners, 'list'>
}): Promise<Load> => {
  const { db } = deps.database
  const { rows } = await sql<Row>`
    select a.status, j.kind, a.held, count(*) as count,
      extract(epoch from now() - min(a.queued_at))::float8 as oldest
    from attempts a join jobs j on j.id = a.job_id where a.status in ('queued', 'running')
    group by a.status, j.kind, a.held`.execute(db)
  const { rows: waiting } = await sql<{ count: number }>`
    select count(*) as count from runs r join jobs j on j.run_id = r.id
    where r.finished_at is null and j.status = 'on_hold'`.execute(db)
  const { items } = await deps.runners.list()
  const sum = (of: readonly Row[]) => of.reduce((total, { count }) => total + count, 0)
  const queued = rows.filter(({ status }) => status === 'queued')
  const online = items.filter(({ status }) => status === 'online')
  return {
    ready: sum(queued.filter(({ held }) => !held)),
    held: sum(queued.filter(({ held }) => held)),
    oldestSeconds: Math.max(0, ...queued.map(({ oldest }) => oldest)),
    running: new Map(
      kinds.map((kind) => [kind, sum(rows.filter((row) => row.status === 'running' && row.kind === kind))]),
    ),
    onHold: waiting[0]?.count ?? 0,
    runners: new Map(
      statuses.map((status) => [status, items.filter((runner) => runner.status === status).length]),
    ),
    slots: online.reduce((total, { facts }) => total + (Number(facts?.slots) || 0), 0),
  }
}
