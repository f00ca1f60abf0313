// The live session on the browser's WebSocket, with its state as something components can read.
import { bannerAfterMs } from '../limits.ts'
import { livePath } from './endpoints.ts'
import type { SocketEvents } from './live-connection.ts'
import { createLiveSession, type LiveState } from './live-session.ts'
import type { Session } from './session.svelte.ts'

export const createLive = (window: Window, session: Pick<Session, 'isSignedIn' | 'end'>) => {
  let state = $state.raw<LiveState>({ kind: 'connecting', freshAt: Date.now() })
  let lostAt = $state<number | null>(null)
  const stream = createLiveSession({
    connect: (events) => openSocket(window, events),
    now: Date.now,
    after: (ms, run) => {
      const timer = window.setTimeout(run, ms)
      return () => window.clearTimeout(timer)
    },
    random: Math.random,
    onState: (next) => {
      lostAt = next.kind === 'lost' ? (lostAt ?? Date.now()) : null
      state = next
    },
    onSignedOut: session.end,
  })
  const wake = () => {
    if (window.document.visibilityState === 'visible' && session.isSignedIn) stream.retryNow()
  }
  window.document.addEventListener('visibilitychange', wake)
  window.addEventListener('online', wake)
  return {
    ...stream,
    get state() {
      return state
    },
    /** Whether the page should say that it is not live; `now` ticks. */
    isAway: (now: number) => lostAt !== null && now - lostAt >= bannerAfterMs,
    close: () => {
      window.document.removeEventListener('visibilitychange', wake)
      window.removeEventListener('online', wake)
      stream.close()
    },
  }
}
export type Live = ReturnType<typeof createLive>

/** What the server closes with when the session is over (server/live/socket.ts). */
const signedOutCode = 4401

const openSocket = (window: Window, events: SocketEvents) => {
  const url = new URL(livePath, window.location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(url)
  socket.binaryType = 'arraybuffer'
  socket.onopen = events.onOpen
  socket.onclose = (event) => events.onClose(event.code === signedOutCode)
  socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) =>
    events.onMessage(typeof event.data === 'string' ? event.data : new Uint8Array(event.data))
  return {
    send: (text: string) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text)
    },
    close: () => socket.close(),
  }
}
