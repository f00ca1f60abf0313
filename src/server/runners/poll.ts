// The held poll: answers with work and with word about the work under way, as soon as there is any. The way from a
// commit to the answer is place → lease for what begins in this process, else notice → bell → claim; nothing asks the
// database in between (performance.md §5.2).

import { sql } from 'kysely'
import { type Fault, fault, isFault } from '../../base/faults.ts'
import type { RunnerId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import { leaseTtlMs, type PollAnswer, type PollRequest, pollHoldMs } from '../../protocol/runner-wire.ts'
import { type Bells, eitherBell } from '../db/bells.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { orbsOf } from '../orbs/orbs.ts'
import type { LeaseDetails } from '../runs/leased.ts'
import type { Given, Places } from '../runs/places.ts'
import {
  type Caller,
  type CallerRow,
  callerColumns,
  callerOf,
  isSender,
  type Sender,
} from './authenticate.ts'
import { claimAttempts } from './claim.ts'
import { type Control, type HeldLease, pendingSql, type SeenPending } from './control.ts'
import type { GiveBack } from './give-back.ts'
import type { Granted } from './granted.ts'
import { leaseSpecOf, readLeases } from './lease-details.ts'
import { loseAttempt } from './lose.ts'
import { enterSession } from './sessions.ts'
import type { Tickets } from './tickets.ts'

export type PollDeps = {
  readonly db: Db
  readonly newId: NewId
  readonly log: Log
  readonly tickets: Tickets
  readonly control: Control
  readonly giveBack: GiveBack
  readonly granted: Granted
  readonly places: Places
  readonly queueBells: Bells
  readonly leaseBells: Bells
  readonly serverUrl: () => string
  readonly egressDefault: 'none' | 'open'
}

type PollBody = { readonly request: PollRequest; readonly body: string }
/** By one that proved who it is. */
type SignedPoll = PollBody & { readonly caller: Caller }

/** null after the hold time: the runner asks again. */
export const answerPoll = async (
  deps: PollDeps,
  { sender, ...body }: PollBody & { readonly sender: Sender },
  signal: AbortSignal,
): Promise<PollAnswer | null> => {
  const until = performance.now() + pollHoldMs
  const { bell, takeCall } = armBells(deps, sender.id, body.request)
  try {
    const entered = await enter(deps, sender, body.request)
    const poll = { ...body, caller: entered.caller }
    for (let { seen } = entered; ; seen = null) {
      const control = deps.control.watchNews(sender.id)
      if (control.length > 0) return { leases: [], control }
      const isCalled = takeCall()
      const answer = signal.aborted ? null : await findAnswer(deps, poll, { isCalled, seen, signal })
      if (answer !== null) return answer
      const leftMs = until - performance.now()
      if (leftMs <= 0 || signal.aborted) return null
      const given = await waitForWork(deps, poll, () =>
        bell.wait(Math.min(leftMs, limits.safetyNetMs), signal),
      )
      if (given.length > 0) return takeGiven(deps, poll, given, signal)
    }
  } finally {
    bell.disarm()
  }
}

type Entered = { readonly caller: Caller; readonly seen: SeenPending | null }

/** Who it is and what there is for it, in one look; `seen` null: its session has changed something since. */
const enter = async (deps: PollDeps, sender: Sender, request: PollRequest): Promise<Entered> => {
  const { rows } = await sql<CallerRow & SeenPending>`
    select ${callerColumns}, ${pendingSql(sender.id, classesOf(request))} from runners where ${isSender(sender)}`.execute(
    deps.db,
  )
  const [row] = rows
  if (row === undefined) {
    await sender.confirm()
    // Enrolled again in this very moment: it asks again.
    throw fault('E_RUNNER_UNKNOWN', { detail: 'no enrolled runner at the first look' })
  }
  const caller = callerOf(sender, row)
  const { session, boot = '', facts = null } = request
  const entered = await enterSession(deps, caller, { session, boot, facts })
  for (const attempt of entered.ended)
    await loseAttempt(deps, attempt, {
      loss: { code: 'E_RUNNER_SESSION', message: `Runner ${caller.name} was started anew` },
    })
  return { caller, seen: entered.isNews ? null : row }
}

const classesOf = ({ free, eph }: PollRequest): readonly string[] =>
  eph.length === 0 ? [] : Object.keys(free).filter((name) => (free[name] ?? 0) > 0)

/** While it waits its places can be taken by what begins in this process: answers the leases that were. */
const waitForWork = async (
  { places, tickets, leaseBells }: PollDeps,
  poll: SignedPoll,
  wait: () => Promise<void>,
): Promise<readonly Given[]> => {
  const { caller, request } = poll
  const { session, free, eph } = request
  if (eph.length === 0 || !(await isVaultThere(tickets))) {
    await wait()
    return []
  }
  const onGiven = () => leaseBells.ring(caller.id)
  const of = { runner: caller.id, runnerName: caller.name, session, compiler: compilerOf(poll) }
  const offer = places.offer({ ...of, free, max: eph.length, onGiven })
  await wait()
  return offer.close()
}

const isVaultThere = (tickets: Tickets): Promise<boolean> =>
  tickets.prepare().then(
    () => true,
    () => false,
  )

/** As it says now, else as it said last. */
const compilerOf = ({ caller, request: { facts } }: SignedPoll): string | null =>
  facts === undefined ? caller.compiler : (facts.compiler ?? null)

const takeGiven = async (
  deps: PollDeps,
  poll: SignedPoll,
  given: readonly Given[],
  signal: AbortSignal,
): Promise<PollAnswer | null> => {
  const ingestKey = await deps.tickets.prepare()
  const known = given.flatMap(({ details }) => details ?? [])
  const unknown = given.flatMap(({ lease, details }) => (details === null ? [lease] : []))
  const read = unknown.length === 0 ? [] : await readLeases(deps.db, unknown)
  const answer = await grantAll(deps, poll, [...known, ...read], signal)
  return answer === null ? null : { ...answer, control: [], ingestKey }
}

/** `takeCall`: whether work was called out since it was asked last. */
const armBells = ({ queueBells, leaseBells }: PollDeps, runner: RunnerId, { free }: PollRequest) => {
  let isCalled = false
  const queueBell = queueBells.arm((payload) => {
    const isOurs = (free[payload] ?? 0) > 0
    isCalled ||= isOurs
    return isOurs
  })
  const takeCall = () => {
    const was = isCalled
    isCalled = false
    return was
  }
  return {
    bell: eitherBell(
      queueBell,
      leaseBells.arm((payload) => payload === runner),
    ),
    takeCall,
  }
}

/** Work that was just called out is claimed without looking first whether it is there. */
const findAnswer = async (
  deps: PollDeps,
  poll: SignedPoll,
  { isCalled, seen, signal }: { readonly isCalled: boolean } & Looking,
): Promise<PollAnswer | null> => {
  const work = isCalled && poll.request.eph.length > 0 ? await findWork(deps, poll, signal) : null
  return work === null ? lookForNews(deps, poll, { seen, signal }) : { ...work, control: [] }
}

type Looking = { readonly seen: SeenPending | null; readonly signal: AbortSignal }

const lookForNews = async (
  deps: PollDeps,
  poll: SignedPoll,
  { seen, signal }: Looking,
): Promise<PollAnswer | null> => {
  const classes = classesOf(poll.request)
  const { control, leases, hasWork } = await deps.control.pending(poll.caller.id, classes, seen)
  const lost = lostOnTheWay(poll.request, leases)
  for (const lease of lost) await deps.giveBack(lease)
  const work = hasWork || lost.length > 0 ? await findWork(deps, poll, signal) : null
  if (control.length === 0 && work === null) return null
  return work === null ? { leases: [], control } : { ...work, control }
}

/** A poll that offers places is sent when every earlier answer was taken in: what it does not name never arrived. */
const lostOnTheWay = (
  { held, eph, session }: PollRequest,
  leases: readonly HeldLease[],
): readonly HeldLease[] =>
  held === undefined || eph.length === 0
    ? []
    : leases.filter((lease) => lease.isUntouched && lease.session === session && !held.includes(lease.lease))

/** Nothing is leased while the vault is away: an attempt without a ticket could only fail. */
const findWork = async (deps: PollDeps, poll: SignedPoll, signal: AbortSignal) => {
  const { caller, request } = poll
  const ingestKey = await deps.tickets.prepare().catch((error: unknown) => {
    if (!isRetryable(error)) throw error
    deps.log.warn('no leases while the vault is away', { error })
    return null
  })
  if (ingestKey === null || signal.aborted) return null
  const { session, free, eph } = request
  const compiler = compilerOf(poll)
  const claimed = await claimAttempts(deps, { runner: caller.id, session, free, max: eph.length, compiler })
  const granted = await grantAll(deps, poll, claimed, signal)
  return granted === null ? null : { ...granted, ingestKey }
}

/** null: none could be granted, or nobody is there to answer any more. */
const grantAll = async (
  deps: PollDeps,
  poll: SignedPoll,
  claimed: readonly LeaseDetails[],
  signal: AbortSignal,
): Promise<Pick<PollAnswer, 'leases' | 'orbs'> | null> => {
  if (signal.aborted) {
    for (const { attempt, lease } of claimed) await deps.giveBack({ attempt, lease })
    return null
  }
  const { eph } = poll.request
  const granted = await Promise.all(
    claimed.map((lease, i) => grant(deps, poll, { lease, eph: eph[i] ?? '' })),
  )
  const leases = granted.filter((lease) => lease !== null)
  return leases.length === 0 ? null : { leases, ...(await orbsFor(deps, claimed)) }
}

/** Nothing where no plan reads any. */
const orbsFor = async ({ db }: PollDeps, claimed: readonly LeaseDetails[]) => {
  const readers = claimed.flatMap(({ orbsKey, organisation }) => (orbsKey ? [organisation] : []))
  return readers.length === 0 ? {} : { orbs: await orbsOf(db, readers) }
}

const grant = async (
  deps: PollDeps,
  { caller, body }: SignedPoll,
  { lease, eph }: { readonly lease: LeaseDetails; readonly eph: string },
): Promise<PollAnswer['leases'][number] | null> => {
  try {
    const issued = await deps.tickets.issue(lease, { caller, body, eph })
    deps.granted.add({ runner: caller.id, lease: lease.lease, attempt: lease.attempt })
    deps.log.debug('lease granted', { lease: lease.lease, attempt: lease.attempt, runner: caller.id })
    const spec = leaseSpecOf(lease, { serverUrl: deps.serverUrl(), egressDefault: deps.egressDefault })
    return { lease: lease.lease, attempt: lease.attempt, ttlMs: leaseTtlMs, ...issued, spec }
  } catch (error) {
    const message = isFault(error) ? error.public : 'The lease could not be made'
    deps.log.error('no ticket for a lease', { attempt: lease.attempt, error })
    await loseAttempt(deps, lease.attempt, { loss: { code: 'E_VAULT_UNAVAILABLE', message } })
    return null
  }
}

const isRetryable = (error: unknown): error is Fault => isFault(error) && error.row.retryable
