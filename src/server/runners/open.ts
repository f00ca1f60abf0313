// The runner protocol put together: listener, routes, leases and their expiry. Opened by main/server.ts.
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { parseFinishBody } from '../../protocol/finish-body.ts'
import { type ParsedFrameItem, parseFrameBatch } from '../../protocol/frames.ts'
import type { FramesAnswer } from '../../protocol/runner-wire.ts'
import {
  parseBeatRequest,
  parseEventsRequest,
  parsePlanMade,
  parsePollRequest,
} from '../../protocol/runner-wire-parse.ts'
import type { CryptoKey, Sign } from '../../seal/index.ts'
import { createBells } from '../db/bells.ts'
import type { Database } from '../db/database.ts'
import { createGroupCommit } from '../db/group-commit.ts'
import { limits } from '../limits.ts'
import {
  announceLogKeys,
  appendFrames,
  type Durable,
  type FrameRequest,
  type FrameResult,
} from '../logs/append.ts'
import type { FreshFrames } from '../logs/fresh-frames.ts'
import { createKeyWrapping, type KeyWrapping } from '../logs/key-wrapping.ts'
import type { Watchers } from '../logs/watchers.ts'
import type { NewId } from '../new-id.ts'
import type { ObjectStore } from '../objects/store.ts'
import { createAdmission } from '../runs/admission.ts'
import { createLocks } from '../runs/locks.ts'
import type { Places } from '../runs/places.ts'
import type { Meter } from '../telemetry/meter.ts'
import type { VaultClient } from '../vault-client.ts'
import { createAuthenticate, type Sender } from './authenticate.ts'
import { renewLeases } from './beat.ts'
import { parsed, parsedBody } from './bodies.ts'
import { continueVerbs } from './continue.ts'
import { createControl } from './control.ts'
import { applyEvents } from './events.ts'
import { createExpiry } from './expiry.ts'
import { finishAttempt } from './finish.ts'
import { isFirstWatched } from './first-watched.ts'
import { createGiveBack } from './give-back.ts'
import { createGranted, type Granted } from './granted.ts'
import { identityVerbs } from './identity.ts'
import { secretsVerbs } from './job-secrets.ts'
import { leakVerbs } from './leak.ts'
import { listenForRunners, type RunnerListener, type RunnerRoutes } from './listener.ts'
import { storeLog } from './log-upload.ts'
import { takePlan } from './plan-made.ts'
import { answerPoll, type PollDeps } from './poll.ts'
import { signVerbs } from './sign.ts'
import { storedRoutes, storedVerbs } from './stored-routes.ts'
import { createTickets } from './tickets.ts'
import { openWatchNotices } from './watch-notices.ts'

export type RunnerListenerDeps = {
  readonly port: number
  /** Default: all addresses. */
  readonly host?: string
  /** PEM of the TLS key and certificate. */
  readonly key: string
  readonly cert: string
  readonly database: Database
  readonly vault: VaultClient
  readonly objects: ObjectStore
  readonly watchers: Watchers
  /** Where frames go that are durable now, for those who follow them in this process. */
  readonly fresh: FreshFrames
  /** The server's TICKET key (Ed25519, private). */
  readonly ticketKey: CryptoKey | Sign
  /** Where people reach the server, for links. */
  readonly serverUrl: () => string
  /** What a job without a rule of its own may reach. */
  readonly egressDefault: 'none' | 'open'
  readonly newId: NewId
  /** Where attempts that begin to wait find the polls that wait for them. */
  readonly places: Places
  readonly meter: Pick<Meter, 'framesStored'>
  readonly clock: Clock
  readonly log: Log
}

export const openRunnerListener = async (deps: RunnerListenerDeps): Promise<RunnerListener> => {
  const { database, log, clock, watchers } = deps
  const { db, keyed } = database
  const queueBells = createBells(database, 'mayfly_queue')
  const leaseBells = createBells(database, 'mayfly_lease')
  const granted = createGranted()
  const stopWatching = openWatchNotices({ ...deps, granted, leaseBells })
  const expiry = createExpiry({ ...deps, db })
  const stopSweeping = repeat(expiry.sweep, { everyMs: limits.expirySweepMs, log })
  const keyWrapping = createKeyWrapping({ ...deps, db })
  const stopWrapping = repeat(keyWrapping.sweep, { everyMs: limits.logKeysSweepMs, log })
  const admission = createAdmission({ database, log })
  const stopAdmitting = repeat(admission.sweep, { everyMs: limits.safetyNetMs, log })
  const locks = createLocks({ ...deps, database })
  const stopLocking = repeat(locks.sweep, { everyMs: limits.safetyNetMs, log })
  const poll: PollDeps = {
    ...deps,
    db,
    queueBells,
    leaseBells,
    granted,
    control: createControl({ db, clock, watchers, granted }),
    giveBack: createGiveBack({ ...deps, db }),
    tickets: createTickets({ ...deps, key: deps.ticketKey }),
  }
  const listener = await listenForRunners({
    ...deps,
    authenticate: createAuthenticate({ db: keyed, clock }),
    routes: createRoutes(deps, { poll, keyWrapping }),
  })
  return {
    port: listener.port,
    close: async () => {
      stopSweeping()
      stopAdmitting()
      admission.close()
      stopLocking()
      locks.close()
      stopWatching()
      stopWrapping()
      await listener.close()
      await keyWrapping.close()
      queueBells.close()
      leaseBells.close()
    },
  }
}

