// One session of a runner with its server: asks for work while slots are free, renews its leases, and hands each lease
// to lease.ts. Survives restarts of the server: whatever fails is tried again until the leases end by themselves.
// A lease ends `ttlMs` after its last accepted beat was *sent*, on our monotonic clock, whatever the server thinks.

import { setTimeout as sleep } from 'node:timers/promises'
import { toBase64Url, utf8 } from '../../base/bytes.ts'
import { isFault } from '../../base/faults.ts'
import type { LeaseId } from '../../base/ids.ts'
import {
  type BeatAnswer,
  type BeatRequest,
  beatEveryMs,
  type FramesAnswer,
  type LeaseGrant,
  type PollAnswer,
  type PollRequest,
  type RunnerFacts,
} from '../../protocol/runner-wire.ts'
import { pollPath } from '../../protocol/vault.ts'
import { type CryptoKey, type OpeningKey, verifyIngestKey } from '../../seal/index.ts'
import { createEphemeralKey } from '../../sys/index.ts'
import { createBackoff } from '../backoff.ts'
import {
  afterLeaseMs,
  afterOutputMs,
  backoffStartMaxMs,
  drainMs,
  pollDeadlineMs,
  requestDeadlineMs,
} from '../limits.ts'
import { createLogKeySeals, type LogKeySeals } from '../logs/log-key-seals.ts'
import { createShipper, type ShipperDeps } from '../logs/shipper.ts'
import { type Lease, startLease } from './lease.ts'
import type { LeaseDeps } from './life.ts'
import type { Requests } from './requests.ts'

export type SessionDeps = Omit<LeaseDeps, 'shipper' | 'logKeySeals' | 'ingestKey' | 'weak' | 'hasRoom'> & {
  readonly requests: Requests
  readonly session: number
  /** Random, new with every start of the program. */
  readonly boot: string
  readonly slots: number
  readonly classes: readonly string[]
  readonly facts: RunnerFacts
  /** VSIGN of the vault, pinned: vouches for ingest keys. */
  readonly vaultSignKey: CryptoKey
}

export interface Session {
  /** What this runner is from now on; told with the next poll. Without `mayWork` it takes no more leases. */
  describe(facts: RunnerFacts, mayWork: boolean): void
  /** Resolves when the session is over: stopped, or refused by the server for good. */
  readonly ended: Promise<void>
  /** Takes no more work, lets attempts end for a while, then ends them. */
  stop(): Promise<void>
}

type Held = {
  readonly lease: Lease
  untilMs: number
  timer: NodeJS.Timeout
  /** False once its sandbox is gone; what is left is to tell the server. */
  hasPlace: boolean
}

type State = {
  readonly deps: SessionDeps
  readonly held: Map<LeaseId, Held>
  readonly stopping: AbortController
  readonly shipper: ReturnType<typeof createShipper>
  /** One key pair per free slot and one to spare, until it is used or the session ends. */
  readonly keys: Map<string, OpeningKey>
  /** A sandbox that is not proven gone ends it for good. */
  ready: boolean
  mayWork: boolean
  facts: RunnerFacts
  factsSent: RunnerFacts | null
  /** null: there is no ingest key that the vault vouches for. */
  logKeySeals: LogKeySeals | null
  ingestKey: Uint8Array | null
  /** The ingest key that they are for. */
  vouched: PollAnswer['ingestKey'] | null
  /** Ends the poll under way that offers places. */
  offer: AbortController | null
  waiters: { readonly until: () => boolean; readonly done: () => void }[]
}

