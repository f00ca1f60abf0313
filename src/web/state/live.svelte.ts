// The live session on the browser's WebSocket, with its state as something components can read.
import { bannerAfterMs } from '../limits.ts'
import { livePath } from './endpoints.ts'
import { createLiveSession, type LiveState, type SocketEvents } from './live-session.ts'

export const createLive = (window: Window, isVisitor: () => boolean) => {
  let state = $state.raw<LiveState>({ kind: 'connecting', freshAt: Date.now() })
  let lostAt = $state<number | null>(null)
  const session = createLiveSession({
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
  })
  const wake = () => {
    if (window.document.visibilityState === 'visible' && !isVisitor()) session.retryNow()
  }
  window.document.addEventListener('visibilitychange', wake)
  window.addEventListener('online', wake)
  return {
    ...session,
    get state() {
      return state
    },
    /** Whether the page should say that it is not live; `now` ticks. */
    isAway: (now: number) => lostAt !== null && now - lostAt >= bannerAfterMs,
    close: () => {
      window.document.removeEventListener('visibilitychange', wake)
      window.removeEventListener('online', wake)
      session.close()
    },
  }
}
export type Live = ReturnType<typeof createLive>

const openSocket = (window: Window, events: SocketEvents) => {
  const url = new URL(livePath, window.location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(url)
  socket.binaryType = 'arraybuffer'
  socket.onopen = events.onOpen
  socket.onclose = events.onClose
  socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) =>
    events.onMessage(typeof event.data === 'string' ? event.data : new Uint8Array(event.data))
  return {
    send: (text: string) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text)
    },
    close: () => socket.close(),
  }
}
