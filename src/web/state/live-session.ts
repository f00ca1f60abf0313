// One WebSocket per tab: topics with cursors, resume, back-off, and fetching the state while there is no stream.
// Pure but for what it is given: live.svelte.ts brings the real socket, tests a scripted one.
import type { ClientMessage, FollowerFrame, ServerMessage } from '../../protocol/live.ts'
import { parseFollowerFrame } from '../../protocol/live.ts'
import { backoffFirstMs, backoffMaxMs, pingEveryMs, pollEveryMs, pongWithinMs } from '../limits.ts'

export interface Socket {
  send(text: string): void
  close(): void
}
export type SocketEvents = {
  readonly onOpen: () => void
  readonly onMessage: (data: string | Uint8Array) => void
  readonly onClose: () => void
}

export type LiveEvent = ServerMessage | { readonly t: 'frame'; readonly frame: FollowerFrame }

/** `cursor` is asked again at each (re)connection, so the subscriber alone knows what it has. */
export type Subscription = {
  readonly topic: string
  readonly cursor: () => number
  readonly on: (event: LiveEvent) => void
  /** Fetches the state once; called repeatedly while there is no stream. Rejects when that failed, too. */
  readonly poll: () => Promise<void>
}

/** `freshAt`: when something was last heard, by stream or by fetching. */
export type LiveState = { readonly kind: 'connecting' | 'live' | 'lost'; readonly freshAt: number }

export type LiveDeps = {
  readonly connect: (events: SocketEvents) => Socket
  readonly now: () => number
  /** Runs once after `ms`; the answer cancels it. */
  readonly after: (ms: number, run: () => void) => () => void
  /** In [0, 1). */
  readonly random: () => number
  readonly onState: (state: LiveState) => void
}

export const createLiveSession = (deps: LiveDeps) => {
  const subscriptions = new Set<Subscription>()
  let state: LiveState = { kind: 'connecting', freshAt: deps.now() }
  let socket: Socket | null = null
  let failures = 0
  let closed = false
  let polling = false
  const timers = { ping: idle, pong: idle, retry: idle, poll: idle }

  const become = (next: Partial<LiveState>) => {
    state = { ...state, ...next }
    deps.onState(state)
  }
  const send = (message: ClientMessage) => socket?.send(JSON.stringify(message))

  const onOpen = () => {
    failures = 0
    timers.poll()
    become({ kind: 'live', freshAt: deps.now() })
    for (const topic of new Set([...subscriptions].map((s) => s.topic))) resume(topic)
    schedulePing()
  }
  const onMessage = (data: string | Uint8Array) => {
    const event = parseMessage(data)
    if (event === null) return
    timers.pong()
    become({ freshAt: deps.now() })
    if (event.t === 'pong') return
    const topic = event.t === 'frame' ? `log:${event.frame.attempt}` : event.topic
    for (const subscription of subscriptions) if (subscription.topic === topic) subscription.on(event)
  }
  const onClose = () => {
    socket = null
    timers.ping()
    timers.pong()
    if (closed) return
    become({ kind: 'lost' })
    timers.retry = deps.after(backoffMs(failures++, deps.random()), connect)
    schedulePoll()
  }

  const connect = () => {
    // A socket that was given up may still speak: only the present one is heard.
    let own: Socket | null = null
    const isOwn = () => own !== null && socket === own
    own = deps.connect({
      onOpen: () => isOwn() && onOpen(),
      onMessage: (data) => isOwn() && onMessage(data),
      onClose: () => isOwn() && onClose(),
    })
    socket = own
  }
  /** Several subscribers of one topic share it: the lowest cursor counts, each ignores what it has. */
  const resume = (topic: string) => {
    const cursors = [...subscriptions].filter((s) => s.topic === topic).map((s) => s.cursor())
    send({ t: 'sub', topic, cursor: Math.min(...cursors) })
  }
  const schedulePing = () => {
    timers.ping = deps.after(pingEveryMs, () => {
      send({ t: 'ping' })
      timers.pong = deps.after(pongWithinMs, giveUp)
      schedulePing()
    })
  }
  const giveUp = () => {
    const silent = socket
    onClose()
    silent?.close()
  }
  const schedulePoll = () => {
    timers.poll()
    timers.poll = deps.after(pollEveryMs, () => void pollAll())
  }
  const pollAll = async () => {
    if (polling) return
    polling = true
    const results = await Promise.allSettled([...subscriptions].map((s) => s.poll()))
    polling = false
    if (state.kind === 'live' || closed) return
    if (results.length > 0 && results.every((r) => r.status === 'fulfilled')) become({ freshAt: deps.now() })
    schedulePoll()
  }

  connect()
  return {
    subscribe: (subscription: Subscription): (() => void) => {
      subscriptions.add(subscription)
      if (state.kind === 'live') resume(subscription.topic)
      return () => {
        subscriptions.delete(subscription)
        const isLast = ![...subscriptions].some((s) => s.topic === subscription.topic)
        if (isLast && state.kind === 'live') send({ t: 'unsub', topic: subscription.topic })
      }
    },
    /** Tries at once instead of waiting for the back-off: somebody pressed the button, or the machine woke up. */
    retryNow: () => {
      if (closed || socket !== null) return
      timers.retry()
      connect()
    },
    close: () => {
      closed = true
      for (const cancel of Object.values(timers)) cancel()
      socket?.close()
    },
  }
}
export type LiveSession = ReturnType<typeof createLiveSession>

/** Doubles from half a second to half a minute, minus up to half of it, so that tabs do not return together. */
export const backoffMs = (failures: number, random: number): number =>
  Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(failures, 16)) * (1 - random / 2)

const idle = (): void => undefined

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
