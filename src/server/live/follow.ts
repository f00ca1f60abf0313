// Follows one topic for one reader: first what is missing since the cursor, from the database, then what comes. The
// reader's own pace is the pace: nothing is read before `send` has taken what came before, so nothing piles up.
import { setTimeout } from 'node:timers/promises'
import { fault } from '../../base/faults.ts'
import type { FrameCodec } from '../../protocol/frames.ts'
import type { FollowerFrame, ServerMessage } from '../../protocol/live.ts'
import { type Actor, readerOf } from '../access/actor.ts'
import type { Logs } from '../log-use-cases.ts'
import type { RunNotice } from '../use-cases.ts'
import { limits } from './limits.ts'
import type { RunHub } from './run-hub.ts'
import { createSpacing } from './spacing.ts'
import type { Topic } from './topic.ts'
import { createWake } from './wake.ts'

export type Outgoing = ServerMessage | { readonly t: 'frame'; readonly frame: FollowerFrame }

/** Resolves when the reader has room for more; rejects when it is too slow or gone. */
export type Send = (outgoing: Outgoing) => Promise<void>

export type Following = {
  readonly actor: Actor
  readonly topic: Topic
  /** What the reader has seen: the rev of a run, the seq of a log; elsewhere without meaning. */
  readonly cursor: number
  /** Of log frames; default what browsers open. */
  readonly codec?: FrameCodec | undefined
  readonly send: Send
  readonly signal: AbortSignal
}

export type FollowDeps = { readonly hub: RunHub; readonly logs: Pick<Logs, 'follow'> }

/** Returns when there is nothing more to come or the signal aborts. */
export const follow = (deps: FollowDeps, following: Following): Promise<void> => {
  const { topic } = following
  if (topic.kind === 'log') return followLog(deps, following, topic)
  if (topic.kind === 'run') return followRun(deps, following, topic)
  const { organisation, projects } = following.actor.scope
  return followRuns(deps, following, (notice) =>
    topic.kind === 'project'
      ? notice.project === topic.project
      : notice.organisation === organisation && (projects?.includes(notice.project) ?? true),
  )
}

const followLog = async (
  { logs }: FollowDeps,
  { actor, cursor, codec, send, signal }: Following,
  { name, attempt }: Extract<Topic, { kind: 'log' }>,
): Promise<void> => {
  let last = cursor
  const reader = readerOf(actor, 'live')
  for await (const frame of logs.follow(actor.scope, attempt, { after: cursor, reader, codec, signal })) {
    if (signal.aborted) return
    await send({ t: 'frame', frame })
    last = frame.seq
  }
  if (!signal.aborted) await send({ t: 'log-end', topic: name, last })
}

const followRun = async (
  { hub }: FollowDeps,
  { actor, cursor, send, signal }: Following,
  { name, run }: Extract<Topic, { kind: 'run' }>,
): Promise<void> => {
  const wake = createWake(signal)
  const spacing = createSpacing(limits.runReads)
  // Before the first read: what is committed between the two rings.
  const stop = hub.watch((notice) => {
    if (notice === null || notice.run === run) wake.ring()
  })
  try {
    for (let rev = cursor; !signal.aborted; await wake.sleep(limits.safetyNetMs)) {
      await pause(spacing(performance.now()), signal)
      const changes = await hub.changes(actor.scope, run, rev)
      if (changes === null) return await send({ t: 'refused', topic: name, reason: 'not found' })
      if (changes.rev <= rev) continue
      await send({ t: 'run', topic: name, ...changes })
      rev = changes.rev
    }
  } finally {
    stop()
  }
}

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  if (ms > 0) await setTimeout(ms, undefined, { signal }).catch(() => undefined)
}

const followRuns = async (
  { hub }: FollowDeps,
  { actor, topic, send, signal }: Following,
  isOurs: (notice: RunNotice) => boolean,
): Promise<void> => {
  const wake = createWake(signal)
  const pending = new Map<RunNotice['run'], number>()
  /** Whether nothing was lost: a row that is wrong would stay so until its run changes again. */
  let isComplete = true
  const stop = hub.watch((notice) => {
    if (notice === null) isComplete = false
    else if (!isOurs(notice)) return
    else pending.set(notice.run, notice.rev)
    if (pending.size > limits.pendingRuns) isComplete = false
    wake.ring()
  })
  try {
    for (; !signal.aborted; await wake.sleep(limits.safetyNetMs)) {
      // There is no cursor to read from: the reader comes back and loads its list again.
      if (!isComplete) throw fault('E_DATABASE', { detail: 'notices about runs were lost' })
      for (const [run, rev] of [...pending]) {
        pending.delete(run)
        // Only the row is wanted: jobs changed after this rev are few, usually none.
        const changes = await hub.changes(actor.scope, run, rev)
        if (changes !== null) await send({ t: 'runs', topic: topic.name, run: changes.run })
      }
    }
  } finally {
    stop()
  }
}