export const openSession = (deps: SessionDeps): Session => {
  const stopping = new AbortController()
  const state: State = {
    deps,
    held: new Map(),
    stopping,
    shipper: createShipper({
      log: deps.log,
      post: (batch, signal) => postFrames(deps, 'frames', batch, signal),
      postFirst: (batch, signal) => postFrames(deps, 'firstframes', batch, signal),
    }),
    keys: new Map(),
    ready: true,
    mayWork: true,
    facts: deps.facts,
    factsSent: null,
    logKeySeals: null,
    ingestKey: null,
    vouched: null,
    offer: null,
    waiters: [],
  }
  stopping.signal.addEventListener('abort', () => wake(state))
  const polling = Promise.all([pollForever(state, hasRoom), pollForever(state, isFull)])
  const beating = setInterval(() => void beat(state), beatEveryMs)
  const close = async (): Promise<void> => {
    await endAll(state)
    clearInterval(beating)
    state.shipper.close()
    deps.requests.close()
  }
  const ended = polling.then(() => undefined).finally(close)
  return {
    ended,
    describe: (facts, mayWork) => {
      Object.assign(state, { facts, mayWork })
      withdrawOffer(state)
      wake(state)
    },
    stop: () => {
      stopping.abort()
      return ended
    },
  }
}

const postFrames = async (
  { requests }: SessionDeps,
  verb: 'frames' | 'firstframes',
  ...[body, signal]: Parameters<ShipperDeps['post']>
): Promise<FramesAnswer> => {
  const contentType = 'application/octet-stream'
  const path = `/runner/v1/${verb}`
  const answer = await requests.send({ path, body, contentType, timeoutMs: requestDeadlineMs, signal })
  return answer as FramesAnswer
}

const takesWork = ({ ready, mayWork }: State): boolean => ready && mayWork

/** Places that were offered before are offered no more: a lease that came for them could only expire. */
const withdrawOffer = (state: State): void => {
  if (!takesWork(state)) state.offer?.abort()
}

/** Ends that the server does not take must not pile up either. */
const freeSlots = (state: State): number => {
  const { deps, held } = state
  const { slots } = deps
  const taken = [...held.values()].filter(({ hasPlace }) => hasPlace).length
  return takesWork(state) ? Math.max(0, Math.min(slots - taken, 2 * slots - held.size)) : 0
}
const hasRoom = (state: State): boolean => freeSlots(state) > 0
const isFull = (state: State): boolean => freeSlots(state) === 0

/**
 * Two of these: one polls while there is room, the other holds a poll while there is none, so that cancels and
 * watchers arrive and a freed slot need not break a request that is under way.
 */
const pollForever = async (state: State, when: (state: State) => boolean): Promise<void> => {
  const { deps, stopping } = state
  let backoff = createBackoff({ maxMs: backoffStartMaxMs })
  for (;;) {
    await waitUntil(state, () => stopping.signal.aborted || when(state))
    if (stopping.signal.aborted) return
    // It may have changed since: a poll of the other kind would be held here, and nobody would send one of this.
    if (!when(state)) continue
    try {
      const begun = await pollOnce(state)
      backoff = createBackoff()
      if (begun.length > 0) await firstLines(state, begun)
    } catch (error) {
      if (stopping.signal.aborted) return
      // Withdrawn by ourselves.
      if (when === hasRoom && !takesWork(state)) continue
      deps.log.warn('no answer to the poll, trying again', { error })
      if (isFault(error, 'E_RUNNER_SESSION')) {
        stopping.abort()
        throw error
      }
      await backoff.wait(stopping.signal)
    }
  }
}

/** What began has the processor first: its first line is on its way, and whatever else begins now can wait that long. */
const firstLines = async ({ held, stopping }: State, begun: readonly LeaseId[]): Promise<void> => {
  const over = new AbortController()
  const signal = AbortSignal.any([stopping.signal, over.signal])
  // A job whose output is over needs no processor for it any more once that is told, and the next may be waiting for its place.
  const end = () => void setTimeout(() => over.abort('closing'), afterOutputMs)
  // And this process only waits while a plan is compiled, whose job begins at once where a poll waits for it by then.
  const free = () => void setImmediate(() => over.abort('compiling'))
  for (const id of begun) {
    const lease = held.get(id)?.lease
    void lease?.closing.then(end)
    void lease?.compiling.then(free)
  }
  await sleep(afterLeaseMs, undefined, { signal }).catch(() => undefined)
}

