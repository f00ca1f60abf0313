// Ends a run in the caller's transaction: what waits does not begin, what runs is told to stop.
import { sql } from 'kysely'
import type { RunId } from '../../base/ids.ts'
import type { Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { changeRun } from './change.ts'

/** false when there was nothing to cancel any more. */
export const cancelInTransaction = async (
  tx: Tx,
  newId: NewId,
  { run, by }: { readonly run: RunId; readonly by: string },
): Promise<boolean> => {
  // Claims lock queued attempts before the run; taking them in the same order keeps clear of a deadlock.
  await sql`select 1 from attempts where run_id = ${run} and status = 'queued' order by queue_order for update`.execute(
    tx,
  )
  const changed = await changeRun(tx, run, [{ kind: 'cancel-requested' }], { newId, by })
  return changed !== null && changed.changes.length > 0
}
