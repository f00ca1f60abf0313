// The life of one lease: keys for its log, the attempt itself, and the end, offered to the server until it is taken:
// 1 last frames durable  2 finished log uploaded  3 events acknowledged  4 receipt signed, result sent.
// A lost lease ends everything at once and sends nothing more.
import { join } from 'node:path'
import { concatBytes, utf8 } from '../../base/bytes.ts'
import type { Clock } from '../../base/clock.ts'
import { fault, isFault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import type { FinishRequest, LeaseGrant } from '../../protocol/runner-wire.ts'
import {
  type CryptoKey,
  generateLogKey,
  importLogKey,
  type KeyPair,
  sealLogKey,
  signJws,
} from '../../seal/index.ts'
import type { AttemptResult, StopReason } from '../attempt.ts'
import { createBackoff } from '../backoff.ts'
import { finishMs, requestDeadlineMs } from '../limits.ts'
import { createFrameStore, packLog } from '../logs/archive.ts'
import { createFramer } from '../logs/framer.ts'
import type { LeaseFrames, Shipper } from '../logs/shipper.ts'
import type { AttemptSink } from '../sink.ts'
import { createEventQueue, type EventQueue } from './events.ts'
import type { Requests } from './requests.ts'

export type CarriedOut = AttemptResult & {
  readonly result: FinishRequest['result']
  /** What of it this runner keeps for a while; stands in the receipt. */
  readonly kept: { readonly pack?: string }
}

export type LeaseDeps = {
  readonly requests: Requests
  readonly shipper: Shipper
  readonly runnerKey: CryptoKey
  readonly runner: string
  readonly ingestKey: Uint8Array
  /** For sealed frames of long logs, until they are packed. */
  readonly spoolDirectory: string
  readonly clock: Clock
  readonly log: Log
  /** The attempt by its kind. Resolves always. */
  readonly carryOut: (
    grant: LeaseGrant,
    eph: KeyPair | null,
    sink: AttemptSink,
    signal: AbortSignal,
  ) => Promise<CarriedOut>
  readonly weak: readonly string[]
}

export interface Lease {
  readonly id: LeaseGrant['lease']
  /** Resolves when the lease is over in every respect; false: a sandbox could not be proven gone. */
  readonly ended: Promise<boolean>
  stop(reason: StopReason): void
  setWatched(watched: boolean): void
}

export const startLease = (deps: LeaseDeps, grant: LeaseGrant, eph: KeyPair | null): Lease => {
  const stop = new AbortController()
  const watching: { set: (watched: boolean) => void } = { set: () => undefined }
  const onStop = (reason: StopReason) => {
    if (!stop.signal.aborted || reason === 'lost') stop.abort(reason)
    if (reason === 'lost') lost.abort()
  }
  const lost = new AbortController()
  const ended = live({ deps, grant, eph, stop: stop.signal, lost: lost.signal, onStop, watching }).catch(
    (error: unknown) => {
      deps.log.error('lease broke', { lease: grant.lease, attempt: grant.attempt, error })
      return !isFault(error, 'E_DESTROY_UNVERIFIED')
    },
  )
  return { id: grant.lease, ended, stop: onStop, setWatched: (watched) => watching.set(watched) }
}

type Life = {
  readonly deps: LeaseDeps
  readonly grant: LeaseGrant
  readonly eph: KeyPair | null
  readonly stop: AbortSignal
  readonly lost: AbortSignal
  readonly onStop: (reason: StopReason) => void
  readonly watching: { set: (watched: boolean) => void }
}

const live = async (life: Life): Promise<boolean> => {
  const { deps, grant, lost } = life
  const journal = await openJournal(life)
  const events = createEventQueue({
    clock: deps.clock,
    log: deps.log,
    post: (batch, signal) => postEvents(deps, grant, batch, signal),
    onLost: () => life.onStop('lost'),
    signal: lost,
  })
  try {
    const sink: AttemptSink = { output: journal.output, event: events.add }
    const done = await deps.carryOut(grant, life.eph, sink, life.stop)
    if (!lost.aborted) await conclude(life, done, { journal, events })
    return done.destroyed
  } finally {
    await journal.close()
  }
}

type Journal = {
  readonly output: AttemptSink['output']
  /** Everything written is durable on the server; answers the last number. */
  readonly flush: () => Promise<number>
  readonly pack: (lastSeq: number) => Promise<Uint8Array>
  readonly close: () => Promise<void>
}

const openJournal = async ({ deps, grant, onStop, watching }: Life): Promise<Journal> => {
  const { attempt, lease, spec } = grant
  const logKey = generateLogKey()
  const frameKey = await importLogKey(logKey)
  const sealedKey = await sealLogKey(deps.ingestKey, logKey, { project: spec.project.id, attempt })
  if (sealedKey === null) throw fault('E_PROTOCOL', { detail: 'the ingest key cannot be used' })
  const store = createFrameStore(join(deps.spoolDirectory, `${attempt}.frames`))
  const frames: LeaseFrames = deps.shipper.open({
    lease,
    sealedKey,
    onLost: () => onStop('lost'),
    onWatched: (watched) => watching.set(watched),
  })
  const framer = createFramer({
    attempt,
    key: frameKey,
    clock: deps.clock,
    emit: (frame) => {
      store.add(frame.bytes)
      frames.add(frame)
    },
  })
  let wasWatched = false
  watching.set = (watched) => {
    if (watched !== wasWatched) framer.setWatched(watched)
    wasWatched = watched
  }
  return {
    output: (step, bytes) => {
      framer.write(step, bytes)
      return frames.room()
    },
    flush: async () => {
      const lastSeq = await framer.finish()
      if (lastSeq > 0) await frames.durable(lastSeq)
      return lastSeq
    },
    pack: async (lastSeq) => {
      const pieces: Uint8Array[] = []
      for await (const piece of packLog({ attempt, logKey, frameKey, frames: store.frames(), lastSeq }))
        pieces.push(piece)
      return concatBytes(pieces)
    },
    close: async () => {
      frames.close()
      logKey.fill(0)
      await store.close()
    },
  }
}

const conclude = async (
  { deps, grant, lost, onStop }: Life,
  done: CarriedOut,
  { journal, events }: { readonly journal: Journal; readonly events: EventQueue },
): Promise<void> => {
  const signal = AbortSignal.any([lost, AbortSignal.timeout(finishMs)])
  const lastSeq = await journal.flush()
  if (lastSeq > 0 && !signal.aborted) {
    const object = await journal.pack(lastSeq)
    await untilTaken({ deps, grant, onStop, signal }, 'log', { object })
  }
  const lastEvent = await events.flush()
  if (signal.aborted) return
  const finish: FinishRequest = {
    v: 1,
    outcome: done.outcome,
    reason: done.reason,
    receipt: await signReceipt(deps, grant, done),
    lastSeq,
    lastEvent,
    result: done.result,
  }
  await untilTaken({ deps, grant, onStop, signal }, 'finish', { json: finish })
}

/** Sends it again until the server has it, the lease is lost or the time is over; a refusal in words is final. */
const untilTaken = async (
  at: Pick<Life, 'deps' | 'grant' | 'onStop'> & { readonly signal: AbortSignal },
  verb: 'log' | 'finish',
  what: { readonly json: unknown } | { readonly object: Uint8Array },
): Promise<void> => {
  const { deps, grant, signal } = at
  const backoff = createBackoff()
  const body = 'object' in what ? what.object : utf8(JSON.stringify(what.json))
  while (!signal.aborted) {
    try {
      await deps.requests.send({
        path: `/runner/v1/leases/${grant.lease}/${verb}`,
        body,
        contentType: 'object' in what ? 'application/octet-stream' : 'application/json',
        timeoutMs: requestDeadlineMs,
        signal,
      })
      return
    } catch (error) {
      if (isFault(error, 'E_LEASE_LOST')) return at.onStop('lost')
      if (isFault(error) && !error.row.retryable && error.code !== 'E_INTERNAL') throw error
      deps.log.warn('not taken, trying again', { lease: grant.lease, verb, error })
      await backoff.wait(signal)
    }
  }
}

const postEvents = async (
  deps: LeaseDeps,
  grant: LeaseGrant,
  events: Parameters<Parameters<typeof createEventQueue>[0]['post']>[0],
  signal: AbortSignal,
): Promise<void> => {
  await deps.requests.send({
    path: `/runner/v1/leases/${grant.lease}/events`,
    body: utf8(JSON.stringify({ v: 1, events })),
    contentType: 'application/json',
    timeoutMs: requestDeadlineMs,
    signal,
  })
}

const signReceipt = async (deps: LeaseDeps, grant: LeaseGrant, done: CarriedOut): Promise<string | null> => {
  if (done.receipt === null) return null
  const { spec } = grant
  const claims = {
    ...done.receipt,
    attempt: grant.attempt,
    weak: deps.weak,
    egressMode: spec.kind === 'job' ? spec.egress.mode : 'none',
    secretNames: [],
    kept: done.kept,
    debug: false,
  }
  return signJws(
    { typ: 'mayfly-receipt+jwt', kid: deps.runner, claims: withWholeNumbers(claims) },
    deps.runnerKey,
  )
}

/** What is signed has one spelling, and fractions have none: seconds of processor time are rounded up. */
const withWholeNumbers = <T>(value: T): T =>
  // SAFE: the same shape, only numbers are rounded.
  JSON.parse(JSON.stringify(value), (_key, member: unknown) =>
    typeof member === 'number' ? Math.ceil(member) : member,
  ) as T
