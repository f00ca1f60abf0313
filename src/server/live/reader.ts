// One connected reader, whatever the transport: its topics, and the right to them, which is looked at again while it
// lasts. Ends by itself when the session or token behind it does.
import { isFault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import type { Access } from '../access/access.ts'
import { type Actor, mayUse } from '../access/actor.ts'
import { type FollowDeps, type Following, follow, type Send } from './follow.ts'
import { limits, type Pace } from './limits.ts'
import type { TakeSeat } from './seats.ts'
import { isBehind } from './standing.ts'
import { parseTopic, type Topic } from './topic.ts'

export type ReaderDeps = FollowDeps & {
  readonly access: Pick<Access, 'again' | 'onEnded'>
  readonly log: Log
  readonly pace: Pace
  readonly takeSeat: TakeSeat
}

/** Why the server ended a connection; a reader comes back with its cursors, except after `signed-out`. */
export type EndReason = 'signed-out' | 'too-slow' | 'misuse' | 'broken'

/** What the reader has seen; and the codec of log frames that it takes. */
type From = Pick<Following, 'cursor' | 'codec'>

export type Reader = {
  subscribe(name: string, from: From): void
  unsubscribe(name: string): void
  /** Looks whether the actor still may what it does. Called at every beat. */
  check(): Promise<void>
  /** The transport is gone. */
  close(): void
}

export class TooSlow extends Error {}

type State = {
  actor: Actor
  readonly topics: Map<string, { readonly topic: Topic; readonly stop: AbortController }>
  readonly send: Send
  readonly end: (reason: EndReason) => void
}

export const createReader = (
  deps: ReaderDeps,
  options: { readonly actor: Actor; readonly send: Send; readonly end: (reason: EndReason) => void },
): Reader => {
  const state: State = { ...options, topics: new Map() }
  const stopWatching = deps.access.onEnded((id) => {
    if (isBehind(state.actor, id)) state.end('signed-out')
  })
  return {
    subscribe: (name, from) => subscribe(deps, state, name, from),
    unsubscribe: (name) => unsubscribe(state, name),
    check: () => check(deps, state),
    close: () => {
      stopWatching()
      for (const name of [...state.topics.keys()]) unsubscribe(state, name)
    },
  }
}

const subscribe = (deps: ReaderDeps, state: State, name: string, from: From): void => {
  unsubscribe(state, name)
  const topic = parseTopic(name)
  if (topic === null) refuse(state, name, 'no such topic')
  else if (!mayUse(state.actor, topic.verb)) refuse(state, name, 'not allowed')
  else if (state.topics.size >= limits.topicsPerSocket) refuse(state, name, 'too many topics')
  else start(deps, state, topic, from)
}

const start = (deps: ReaderDeps, state: State, topic: Topic, from: From): void => {
  const { name } = topic
  const stop = new AbortController()
  state.topics.set(name, { topic, stop })
  const { actor, send } = state
  follow(deps, { actor, topic, ...from, send, signal: stop.signal }).then(
    () => forget(state, name, stop),
    (error) => {
      if (!stop.signal.aborted) fail(deps, state, { name, stop, error })
    },
  )
}

const unsubscribe = (state: State, name: string): void => {
  state.topics.get(name)?.stop.abort()
  state.topics.delete(name)
}

/** Only the follower that stands in the list: a newer one for the same topic stays. */
const forget = (state: State, name: string, stop: AbortController): void => {
  if (state.topics.get(name)?.stop === stop) state.topics.delete(name)
}

const refuse = (state: State, topic: string, reason: string): void => {
  state.send({ t: 'refused', topic, reason }).catch(() => state.end('too-slow'))
}

const fail = (
  { log }: ReaderDeps,
  state: State,
  failed: { readonly name: string; readonly stop: AbortController; readonly error: unknown },
): void => {
  const { name, error } = failed
  forget(state, name, failed.stop)
  if (error instanceof TooSlow) {
    state.end('too-slow')
    return
  }
  const answer = isFault(error) && error.row.status < 500 ? error : null
  if (answer === null) log.warn('live topic failed', { topic: name, error })
  if (isFault(error, 'E_NOT_FOUND')) refuse(state, name, 'not found')
  // Asked again it would be the same, and the other topics of the connection have nothing to do with it. But what was changed by
  // somebody else, a log that was stored elsewhere while it was read, is there for who asks again.
  else if (answer !== null && !answer.row.retryable && answer.code !== 'E_CONFLICT')
    refuse(state, name, answer.public)
  // The reader comes back with its cursor and misses nothing.
  else state.end('broken')
}

const check = async (deps: ReaderDeps, state: State): Promise<void> => {
  const actor = await deps.access.again(state.actor)
  if (actor === null) {
    state.end('signed-out')
    return
  }
  state.actor = actor
  for (const [name, { topic }] of [...state.topics]) {
    if (mayUse(actor, topic.verb)) continue
    unsubscribe(state, name)
    refuse(state, name, 'not allowed any more')
  }
}