const waitUntil = (state: State, until: () => boolean): Promise<void> =>
  until() ? Promise.resolve() : new Promise((done) => void state.waiters.push({ until, done }))

/** Called after every change of what the waiters look at. */
const wake = (state: State): void => {
  const ready = state.waiters.filter(({ until }) => until())
  state.waiters = state.waiters.filter((waiter) => !ready.includes(waiter))
  for (const { done } of ready) done()
}

/** Answers what it brought. */
const pollOnce = async (state: State): Promise<readonly LeaseId[]> => {
  const { deps, stopping, facts } = state
  const free = freeSlots(state)
  const offer = free === 0 ? null : new AbortController()
  if (offer !== null) state.offer = offer
  const request: PollRequest = {
    v: 1,
    session: deps.session,
    boot: deps.boot,
    free: Object.fromEntries(deps.classes.map((name) => [name, free])),
    eph: offerKeys(state, free),
    ...(free === 0 ? {} : { held: [...state.held.keys()] }),
    ...(facts === state.factsSent ? {} : { facts }),
  }
  const sent = deps.requests.send({
    path: pollPath,
    body: utf8(JSON.stringify(request)),
    contentType: 'application/json',
    timeoutMs: pollDeadlineMs,
    signal: offer === null ? stopping.signal : AbortSignal.any([stopping.signal, offer.signal]),
  })
  // Made while it waits: the next poll is on the way of a job that begins.
  makeKeys(state, free + 1)
  const answer = await sent
  state.factsSent = facts
  if (answer === null) return []
  await take(state, answer as PollAnswer)
  return (answer as PollAnswer).leases.map(({ lease }) => lease)
}

/** Each key is offered until it is used once. */
const offerKeys = (state: State, count: number): readonly string[] => {
  makeKeys(state, count)
  return [...state.keys.keys()].slice(0, count)
}

const makeKeys = ({ keys }: State, count: number): void => {
  while (keys.size < count) {
    const key = createEphemeralKey()
    keys.set(toBase64Url(key.publicKey), key)
  }
}

const take = async (state: State, answer: PollAnswer): Promise<void> => {
  if (answer.ingestKey !== undefined) await takeIngestKey(state, answer.ingestKey)
  for (const grant of answer.leases) start(state, withOrbs(grant, answer))
  for (const { lease, cancel, watched } of answer.control) {
    const held = state.held.get(lease)
    if (cancel !== undefined) held?.lease.stop('cancelled')
    if (watched !== undefined) held?.lease.setWatched(watched)
  }
}

/** It comes with every lease, and is the same for days: its signature is checked once, its end every time. */
const takeIngestKey = async (state: State, told: NonNullable<PollAnswer['ingestKey']>): Promise<void> => {
  const { clock, log, vaultSignKey } = state.deps
  const nowSeconds = Math.floor(clock.now() / 1000)
  const { vouched } = state
  const isSame = vouched !== null && JSON.stringify(vouched) === JSON.stringify(told)
  if (isSame && state.logKeySeals !== null && told.exp > nowSeconds) return
  const key = await verifyIngestKey(told, { vsign: vaultSignKey, nowSeconds })
  if (key === null) log.error('an ingest key that the vault does not vouch for', {})
  const logKeySeals = key === null ? null : createLogKeySeals(key)
  Object.assign(state, { logKeySeals, ingestKey: key, vouched: key === null ? null : told })
}

/** Plans of one organisation share its store: it comes once. */
const withOrbs = (grant: LeaseGrant, { orbs }: PollAnswer): LeaseGrant => {
  const { spec } = grant
  const own = spec.kind === 'plan' ? orbs?.[spec.organisation.id] : undefined
  return own === undefined || spec.kind !== 'plan' ? grant : { ...grant, spec: { ...spec, orbs: own } }
}

