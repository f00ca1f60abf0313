// Renews leases: one statement for all of a runner's, counted in the row so that every server sees it.
import { sql } from 'kysely'
import type { LeaseId, RunnerId } from '../../base/ids.ts'
import { type BeatAnswer, type BeatRequest, leaseTtlMs } from '../../protocol/runner-wire.ts'
import type { Db } from '../db/database.ts'

export const renewLeases = async (
  db: Db,
  runner: RunnerId,
  { session, leases, usage }: Omit<BeatRequest, 'v'>,
): Promise<BeatAnswer> => {
  const { rows } = await sql<{ lease: LeaseId }>`
    with held as (
      select id from attempts
      where lease_id = any(${leases}::text[]) and runner_id = ${runner} and session = ${session} and status = 'running'
      order by id for update
    ), seen as (
      update runners set last_seen_at = now() where id = ${runner} and session = ${session} returning 1
    )
    update attempts a set beats = a.beats + 1, renewed_at = now() from held where a.id = held.id returning a.lease_id as lease`.execute(
    db,
  )
  const renewed = new Set(rows.map((row) => row.lease))
  if (usage !== undefined) await keepUsage(db, [...renewed], usage)
  return {
    leases: Object.fromEntries(
      leases.map((lease) => [lease, renewed.has(lease) ? { ttlMs: leaseTtlMs } : { lost: true as const }]),
    ),
  }
}

/** Of leases that were just renewed for this runner; somebody watches them. What the end tells wins, since it is told last. */
const keepUsage = async (
  db: Db,
  renewed: readonly LeaseId[],
  usage: NonNullable<BeatRequest['usage']>,
): Promise<void> => {
  const told = renewed.filter((lease) => usage[lease] !== undefined)
  if (told.length === 0) return
  await sql`
    insert into attempt_usage (attempt_id, series)
    select a.id, t.series
    from unnest(${told}::text[], ${told.map((lease) => JSON.stringify(usage[lease]))}::text[]) as t (lease, series)
    join attempts a on a.lease_id = t.lease and a.status = 'running'
    order by a.id
    on conflict (attempt_id) do update set series = excluded.series`.execute(db)
}
