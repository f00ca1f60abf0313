// Stores the frames of runner requests: the request's body as it came in one row, and one small row per attempt that says
// where its frames are. Idempotent: what is already durable is skipped, what leaves a gap is not taken.
import { sql } from 'kysely'
import type { AttemptId, LeaseId, RunnerId } from '../../base/ids.ts'
import type { ParsedFrameItem } from '../../protocol/frames.ts'
import type { Db } from '../db/database.ts'
import { noticeRows, sendSql, tellOnCommit } from '../db/notify.ts'
import { tellerOf } from '../db/tell.ts'
import { inTransaction, onCommit, type Tx } from '../db/transaction.ts'
import { isSender } from '../runners/authenticate.ts'
import type { FreshFrames } from './fresh-frames.ts'

/** Whoever signed a request; `confirm` throws unless the key is that of an enrolled runner now. */
export type FrameSender = {
  readonly id: RunnerId
  readonly publicKey: Uint8Array
  confirm(): Promise<void>
}

export type FrameRequest = {
  readonly sender: FrameSender
  readonly body: Uint8Array
  readonly items: readonly ParsedFrameItem[]
}

/** Highest durable `seq` without a gap; null: the lease is not the runner's any more. */
export type Durable = { readonly attempt: AttemptId; readonly seq: number } | null
export type FrameResult = ReadonlyMap<LeaseId, Durable>

type Deps = { readonly db: Db; readonly fresh: FreshFrames }

/** Several requests, one commit. */
export const appendFrames = async (
  deps: Deps,
  requests: readonly FrameRequest[],
): Promise<readonly FrameResult[]> => {
  const [request, ...others] = requests
  const result = request !== undefined && others.length === 0 ? await appendNext(deps, request) : null
  if (result !== null) return [result]
  for (const { sender } of requests) await sender.confirm()
  return appendAll(deps, requests)
}

/**
 * The usual case in one statement, without looking first: frames of one attempt that go on where its log ends, sent by a
 * runner that is enrolled. null when they are not, and then nothing was written.
 */
const appendNext = async ({ db, fresh }: Deps, request: FrameRequest): Promise<FrameResult | null> => {
  const [first] = request.items
  if (first === undefined) return null
  const { sender } = request
  const { lease, header } = first
  const { attempt } = header
  const isOne = request.items.every((item) => item.lease === lease && item.header.attempt === attempt)
  const logKey = header.seq === 1 ? null : thereAlready
  const before = { attempt, runner: sender.id, lastSeq: header.seq - 1, logKey }
  const range = isOne ? takeRange(request, before, request.items) : null
  if (range === null || range.starts.length !== request.items.length) return null
  const { from, to, starts, lengths } = range
  const newKey = range.logKey === null ? null : Buffer.from(range.logKey)
  const { rows } = await sql`
    with grown as (
      update attempts set last_seq = ${to}, log_key = coalesce(log_key, ${newKey})
      where lease_id = ${lease} and id = ${attempt} and runner_id = ${sender.id} and status = 'running'
        and last_seq = ${from - 1} and (log_key is not null or ${newKey}::bytea is not null)
        and exists (select from runners where ${isSender(sender)})
      returning id
    ), batch as (insert into log_batches (body) select ${bodyOf(request)} from grown returning id),
    frames as (
      insert into log_frames (attempt_id, seq_from, seq_to, batch_id, starts, lengths)
      select grown.id, ${from}, ${to}, batch.id, ${starts}, ${lengths} from grown, batch
    )
    select ${sendSql(db, sql`'mayfly_log'`, sql`id`)} from grown`.execute(db)
  if (rows.length === 0) return null
  keepFresh(fresh, request, [range])
  tellerOf(db)({ channel: 'mayfly_log', payload: attempt })
  return new Map([[lease, { attempt, seq: to }]])
}

const appendAll = ({ db, fresh }: Deps, requests: readonly FrameRequest[]): Promise<readonly FrameResult[]> =>
  inTransaction(db, async (tx) => {
    const leases = await lockLeases(tx, requests)
    const stored: Stored[] = []
    const results = requests.map((request) => takeRequest(request, leases, stored))
    for (const [request, ranges] of Map.groupBy(stored, (range) => range.request)) {
      onCommit(tx, () => keepFresh(fresh, request, ranges))
      await writeRequest(tx, request, ranges)
    }
    return results
  })

/**
 * Before they are stored, because the vault takes longer than the tables: followers are woken before there is a frame, and have
 * the key opened meanwhile. It is used for nothing else.
 */
export const announceLogKeys = (
  { db, fresh }: Deps,
  logs: readonly { readonly attempt: AttemptId; readonly sealedKey: Uint8Array }[],
): void => {
  for (const { attempt, sealedKey } of logs) {
    if (fresh.announcedKey(attempt) !== null) continue
    fresh.announce(attempt, sealedKey)
    tellerOf(db)({ channel: 'mayfly_log', payload: attempt })
  }
}

/** What is durable now reaches those who follow it without being read back. */
const keepFresh = (fresh: FreshFrames, request: FrameRequest, ranges: readonly Stored[]): void => {
  for (const { attempt, from, starts, lengths, logKey } of ranges) {
    const frames = starts.map((start, i) => request.body.subarray(start, start + (lengths[i] ?? 0)))
    fresh.add(attempt, { from, frames, sealedKey: logKey })
  }
}

type Lease = {
  readonly attempt: AttemptId
  readonly runner: RunnerId
  lastSeq: number
  logKey: Uint8Array | null
}
/** Of a key only whether there is one counts here. */
const thereAlready = new Uint8Array(0)

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
        logKey: row.hasKey ? thereAlready : null,
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
      lease?.runner === request.sender.id && items.every((item) => item.header.attempt === lease.attempt)
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

const bodyOf = ({ body }: FrameRequest): Buffer => Buffer.from(body.buffer, body.byteOffset, body.length)

/** The body of one request, where each attempt's frames are in it, and how far each log has come, in one statement. */
const writeRequest = async (tx: Tx, request: FrameRequest, ranges: readonly Stored[]): Promise<void> => {
  const list = (numbers: readonly number[]) => `{${numbers.join(',')}}`
  const notices = ranges.map(({ attempt }) => ({ channel: 'mayfly_log', payload: attempt }) as const)
  await sql`
    with batch as (insert into log_batches (body) values (${bodyOf(request)}) returning id),
    range as (
      select * from unnest(${ranges.map(({ attempt }) => attempt)}::text[], ${ranges.map(({ from }) => from)}::integer[],
        ${ranges.map(({ to }) => to)}::integer[], ${ranges.map(({ starts }) => list(starts))}::text[],
        ${ranges.map(({ lengths }) => list(lengths))}::text[],
        ${ranges.map(({ logKey }) => (logKey === null ? null : Buffer.from(logKey).toString('hex')))}::text[])
        as r (attempt, first, last, starts, lengths, key)
    ), frames as (
      insert into log_frames (attempt_id, seq_from, seq_to, batch_id, starts, lengths)
      select attempt, first, last, batch.id, starts::integer[], lengths::integer[] from range, batch
    ), grown as (
      update attempts a set last_seq = r.last, log_key = coalesce(decode(r.key, 'hex'), a.log_key)
      from range r where a.id = r.attempt
    )
    select ${sendSql(tx, sql`channel`, sql`payload`)} from (${noticeRows(notices)}) as notice`.execute(tx)
  tellOnCommit(tx, notices)
}
