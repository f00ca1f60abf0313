// Stores the frames of runner requests: the request's body as it came in one row, and one small row per attempt that says
// where its frames are. Idempotent: what is already durable is skipped, what leaves a gap is not taken.
import { sql } from 'kysely'
import type { AttemptId, LeaseId, RunnerId } from '../../base/ids.ts'
import type { ParsedFrameItem } from '../../protocol/frames.ts'
import type { Db } from '../db/database.ts'
import { notify } from '../db/notify.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'

export type FrameRequest = {
  readonly runner: RunnerId
  readonly body: Uint8Array
  readonly items: readonly ParsedFrameItem[]
}

/** Highest durable `seq` without a gap; null: the lease is not the runner's any more. */
export type Durable = { readonly attempt: AttemptId; readonly seq: number } | null
export type FrameResult = ReadonlyMap<LeaseId, Durable>

/** Several requests, one commit. */
export const appendFrames = (db: Db, requests: readonly FrameRequest[]): Promise<readonly FrameResult[]> =>
  inTransaction(db, async (tx) => {
    const leases = await lockLeases(tx, requests)
    const stored: Stored[] = []
    const results = requests.map((request) => takeRequest(request, leases, stored))
    await insertBatches(tx, requests, stored)
    await advance(tx, stored)
    const grown = [...new Set(stored.map((range) => range.attempt))]
    await notify(
      tx,
      grown.map((payload) => ({ channel: 'mayfly_log', payload })),
    )
    return results
  })

type Lease = {
  readonly attempt: AttemptId
  readonly runner: RunnerId
  lastSeq: number
  logKey: Uint8Array | null
}
type Stored = {
  readonly request: FrameRequest
  readonly attempt: AttemptId
  readonly from: number
  readonly to: number
  readonly starts: readonly number[]
  readonly lengths: readonly number[]
  readonly logKey: Uint8Array | null
}

const lockLeases = async (tx: Tx, requests: readonly FrameRequest[]): Promise<Map<LeaseId, Lease>> => {
  const ids = new Set(requests.flatMap((request) => request.items.map((item) => item.lease)))
  const { rows } = await sql<{
    lease: LeaseId
    id: AttemptId
    runner: RunnerId
    lastSeq: number
    hasKey: boolean
  }>`
    select lease_id as lease, id, runner_id as runner, last_seq as "lastSeq", log_key is not null as "hasKey" from attempts
    where lease_id = any(${[...ids]}::text[]) and status = 'running' order by id for update`.execute(tx)
  return new Map(
    rows.map((row) => [
      row.lease,
      {
        attempt: row.id,
        runner: row.runner,
        lastSeq: row.lastSeq,
        logKey: row.hasKey ? new Uint8Array(0) : null,
      },
    ]),
  )
}

/** Takes of a request what continues each attempt's log, and adds it to `stored`. */
const takeRequest = (
  request: FrameRequest,
  leases: ReadonlyMap<LeaseId, Lease>,
  stored: Stored[],
): FrameResult => {
  const results = new Map<LeaseId, Durable>()
  for (const [id, items] of Map.groupBy(request.items, (item) => item.lease)) {
    const lease = leases.get(id)
    const isTheirs =
      lease?.runner === request.runner && items.every((item) => item.header.attempt === lease.attempt)
    if (lease === undefined || !isTheirs) {
      results.set(id, null)
      continue
    }
    const range = takeRange(request, lease, items)
    if (range !== null) stored.push(range)
    results.set(id, { attempt: lease.attempt, seq: lease.lastSeq })
  }
  return results
}

const takeRange = (request: FrameRequest, lease: Lease, items: readonly ParsedFrameItem[]): Stored | null => {
  const logKey = lease.logKey ?? items.find((item) => item.sealedKey !== null)?.sealedKey ?? null
  // Without its key a frame could never be read: such a request is not acknowledged.
  if (logKey === null) return null
  const from = lease.lastSeq + 1
  const starts: number[] = []
  const lengths: number[] = []
  for (const item of items.toSorted((a, b) => a.header.seq - b.header.seq)) {
    if (item.header.seq !== lease.lastSeq + 1) continue
    starts.push(item.offset)
    lengths.push(item.frame.length)
    lease.lastSeq = item.header.seq
  }
  if (starts.length === 0) return null
  const isNewKey = lease.logKey === null
  lease.logKey = logKey
  return {
    request,
    attempt: lease.attempt,
    from,
    to: lease.lastSeq,
    starts,
    lengths,
    logKey: isNewKey ? logKey : null,
  }
}

const insertBatches = async (
  tx: Tx,
  requests: readonly FrameRequest[],
  stored: readonly Stored[],
): Promise<void> => {
  for (const request of requests) {
    const ranges = stored.filter((range) => range.request === request)
    if (ranges.length === 0) continue
    const { rows } = await sql<{ id: number }>`
      insert into log_batches (body) values (${Buffer.from(request.body.buffer, request.body.byteOffset, request.body.length)})
      returning id`.execute(tx)
    const batch = rows[0]?.id ?? 0
    await tx
      .insertInto('log_frames')
      .values(
        ranges.map((range) => ({
          attempt_id: range.attempt,
          seq_from: range.from,
          seq_to: range.to,
          batch_id: batch,
          starts: [...range.starts],
          lengths: [...range.lengths],
        })),
      )
      .execute()
  }
}

const advance = async (tx: Tx, stored: readonly Stored[]): Promise<void> => {
  const last = [...new Map(stored.map((range) => [range.attempt, range.to]))]
  if (last.length === 0) return
  await sql`
    update attempts a set last_seq = c.seq
    from unnest(${last.map(([attempt]) => attempt)}::text[], ${last.map(([, seq]) => seq)}::integer[]) as c (id, seq)
    where a.id = c.id`.execute(tx)
  for (const { attempt, logKey } of stored)
    if (logKey !== null)
      await sql`update attempts set log_key = ${Buffer.from(logKey)} where id = ${attempt}`.execute(tx)
}
