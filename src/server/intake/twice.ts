// A project that is polled may have a hook as well: then every push is told twice, in either order and at any time, and must
// start one run. The later one finds its double and marks it, so that each is matched once (docs/decisions/0027).
import { sql } from 'kysely'
import type { DeliveryId, ProjectId } from '../../base/ids.ts'
import type { Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { Push } from './delivery-body.ts'

/** Hook and look, one after the other: what one stores the other sees. Rows that refer to the project go on: the end of a plan that a push waits for writes some. */
export const lockPolled = async (tx: Tx, project: ProjectId): Promise<void> =>
  void (await sql`select 1 from projects where id = ${project} for no key update`.execute(tx))

/** Of a push that a hook tells: the delivery by which polling found it; not one that was found before it was sent. */
export const pairWithPolled = (tx: Tx, project: ProjectId, push: Push): Promise<DeliveryId | null> => {
  const since = Date.parse(push.sentAt) - limits.deliveryClockSkewMs
  const isRecent = sql`d.source = 'poll' and d.received_at > ${new Date(Number.isNaN(since) ? 0 : since)}
    and d.received_at > now() - make_interval(hours => ${limits.deliveryRememberedHours})`
  return pair(tx, project, { push, isDouble: isRecent })
}

/**
 * Of a change that polling finds: the delivery by which a hook told it. Not one from before the last look began, which would
 * have seen it, and of no other push of the same commit to the same ref.
 */
export const pairWithTold = (
  tx: Tx,
  project: ProjectId,
  { push, since }: { readonly push: Pick<Push, 'ref' | 'new'>; readonly since: Date },
): Promise<DeliveryId | null> =>
  pair(tx, project, {
    push,
    isDouble: sql`d.source in ('hook', 'webhook') and d.verdict in ('run', 'no_run') and d.received_at >= ${since}`,
  })

const pair = async (
  tx: Tx,
  project: ProjectId,
  { push, isDouble }: { readonly push: Pick<Push, 'ref' | 'new'>; readonly isDouble: ReturnType<typeof sql> },
): Promise<DeliveryId | null> => {
  const { rows } = await sql<{ id: DeliveryId }>`
    update deliveries set twice = true where id = (
      select d.id from deliveries d
      where d.project_id = ${project} and d.ref = ${push.ref} and d.new_commit = ${push.new} and not d.twice and ${isDouble}
      order by d.id limit 1)
    returning id`.execute(tx)
  return rows[0]?.id ?? null
}
