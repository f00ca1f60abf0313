// How much waits and runs at this moment, over all projects.
import { sql } from 'kysely'
import type { SystemStatus } from '../../protocol/api/shapes.ts'
import type { Executor } from '../access/queries.ts'
import { limits } from '../limits.ts'
import type { Finding } from './checks.ts'
import { span } from './words.ts'

export type Queue = NonNullable<SystemStatus['queue']>

export const readQueue = async (db: Executor): Promise<Queue> => {
  const { rows } = await sql<{ queued: number; running: number; oldest: number | null }>`
    select count(*) filter (where status = 'queued') as queued, count(*) filter (where status = 'running') as running,
      (extract(epoch from now() - min(queued_at) filter (where status = 'queued')) * 1000)::float8 as oldest
    from attempts where status in ('queued', 'running')`.execute(db)
  const { queued = 0, running = 0, oldest = null } = rows[0] ?? {}
  return { queued, running, oldest_queued_ms: oldest === null ? null : Math.max(0, Math.round(oldest)) }
}

export const judgeQueue = ({ queued, running, oldest_queued_ms: oldest }: Queue): Finding => {
  const count = `${queued} wait, ${running} run`
  if (oldest === null || oldest < limits.queueStaleMs) return { status: 'ok', detail: count }
  return {
    status: 'weak',
    detail: `${count}; the oldest waits for ${span(oldest)}`,
    mend: 'mayfly runs view, which says what a job waits for',
  }
}
