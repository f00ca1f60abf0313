// The life of one lease: its log and events, the attempt itself, and the end, offered to the server until it is taken.
// A lost lease ends everything at once and sends nothing more.
import { setTimeout as sleep } from 'node:timers/promises'
import { utf8 } from '../../base/bytes.ts'
import { isFault } from '../../base/faults.ts'
import type { LeaseGrant, PlanMade, PlanResult } from '../../protocol/runner-wire.ts'
import type { UsageSeries } from '../../protocol/usage-series.ts'
import type { OpeningKey } from '../../seal/index.ts'
import type { StopReason } from '../attempt.ts'
import { afterPlanMs, requestDeadlineMs, tellPlanMs } from '../limits.ts'
import type { AttemptSink } from '../sink.ts'
import { conclude } from './conclude.ts'
import { createEventQueue } from './events.ts'
import { type Journal, openJournal } from './journal.ts'
import type { LeaseDeps, Life } from './life.ts'

export interface Lease {
  readonly id: LeaseGrant['lease']
  /** Resolves when its output is over, and its sandbox is being closed. */
  readonly closing: Promise<void>
  /** Resolves when the compiler of a plan has the work, which its jobs may begin after any moment. */
  readonly compiling: Promise<void>
  /** Resolves when its place is free, which is before its end is told; false: a sandbox could not be proven gone. */
  readonly vacated: Promise<boolean>
  /** Resolves when the lease is over in every respect. */
  readonly ended: Promise<void>
  stop(reason: StopReason): void
  setWatched(watched: boolean): void
  /** For those who watch; null: nobody does, or nothing is known. */
  used(): UsageSeries | null
}

export const startLease = (deps: LeaseDeps, grant: LeaseGrant, eph: OpeningKey | null): Lease => {
  const stop = new AbortController()
  const watching: Life['watching'] = { set: () => undefined, used: () => null }
  const onStop = (reason: StopReason) => {
    if (!stop.signal.aborted || reason === 'lost') stop.abort(reason)
    if (reason === 'lost') lost.abort()
  }
  const lost = new AbortController()
  const [vacated, closing] = [Promise.withResolvers<boolean>(), Promise.withResolvers<void>()]
  const compiling = Promise.withResolvers<void>()
  const life = { deps, grant, eph, stop: stop.signal, lost: lost.signal, onStop, watching }
  const journal = openJournal(life)
  const on = { vacated: vacated.resolve, closing: closing.resolve, compiling: compiling.resolve }
  const ended = live(life, journal, on).catch((error: unknown) => {
    deps.log.error('lease broke', { lease: grant.lease, attempt: grant.attempt, error })
    vacated.resolve(!isFault(error, 'E_DESTROY_UNVERIFIED'))
  })
  void ended.then(closing.resolve)
  const setWatched = (watched: boolean) => watching.set(watched)
  const used = () => watching.used()
  const moments = {
    ...{ closing: closing.promise, compiling: compiling.promise, vacated: vacated.promise, ended },
  }
  return { id: grant.lease, ...moments, stop: onStop, setWatched, used }
}

type Moments = {
  readonly vacated: (destroyed: boolean) => void
  readonly closing: () => void
  readonly compiling: () => void
}

const live = async (life: Life, journal: Journal, on: Moments): Promise<void> => {
  const { deps, grant, lost } = life
  const events = createEventQueue({
    clock: deps.clock,
    log: deps.log,
    post: (batch, signal) => postEvents(deps, grant, batch, signal),
    onLost: () => life.onStop('lost'),
    signal: lost,
  })
  let wasWatched = false
  life.watching.set = (watched) => {
    if (watched === wasWatched) return
    wasWatched = watched
    journal.setWatched(watched)
    events.setWatched(watched)
  }
  const sink: AttemptSink = {
    output: journal.output,
    event: (event) => {
      events.add(event)
      if (event.kind !== 'phase') return
      if (event.phase === 'running' && grant.spec.kind === 'plan') on.compiling()
      if (event.phase !== 'closing') return
      // Output is over, and closing a sandbox takes a while: its log is packed meanwhile.
      on.closing()
      void journal.pack()
    },
    sampling: (read) => {
      life.watching.used = () => (wasWatched ? read() : null)
    },
    planned: (result) => tellPlan(life, result),
  }
  try {
    const done = await deps.carryOut(grant, life.eph, sink, life.stop, deps)
    on.vacated(done.destroyed)
    if (!lost.aborted) await conclude(life, done, { journal, events })
  } finally {
    await journal.close()
  }
}

/**
 * Once: a server that does not take it gets it with the end. While there is room a job of the plan begins right now, and
 * closing the plan's sandboxes, which is what follows here, would take its processor.
 */
const tellPlan = async ({ deps, grant, lost, stop, onStop }: Life, result: PlanResult): Promise<void> => {
  try {
    await deps.requests.send({
      path: `/runner/v1/leases/${grant.lease}/plan`,
      body: utf8(JSON.stringify({ v: 1, result } satisfies PlanMade)),
      contentType: 'application/json',
      timeoutMs: tellPlanMs,
      signal: lost,
    })
    if (deps.hasRoom()) await sleep(afterPlanMs, undefined, { signal: stop })
  } catch (error) {
    if (stop.aborted) return
    if (isFault(error, 'E_LEASE_LOST')) onStop('lost')
    deps.log.warn('plan not taken before the end of its attempt', { lease: grant.lease, error })
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