/** One at a time: a sweep that takes long is not joined by the next. */
const repeat = (
  work: () => Promise<unknown>,
  { everyMs, log }: { readonly everyMs: number; readonly log: Log },
): (() => void) => {
  let timer: NodeJS.Timeout
  let isStopped = false
  const round = async () => {
    await work().catch((error: unknown) => log.error('sweep failed', { error }))
    if (!isStopped) timer = setTimeout(() => void round(), everyMs)
  }
  timer = setTimeout(() => void round(), everyMs)
  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}

const createRoutes = (
  deps: RunnerListenerDeps,
  { poll, keyWrapping }: { readonly poll: PollDeps; readonly keyWrapping: KeyWrapping },
): RunnerRoutes => {
  // About one lease or one runner, but for what is stored: caches and times of tests are looked for.
  const { keyed: db, db: stored } = deps.database
  const logDeps = { db, fresh: deps.fresh }
  const append = createGroupCommit<FrameRequest, FrameResult>({
    write: async (requests) => {
      const begun = performance.now()
      const results = await appendFrames(logDeps, requests)
      const bytes = requests.reduce((sum, { body }) => sum + body.length, 0)
      deps.meter.framesStored({ requests: requests.length, bytes, ms: performance.now() - begun })
      return results
    },
    itemsMax: limits.framesGroupMax,
  })
  const store = async (request: FrameRequest): Promise<FramesAnswer> => {
    const result = await append(request)
    const isWatched = ({ attempt }: NonNullable<Durable>) => deps.watchers.isWatched(attempt)
    for (const [lease, durable] of result)
      if (durable !== null) poll.control.told(request.sender.id, lease, isWatched(durable))
    return framesAnswer(result, isWatched)
  }
  return {
    plain: {
      beat: async ({ caller }, body) => renewLeases(db, caller.id, parsedBody(parseBeatRequest, body)),
    },
    unasked: {
      // Its first look says who the sender is.
      poll: async ({ sender, signal }, body) => {
        const request = parsedBody(parsePollRequest, body)
        const text = Buffer.from(body).toString('utf8')
        return (await answerPoll(poll, { sender, request, body: text }, signal)) ?? undefined
      },
      // The statement that stores them itself looks whether the sender still is a runner.
      frames: async ({ sender }, body) => {
        const items = parsed(parseFrameBatch(body))
        announceLogKeys(logDeps, begunLogs(poll.granted, sender, items))
        return store({ sender, body, items })
      },
      firstframes: async ({ sender }, body) => {
        const items = parsed(parseFrameBatch(body))
        const logs = begunLogs(poll.granted, sender, items)
        announceLogKeys(logDeps, logs)
        if (!(await isFirstWatched(deps.watchers, logs))) return { leases: {} } satisfies FramesAnswer
        return store({ sender, body, items })
      },
    },
    // They look for the sender with the attempt.
    unaskedOfLease: {
      plan: async ({ sender }, lease, body) => {
        await takePlan({ ...deps, db }, { sender, lease }, parsedBody(parsePlanMade, body).result)
        return { ok: true }
      },
      finish: async ({ sender }, lease, body) => {
        await finishAttempt(
          { ...deps, db, keyWrapping },
          { sender, lease },
          parsed(parseFinishBody(body, lease)),
        )
        return { ok: true }
      },
    },
    ofLease: {
      events: ({ caller }, lease, body) => {
        const { events } = parsedBody(parseEventsRequest, body)
        return applyEvents(db, { lease, runner: caller.id }, events)
      },
      ...continueVerbs({ ...deps, db }),
      ...identityVerbs({ db, tickets: poll.tickets }),
      ...secretsVerbs({ db, tickets: poll.tickets }),
      ...signVerbs({ db, tickets: poll.tickets }),
      ...leakVerbs({ db, tickets: poll.tickets }),
      ...storedVerbs({ ...deps, db: stored, tickets: poll.tickets }),
    },
    ...storedRoutes({ ...deps, db: stored }),
    putLog: async ({ caller }, lease, content) => {
      await storeLog({ db, objects: deps.objects }, { lease, runner: caller.id }, { caller, content })
      return { ok: true }
    },
  }
}

/** That begin with these frames, in leases that the sender was granted here: it can ask about no others. */
const begunLogs = (granted: Granted, { id }: Pick<Sender, 'id'>, items: readonly ParsedFrameItem[]) =>
  items.flatMap(({ lease, header: { attempt, seq }, sealedKey }) => {
    const known = granted.of(attempt)
    const isTheirs = known?.lease === lease && known.runner === id
    return isTheirs && seq === 1 && sealedKey !== null ? [{ attempt, sealedKey }] : []
  })

const framesAnswer = (
  result: FrameResult,
  isWatched: (durable: NonNullable<Durable>) => boolean,
): FramesAnswer => ({
  leases: Object.fromEntries(
    [...result].map(([lease, durable]) => [
      lease,
      durable === null ? { lost: true as const } : { durable: durable.seq, watched: isWatched(durable) },
    ]),
  ),
})
