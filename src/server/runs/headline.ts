// The first thing that went wrong, for the row of the run. Not for an attempt that is tried once more: that may end well.
import { sql } from 'kysely'
import type { JobId } from '../../base/ids.ts'
import type { Tx } from '../db/transaction.ts'
import type { ChangedRun } from './change.ts'

/** Keeps the one that is there. `message` is storable text. */
export const setHeadline = async (
  tx: Tx,
  { run, state }: ChangedRun,
  job: JobId,
  message: string,
): Promise<void> => {
  const ended = state.jobs.find((candidate) => candidate.id === job)
  const isRed = ended !== undefined && ['failed', 'timed_out', 'errored'].includes(ended.status)
  if (!isRed && state.status !== 'skipped') return
  const headline = ended?.workflow === null ? message : `${ended?.name}: ${message}`
  await sql`update runs set headline = ${headline} where id = ${run.id} and headline is null`.execute(tx)
}