const start = (state: State, grant: LeaseGrant): void => {
  const { deps, shipper, held } = state
  const eph = grant.eph === null ? null : (state.keys.get(grant.eph) ?? null)
  if (grant.eph !== null) state.keys.delete(grant.eph)
  // An attempt that must not begin: its lease ends by itself and it is tried again.
  const { logKeySeals, ingestKey } = state
  if (logKeySeals === null || ingestKey === null || !takesWork(state)) {
    const why = takesWork(state) ? 'no usable ingest key' : 'sandboxes do not hold'
    deps.log.error('a lease that cannot begin', { lease: grant.lease, why })
    return
  }
  const { weak } = state.facts
  const given = { ...deps, weak, shipper, logKeySeals, ingestKey, hasRoom: () => hasRoom(state) }
  const lease = startLease(given, grant, eph)
  const untilMs = deps.clock.monotonicMs() + grant.ttlMs
  const timer = setTimeout(() => lease.stop('lost'), grant.ttlMs)
  const entry: Held = { lease, untilMs, timer, hasPlace: true }
  held.set(grant.lease, entry)
  deps.log.debug('lease begins', { lease: grant.lease, attempt: grant.attempt, kind: grant.spec.kind })
  void lease.vacated.then((destroyed) => {
    entry.hasPlace = false
    if (!destroyed) {
      state.ready = false
      withdrawOffer(state)
      deps.log.error('no more work: a sandbox could not be proven gone', { lease: grant.lease })
    }
    wake(state)
  })
  void lease.ended.then(() => {
    clearTimeout(entry.timer)
    held.delete(grant.lease)
    deps.log.debug('lease ends', { lease: grant.lease, attempt: grant.attempt })
    wake(state)
  })
  wake(state)
}

const beat = async (state: State): Promise<void> => {
  const { deps, held } = state
  if (held.size === 0) return
  const usage = watchedUsage(state)
  const request: BeatRequest = { v: 1, session: deps.session, leases: [...held.keys()], ...usage }
  const sentMs = deps.clock.monotonicMs()
  try {
    const answer = (await deps.requests.send({
      path: '/runner/v1/beat',
      body: utf8(JSON.stringify(request)),
      contentType: 'application/json',
      timeoutMs: beatEveryMs,
      signal: new AbortController().signal,
    })) as BeatAnswer
    for (const [id, told] of Object.entries(answer.leases)) renew(state, id as LeaseId, told, sentMs)
  } catch (error) {
    deps.log.warn('no answer to the beat', { error })
  }
}

const watchedUsage = ({ held }: State): Pick<BeatRequest, 'usage'> => {
  const known = [...held].flatMap(([id, { lease }]) => {
    const series = lease.used()
    return series === null ? [] : [[id, series] as const]
  })
  // SAFE: the keys are ids of leases.
  return known.length === 0 ? {} : { usage: Object.fromEntries(known) as NonNullable<BeatRequest['usage']> }
}

const renew = (state: State, id: LeaseId, told: BeatAnswer['leases'][string], sentMs: number): void => {
  const held = state.held.get(id)
  if (held === undefined) return
  clearTimeout(held.timer)
  if ('lost' in told) {
    held.lease.stop('lost')
    return
  }
  held.untilMs = sentMs + told.ttlMs
  held.timer = setTimeout(
    () => held.lease.stop('lost'),
    Math.max(0, held.untilMs - state.deps.clock.monotonicMs()),
  )
}

/** First waits, then stops what is left; a stopped attempt still sends its end while the server answers. */
const endAll = async (state: State): Promise<void> => {
  const leases = [...state.held.values()].map(({ lease }) => lease)
  const all = Promise.all(leases.map((lease) => lease.ended))
  const late = setTimeout(() => leases.forEach((lease) => void lease.stop('runner-stop')), drainMs)
  const gone = setTimeout(() => leases.forEach((lease) => void lease.stop('lost')), 3 * drainMs)
  await all
  clearTimeout(late)
  clearTimeout(gone)
}
