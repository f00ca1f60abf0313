// Calls leases lost that are not renewed. It counts its own uptime, never the clock on the wall: a lease counts from the
// moment this process first saw its present number of beats, so a restart gives every live lease a full time to live.
// Several servers may watch the same leases: losing one is a compare-and-set on the beats that were seen.
import { sql } from 'kysely'
import type { Clock } from '../../base/clock.ts'
import type { AttemptId, LeaseId } from '../../base/ids.ts'
import { leaseGraceMs, leaseTtlMs } from '../../protocol/runner-wire.ts'
import { type LoseDeps, type Loss, loseAttempt } from './lose.ts'

type Deps = LoseDeps & { readonly clock: Clock }
type Row = {
  readonly id: AttemptId
  readonly lease: LeaseId
  readonly beats: number
  readonly runner: string
  readonly isOverdue: boolean
}
type Seen = { readonly beats: number; readonly since: number }

export type Expiry = {
  /** One look at all leases. Called every few seconds; returns how many were lost. */
  sweep(): Promise<number>
}

export const createExpiry = (deps: Deps): Expiry => {
  let seen = new Map<LeaseId, Seen>()
  return {
    sweep: async () => {
      const now = deps.clock.monotonicMs()
      const rows = await selectLeases(deps)
      const next = new Map<LeaseId, Seen>()
      for (const { lease, beats } of rows) {
        const before = seen.get(lease)
        next.set(lease, before?.beats === beats ? before : { beats, since: now })
      }
      seen = next
      const isSilent = (row: Row) => now - (seen.get(row.lease)?.since ?? now) >= leaseTtlMs + leaseGraceMs
      let lost = 0
      for (const row of rows.filter((candidate) => candidate.isOverdue || isSilent(candidate)))
        if (await loseAttempt(deps, row.id, lossOf(row))) lost++
      return lost
    },
  }
}

const lossOf = (row: Row): { readonly loss: Loss; readonly beats?: number } => {
  const code = 'E_LEASE_LOST'
  if (row.isOverdue)
    return { loss: { code, message: `Runner ${row.runner} did not end it long after its time limit` } }
  return { loss: { code, message: `Runner ${row.runner} was not heard of any more` }, beats: row.beats }
}

const selectLeases = async ({ db }: Deps): Promise<readonly Row[]> => {
  const { rows } = await sql<Row>`
    select a.id, a.lease_id as lease, a.beats, n.name as runner, coalesce(a.deadline_at < now(), false) as "isOverdue"
    from attempts a join runners n on n.id = a.runner_id where a.status = 'running'`.execute(db)
  return rows
}
