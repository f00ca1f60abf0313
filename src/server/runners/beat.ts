// Renews leases: one statement for all of a runner's, counted in the row so that every server sees it.
import { sql } from 'kysely'
import type { LeaseId, RunnerId } from '../../base/ids.ts'
import { type BeatAnswer, leaseTtlMs } from '../../protocol/runner-wire.ts'
import type { Db } from '../db/database.ts'

export const renewLeases = async (
  db: Db,
  runner: RunnerId,
  { session, leases }: { readonly session: number; readonly leases: readonly LeaseId[] },
): Promise<BeatAnswer> => {
  const { rows } = await sql<{ lease: LeaseId }>`
    with held as (
      select id from attempts
      where lease_id = any(${leases}::text[]) and runner_id = ${runner} and session = ${session} and status = 'running'
      order by id for update
    ), seen as (
      update runners set last_seen_at = now() where id = ${runner} and session = ${session} returning 1
    )
    update attempts a set beats = a.beats + 1 from held where a.id = held.id returning a.lease_id as lease`.execute(
    db,
  )
  const renewed = new Set(rows.map((row) => row.lease))
  return {
    leases: Object.fromEntries(
      leases.map((lease) => [lease, renewed.has(lease) ? { ttlMs: leaseTtlMs } : { lost: true as const }]),
    ),
  }
}
