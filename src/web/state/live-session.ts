// One stream per tab: topics with cursors, resume after a loss, and fetching the state while there is no stream.
// Pure but for what it is given: live.svelte.ts brings the real socket, tests a scripted one.
import type { ClientMessage, FollowerFrame, ServerMessage } from '../../protocol/live.ts'
import { parseFollowerFrame } from '../../protocol/live.ts'
import { catchUpMs, pollEveryMs } from '../limits.ts'
import { createConnection, type Socket, type SocketEvents, type Timers } from './live-connection.ts'

export type LiveEvent = ServerMessage | { readonly t: 'frame'; readonly frame: FollowerFrame }

/**
 * `cursor` is asked again at each (re)connection, so the subscriber alone knows what it has. null: the server has none for the
 * topic and tells what comes; what came before that is fetched.
 */
export type Subscription = {
  readonly topic: string
  readonly cursor: (() => number) | null
  readonly on: (event: LiveEvent) => void
  /** Fetches the state once; called once the stream is there, if there is no cursor, and repeatedly while there is no stream. Rejects when that failed, too. */
  readonly poll: () => Promise<void>
}

/** `freshAt`: when something was last heard, by stream or by fetching. */
export type LiveState = { readonly kind: 'connecting' | 'live' | 'lost'; readonly freshAt: number }

export type LiveDeps = Timers & {
  readonly connect: (events: SocketEvents) => Socket
  readonly now: () => number
  readonly onState: (state: LiveState) => void
  readonly onSignedOut: () => void
}

export const createLiveSession = (deps: LiveDeps) => {
  const subscriptions = new Set<Subscription>()
  let state: LiveState = { kind: 'connecting', freshAt: deps.now() }
  let cancelPoll = (): void => undefined
  let isPolling = false

  const become = (next: Partial<LiveState>) => {
    state = { ...state, ...next }
    deps.onState(state)
  }
  const connection = createConnection({
    ...deps,
    ping: JSON.stringify({ t: 'ping' } satisfies ClientMessage),
    onOpen: () => {
      cancelPoll()
      become({ kind: 'live', freshAt: deps.now() })
      for (const topic of new Set([...subscriptions].map((s) => s.topic))) resume(topic)
      for (const subscription of subscriptions) catchUp(subscription)
    },
    onMessage: (data) => {
      const event = parseMessage(data)
      if (event === null) return
      become({ freshAt: deps.now() })
      const topic = topicOf(event)
      for (const subscription of subscriptions) if (subscription.topic === topic) subscription.on(event)
    },
    onLost: () => {
      become({ kind: 'lost' })
      schedulePoll()
    },
  })
  const tell = (message: ClientMessage) => connection.send(JSON.stringify(message))
  const ofTopic = (topic: string) => [...subscriptions].filter((s) => s.topic === topic)
  /** Several subscribers of one topic share it: the lowest cursor counts, each ignores what it has. */
  const resume = (topic: string) =>
    tell({
      ...{ t: 'sub', topic, cursor: Math.min(...ofTopic(topic).map((s) => s.cursor?.() ?? 0)) },
      // The worker of the log opens frames as they are stored: the server need not make them anew.
      ...(topic.startsWith('log:') ? { codec: 'zstd' } : {}),
    })

  /** What came before the stream told, or while the page had no answer yet. Again, if it failed: without a stream, all are fetched. */
  const catchUp = (subscription: Subscription, afterMs = catchUpMs) => {
    if (subscription.cursor !== null) return
    deps.after(afterMs, () => {
      const isWanted = subscriptions.has(subscription) && state.kind === 'live'
      if (isWanted) subscription.poll().catch(() => catchUp(subscription, pollEveryMs))
    })
  }

  const schedulePoll = () => {
    cancelPoll()
    cancelPoll = deps.after(pollEveryMs, () => void pollAll())
  }
  const pollAll = async () => {
    if (isPolling) return
    isPolling = true
    const results = await Promise.allSettled([...subscriptions].map((s) => s.poll()))
    isPolling = false
    if (state.kind !== 'lost') return
    const isFresh = results.length > 0 && results.every((result) => result.status === 'fulfilled')
    if (isFresh) become({ freshAt: deps.now() })
    schedulePoll()
  }

  connection.open()
  return {
    subscribe: (subscription: Subscription): (() => void) => {
      subscriptions.add(subscription)
      if (state.kind === 'live') {
        resume(subscription.topic)
        catchUp(subscription)
      }
      return () => {
        subscriptions.delete(subscription)
        const isLast = ofTopic(subscription.topic).length === 0
        if (isLast && state.kind === 'live') tell({ t: 'unsub', topic: subscription.topic })
      }
    },
    retryNow: connection.retryNow,
    close: () => {
      state = { ...state, kind: 'connecting' }
      cancelPoll()
      connection.close()
    },
  }
}
export type LiveSession = ReturnType<typeof createLiveSession>

const topicOf = (event: LiveEvent): string | null => {
  if (event.t === 'frame') return `log:${event.frame.attempt}`
  return event.t === 'pong' ? null : event.topic
}

const parseMessage = (data: string | Uint8Array): LiveEvent | null => {
  if (typeof data !== 'string') {
    const frame = parseFollowerFrame(data)
    return frame === null ? null : { t: 'frame', frame }
  }
  try {
    // SAFE: same origin, same release; an unknown `t` or topic finds no subscriber.
    return JSON.parse(data) as ServerMessage
  } catch {
    // Not JSON: no message of ours. The next one may be.
    return null
  }
}
