// The end of an attempt, offered to the server until it is taken. A small one is a single request with everything that the
// server does not have yet (decision 0010); a larger one goes the separate way:
// 1 frames durable  2 finished log uploaded  3 events acknowledged  4 result and receipt.
import { utf8 } from '../../base/bytes.ts'
import { isFault } from '../../base/faults.ts'
import { encodeFinishBundle, finishBundleBytes, finishBundleBytesMax } from '../../protocol/finish-body.ts'
import { encodeFrameBatch, frameBatchItemBytes, frameBatchItemsMax } from '../../protocol/frames.ts'
import type { FinishRequest, LeaseGrant } from '../../protocol/runner-wire.ts'
import { eventsPerRequestMax } from '../../protocol/runner-wire-parse.ts'
import { signJws } from '../../seal/index.ts'
import { createBackoff } from '../backoff.ts'
import { finishMs, requestDeadlineMs } from '../limits.ts'
import type { EventQueue } from './events.ts'
import type { Journal, PackedLog } from './journal.ts'
import type { CarriedOut, LeaseDeps, Life } from './life.ts'
import type { FileBody } from './requests.ts'

type Ending = {
  readonly life: Life
  readonly signal: AbortSignal
  readonly journal: Journal
  readonly events: EventQueue
  readonly packed: PackedLog
  readonly finish: (lastEvent: number) => Uint8Array
}

export const conclude = async (
  life: Life,
  done: CarriedOut,
  { journal, events }: { readonly journal: Journal; readonly events: EventQueue },
): Promise<void> => {
  const { deps, grant, lost } = life
  const signal = AbortSignal.any([lost, AbortSignal.timeout(finishMs)])
  const [packed, receipt] = await Promise.all([journal.pack(), signReceipt(deps, grant, done)])
  if (signal.aborted) return
  const { outcome, reason, result } = done
  const finish = (lastEvent: number) =>
    json({
      v: 1,
      outcome,
      reason,
      receipt,
      lastSeq: packed.lastSeq,
      lastEvent,
      result,
    } satisfies FinishRequest)
  const ending = { life, signal, journal, events, packed, finish }
  const bundle = await bundleOf(ending)
  if (bundle !== null && (await offerBundle(ending, bundle)) === 'taken') return
  await goSeparately(ending)
}

/** null when it is too much for one request. */
const bundleOf = async ({ journal, events, packed, finish }: Ending): Promise<Uint8Array | null> => {
  if (packed.object !== null && !(packed.object instanceof Uint8Array)) return null
  const { frames, sealedKey } = packed.lastSeq === 0 ? { frames: [], sealedKey: null } : await journal.rest()
  const rest = events.withhold()
  const framesBytes = frames.reduce((sum, item) => sum + frameBatchItemBytes(item), 0)
  if (rest.events.length > eventsPerRequestMax || frames.length > frameBatchItemsMax) return null
  if (framesBytes > finishBundleBytesMax) return null
  const parts = {
    finish: finish(rest.lastEvent),
    events: rest.events.length === 0 ? null : json({ v: 1, events: rest.events }),
    sealedKey,
    frames: frames.length === 0 ? null : encodeFrameBatch(frames),
    log: packed.object,
  }
  return finishBundleBytes(parts) > finishBundleBytesMax ? null : encodeFinishBundle(parts)
}

/** A server that does not know the form refuses it. */
const offerBundle = async (ending: Ending, body: Uint8Array): Promise<'taken' | 'refused'> => {
  try {
    await untilTaken(ending, 'finish', { body, contentType: 'application/octet-stream' })
    return 'taken'
  } catch (error) {
    if (isFault(error, 'E_PROTOCOL')) return 'refused'
    throw error
  }
}

const goSeparately = async (ending: Ending): Promise<void> => {
  const { journal, events, packed, signal, finish } = ending
  if (packed.lastSeq > 0) await journal.durable(packed.lastSeq)
  if (packed.object !== null && !signal.aborted)
    await untilTaken(ending, 'log', { body: packed.object, contentType: 'application/octet-stream' })
  const lastEvent = await events.flush()
  if (!signal.aborted)
    await untilTaken(ending, 'finish', { body: finish(lastEvent), contentType: 'application/json' })
}

/** Sends it again until the server has it, the lease is lost or the time is over; a refusal in words is final. */
const untilTaken = async (
  { life: { deps, grant, onStop }, signal }: Ending,
  verb: 'log' | 'finish',
  what: {
    readonly body: Uint8Array | FileBody
    readonly contentType: 'application/json' | 'application/octet-stream'
  },
): Promise<void> => {
  const backoff = createBackoff()
  while (!signal.aborted) {
    try {
      const path = `/runner/v1/leases/${grant.lease}/${verb}`
      await deps.requests.send({ path, ...what, timeoutMs: requestDeadlineMs, signal })
      return
    } catch (error) {
      if (isFault(error, 'E_LEASE_LOST')) return onStop('lost')
      if (isFault(error) && !error.row.retryable && error.code !== 'E_INTERNAL') throw error
      deps.log.warn('not taken, trying again', { lease: grant.lease, verb, error })
      await backoff.wait(signal)
    }
  }
}

const json = (value: object): Uint8Array => utf8(JSON.stringify(value))

const signReceipt = async (deps: LeaseDeps, grant: LeaseGrant, done: CarriedOut): Promise<string | null> => {
  if (done.receipt === null) return null
  const { spec } = grant
  const claims = {
    ...done.receipt,
    attempt: grant.attempt,
    weak: deps.weak,
    egressMode: spec.kind === 'job' ? spec.egress.mode : 'none',
    secretNames: done.secretNames ?? [],
    ...(done.evidence === undefined ? {} : { evidence: done.evidence }),
    kept: done.kept,
    debug: false,
  }
  // SAFE: the same members, only numbers are rounded.
  const rounded = withWholeNumbers(claims) as typeof claims
  return signJws({ typ: 'mayfly-receipt+jwt', kid: deps.runner, claims: rounded }, deps.sign)
}

/** What is signed has one spelling, and fractions have none: seconds of processor time are rounded up. */
const withWholeNumbers = (value: unknown): unknown => {
  if (typeof value === 'number') return Math.ceil(value)
  if (Array.isArray(value)) return value.map(withWholeNumbers)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(members.map(([name, member]) => [name, withWholeNumbers(member)]))
}
