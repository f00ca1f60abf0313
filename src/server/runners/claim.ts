// Leases: takes attempts from the queue for one runner, with what it needs to know about them, in one transaction with the
// changes of their runs. Two runners never see the same row: the claim skips what another one has locked.
import assert from 'node:assert'
import { sql } from 'kysely'
import type { RunId, RunnerId } from '../../base/ids.ts'
import type { Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { changeRun } from '../runs/change.ts'
import type { LeaseDetails } from '../runs/leased.ts'
import { leaseDeadlineSeconds, type NewLease } from '../runs/new-lease.ts'
import { type QueuedAttempt, takeQueued } from './lease-details.ts'

export type ClaimRequest = {
  readonly runner: RunnerId
  readonly session: number
  /** Free places by class. */
  readonly free: Readonly<Record<string, number>>
  /** At most this many in all. */
  readonly max: number
  /** What this runner compiles with. */
  readonly compiler: string | null
}

export const claimAttempts = async (
  deps: { readonly db: Db; readonly newId: NewId },
  { runner, session, free, max, compiler }: ClaimRequest,
): Promise<readonly LeaseDetails[]> => {
  const wanted = Object.entries(free).filter(([, count]) => count > 0)
  if (wanted.length === 0 || max === 0) return []
  return inTransaction(deps.db, async (tx) => {
    const queued = await takeQueued(tx, wanted, max)
    const claimed = queued.map((attempt) => ({
      attempt,
      lease: {
        ...{ id: deps.newId('lease'), runner, session },
        deadlineSeconds: leaseDeadlineSeconds(attempt.spec),
        // A plan of the same compiler with other orbs may be another plan.
        compiler: attempt.orbsKey === null || compiler === null ? null : compiler + attempt.orbsKey,
      },
    }))
    await startAttempts(tx, deps.newId, claimed)
    return claimed.map(({ attempt, lease }) => ({ ...attempt, lease: lease.id }))
  })
}

type Claimed = { readonly attempt: QueuedAttempt; readonly lease: NewLease }

/** Runs in the order of their ids, so that two claims cannot wait for each other. */
const startAttempts = async (tx: Tx, newId: NewId, claimed: readonly Claimed[]): Promise<void> => {
  const byRun = [...Map.groupBy(claimed, ({ attempt }) => attempt.run)]
  const inOrder = byRun.sort(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1))
  for (const [run, ofRun] of inOrder) {
    if (run === null) await startOutsideRuns(tx, ofRun)
    else await startInRun(tx, newId, run, ofRun)
  }
}

const startInRun = async (tx: Tx, newId: NewId, run: RunId, claimed: readonly Claimed[]): Promise<void> => {
  const events = claimed.map(({ attempt: { job, number } }) => ({ kind: 'claimed' as const, job, number }))
  const leases = new Map(claimed.map(({ attempt, lease }) => [attempt.job, lease]))
  const changed = await changeRun(tx, run, events, { newId, leases })
  const started = changed?.changes.filter((change) => change.kind === 'attempt' && change.to === 'running')
  assert.equal(started?.length, claimed.length, 'a queued attempt can be claimed')
}

const startOutsideRuns = async (tx: Tx, claimed: readonly Claimed[]): Promise<void> => {
  for (const { attempt, lease } of claimed)
    await sql`
      with job as (update jobs set status = 'running' where id = ${attempt.job})
      update attempts set status = 'running', started_at = now(), lease_id = ${lease.id}, runner_id = ${lease.runner},
        session = ${lease.session}, deadline_at = now() + make_interval(secs => ${lease.deadlineSeconds})
      where id = ${attempt.attempt}`.execute(tx)
}
