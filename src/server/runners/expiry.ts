// Calls leases lost that are not renewed, or that stay long after their time limit. It counts its own uptime, never a
// clock on the wall, which may jump: silence counts from the moment this process first saw the present number of beats,
// the time limit from when it first saw the lease, so a restart gives every live lease its full time.
// Several servers may watch the same leases: losing one is a compare-and-set on the beats that were seen.
import { sql } from 'kysely'
import type { Clock } from '../../base/clock.ts'
import type { AttemptId, LeaseId } from '../../base/ids.ts'
import { leaseGraceMs, leaseTtlMs } from '../../protocol/runner-wire.ts'
import { limits } from '../limits.ts'
import { type LoseDeps, type Loss, loseAttempt } from './lose.ts'

type Deps = LoseDeps & { readonly clock: Clock }
type Row = {
  readonly id: AttemptId
  readonly lease: LeaseId
  readonly beats: number
  readonly runner: string
  /** How long the server believes in its runner: the time limit of the job and something more. */
  readonly allowedMs: number | null
}
type Seen = { readonly beats: number; readonly since: number; readonly first: number }

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
        next.set(lease, before?.beats === beats ? before : { beats, since: now, first: before?.first ?? now })
      }
      seen = next
      const due = rows.flatMap((row) => {
        const { since, first } = seen.get(row.lease) ?? { since: now, first: now }
        const isOverdue = row.allowedMs !== null && now - first >= row.allowedMs
        const isSilent = now - since >= leaseTtlMs + leaseGraceMs
        return isOverdue || isSilent ? [{ id: row.id, loss: lossOf(row, isOverdue) }] : []
      })
      return loseAll(deps, due)
    },
  }
}

type Due = { readonly id: AttemptId; readonly loss: ReturnType<typeof lossOf> }

/** A host that went away takes hundreds with it, and each waits for the one before: a few at once, which leaves others their connections. */
const loseAll = async (deps: Deps, due: readonly Due[]): Promise<number> => {
  const left = due.values()
  let lost = 0
  const lane = async () => {
    for (const { id, loss } of left) if (await loseAttempt(deps, id, loss)) lost++
  }
  await Promise.all(Array.from({ length: limits.lostAtOnce }, lane))
  return lost
}

const lossOf = (row: Row, isOverdue: boolean): { readonly loss: Loss; readonly beats?: number } => {
  const code = 'E_LEASE_LOST'
  if (isOverdue)
    return { loss: { code, message: `Runner ${row.runner} did not end it long after its time limit` } }
  return { loss: { code, message: `Runner ${row.runner} was not heard of any more` }, beats: row.beats }
}

const selectLeases = async ({ db }: Deps): Promise<readonly Row[]> => {
  const { rows } = await sql<Row>`
    select a.id, a.lease_id as lease, a.beats, n.name as runner,
      extract(epoch from a.deadline_at - a.started_at)::float8 * 1000 as "allowedMs"
    from attempts a join runners n on n.id = a.runner_id where a.status = 'running'`.execute(db)
  return rows
}
