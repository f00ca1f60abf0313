// Whether and how often a project's source host is asked for what was pushed (server/intake/polls.ts), and how that goes.
import { sql } from 'kysely'
import type { ProjectId } from '../../base/ids.ts'
import type { Project } from '../../protocol/api/shapes.ts'
import type { Tx } from '../db/transaction.ts'

/** null: not at all, and what was known is forgotten: the first look after it is switched on again starts nothing. */
export const setPolling = async (tx: Tx, id: ProjectId, seconds: number | null): Promise<void> => {
  if (seconds !== null) {
    await sql`
      update projects set poll_seconds = ${seconds}, poll_next_at = now(), poll_failures = 0 where id = ${id}`.execute(
      tx,
    )
    return
  }
  await sql`
    update projects set poll_seconds = null, poll_next_at = null, poll_failures = 0, polled_at = null where id = ${id}`.execute(
    tx,
  )
  await sql`delete from known_refs where project_id = ${id}`.execute(tx)
}

/** Of `p`; null where it is not polled. One that is under way has not failed yet. */
export const pollingColumn = sql`
  case when p.poll_seconds is not null then (
    select json_build_object('next_at', p.poll_next_at, 'polled_at', p.polled_at,
      'failures', greatest(0, p.poll_failures - coalesce((last.status in ('queued', 'running'))::integer, 0)),
      'attempt_id', last.id, 'status', last.status, 'problem', last.failure_message)
    from (select 1) one left join lateral (
      select a.id, a.status, a.failure_message from attempts a join jobs j on j.id = a.job_id
      where a.project_id = p.id and a.run_id is null and j.key = 'poll' order by a.id desc limit 1) last on true) end`

export type PollingRow = {
  readonly next_at: string
  readonly polled_at: string | null
  readonly failures: number
  readonly attempt_id: string | null
  readonly status: string | null
  readonly problem: string | null
}

export const pollingOf = (row: PollingRow | null): Project['polling'] => {
  if (row === null) return null
  const { next_at, polled_at, failures, attempt_id, status, problem } = row
  const isOpen = status === 'passed' && failures > 0
  return {
    next_at: new Date(next_at).toISOString(),
    last_at: polled_at === null ? null : new Date(polled_at).toISOString(),
    failures,
    attempt_id,
    // It answered and showed nothing: so it is before a host key is confirmed.
    problem: isOpen ? 'No branch or tag was shown: contact the host and confirm its key' : problem,
  }
}
