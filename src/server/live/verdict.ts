// GET /runs/:run/wait: one request that is answered when a run has its verdict. A reader like any other: woken by the same
// notices, its right looked at again at every beat, and nothing of it is kept, so whoever lost its connection asks again.
import { fault } from '../../base/faults.ts'
import type { RunId } from '../../base/ids.ts'
import type { RunSummary } from '../../protocol/api/shapes.ts'
import { isFinal } from '../../schedule/index.ts'
import type { Actor } from '../access/actor.ts'
import type { Outgoing } from './follow.ts'
import { createReader, type EndReason, type ReaderDeps } from './reader.ts'

export type Awaited = {
  readonly run: RunId
  readonly timeoutMs: number
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal
}

/** null: no such run. E_STILL_RUNNING when the time is over before the run. */
export const awaitVerdict = async (
  deps: ReaderDeps,
  actor: Actor,
  asked: Awaited,
): Promise<RunSummary | null> => {
  const leave = deps.takeSeat(actor)
  try {
    // Above every rev: only the row is wanted, which all that wait read as one.
    const now = await deps.hub.changes(actor.scope, asked.run, revMax)
    if (now === null || isFinal(now.run.status)) return now?.run ?? null
    return await follow(deps, actor, { ...asked, rev: now.rev })
  } finally {
    leave()
  }
}

const revMax = 2 ** 31 - 1

const follow = async (
  deps: ReaderDeps,
  actor: Actor,
  { run, timeoutMs, signal, rev }: Awaited & { readonly rev: number },
): Promise<RunSummary | null> => {
  const { promise, resolve, reject } = Promise.withResolvers<RunSummary | null>()
  const send = async (outgoing: Outgoing) => {
    if (outgoing.t === 'refused') resolve(null)
    if (outgoing.t === 'run' && isFinal(outgoing.run.status)) resolve(outgoing.run)
  }
  const reader = createReader(deps, { actor, send, end: (reason) => reject(faultOf(reason)) })
  const giveUp = () => reject(fault('E_STILL_RUNNING'))
  const late = setTimeout(giveUp, timeoutMs)
  const beat = setInterval(() => void reader.check().catch(() => undefined), deps.pace.beatMs)
  signal.addEventListener('abort', giveUp, { once: true })
  if (signal.aborted) giveUp()
  reader.subscribe(`run:${run}`, { cursor: rev })
  try {
    return await promise
  } finally {
    clearTimeout(late)
    clearInterval(beat)
    signal.removeEventListener('abort', giveUp)
    reader.close()
  }
}

/** Whoever is still somebody asks again. */
const faultOf = (reason: EndReason) => fault(reason === 'signed-out' ? 'E_UNAUTHENTICATED' : 'E_DATABASE')
