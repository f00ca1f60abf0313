// Leases: takes attempts from the queue for one runner and reads what it needs to know about them, in one transaction
// with the changes of their runs. Two runners never see the same row: the claim skips what another one has locked.
import assert from 'node:assert'
import { sql } from 'kysely'
import type { AttemptId, JobId, LeaseId, RunId, RunnerId } from '../../base/ids.ts'
import type { Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { changeRun } from '../runs/change.ts'
import { type LeaseDetails, readLeaseDetails } from './lease-details.ts'

export type ClaimRequest = {
  readonly runner: RunnerId
  readonly session: number
  /** Free places by class. */
  readonly free: Readonly<Record<string, number>>
  /** At most this many in all. */
  readonly max: number
}

type Claimed = {
  readonly id: AttemptId
  readonly lease: LeaseId
  readonly run: RunId | null
  readonly job: JobId
  readonly number: number
}

export const claimAttempts = async (
  deps: { readonly db: Db; readonly newId: NewId },
  request: ClaimRequest,
): Promise<readonly LeaseDetails[]> => {
  const wanted = Object.entries(request.free).filter(([, count]) => count > 0)
  if (wanted.length === 0 || request.max === 0) return []
  return inTransaction(deps.db, async (tx) => {
    const claimed = await lease(tx, deps.newId, { ...request, wanted })
    if (claimed.length === 0) return []
    await startAttempts(tx, deps.newId, claimed)
    return readLeaseDetails(
      tx,
      claimed.map((attempt) => attempt.id),
    )
  })
}

/** The runner enforces the time limit; this long after it the server stops believing in the runner. */
const backstop = sql`interval '15 minutes'`
const builtInSeconds = 900

/** Writes the lease into the rows it locks; their status follows from the rules (startAttempts). */
const lease = async (
  tx: Tx,
  newId: NewId,
  { runner, session, max, wanted }: ClaimRequest & { readonly wanted: readonly [string, number][] },
): Promise<readonly Claimed[]> => {
  const { rows } = await sql<Claimed>`
    with picked as (
      select a.id, row_number() over () as n
      from unnest(${wanted.map(([name]) => name)}::text[], ${wanted.map(([, count]) => count)}::integer[]) as c (class, n)
      cross join lateral (
        select id from attempts where status = 'queued' and class = c.class
        order by queue_order limit c.n for update skip locked) a
      limit ${max}
    )
    update attempts a set lease_id = l.id, runner_id = ${runner}, session = ${session}, beats = 0,
      deadline_at = now() + ${backstop} + make_interval(secs =>
        coalesce((j.spec ->> 'timeoutMs')::float8 / 1000, ${builtInSeconds}))
    from jobs j, picked join unnest(${Array.from({ length: max }, () => newId('lease'))}::text[]) with ordinality as l (id, n)
      on l.n = picked.n
    where a.id = picked.id and j.id = a.job_id
    returning a.id, a.lease_id as lease, a.run_id as run, a.job_id as job, a.number`.execute(tx)
  return rows
}

/** Runs in the order of their ids, so that two claims cannot wait for each other. */
const startAttempts = async (tx: Tx, newId: NewId, claimed: readonly Claimed[]): Promise<void> => {
  const byRun = [...Map.groupBy(claimed, (attempt) => attempt.run)]
  const inOrder = byRun.sort(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1))
  for (const [run, attempts] of inOrder) {
    if (run === null) {
      await startOutsideRuns(tx, attempts)
      continue
    }
    const events = attempts.map(({ job, number }) => ({ kind: 'claimed' as const, job, number }))
    const changed = await changeRun(tx, run, events, { newId })
    const started = changed?.changes.filter((change) => change.kind === 'attempt' && change.to === 'running')
    assert.equal(started?.length, attempts.length, 'a queued attempt can be claimed')
  }
}

const startOutsideRuns = async (tx: Tx, attempts: readonly Claimed[]): Promise<void> => {
  await sql`
    update jobs set status = 'running' where id = any(${attempts.map((attempt) => attempt.job)}::text[])`.execute(
    tx,
  )
  await sql`
    update attempts set status = 'running', started_at = now()
    where id = any(${attempts.map((attempt) => attempt.id)}::text[])`.execute(tx)
}
