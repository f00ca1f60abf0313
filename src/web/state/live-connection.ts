// A connection that comes back: doubling back-off, a heartbeat that notices silence, and an end when the session is
// over. It knows nothing of topics; live-session.ts speaks through it.
import { backoffFirstMs, backoffMaxMs, openWithinMs, pingEveryMs, pongWithinMs } from '../limits.ts'

export interface Socket {
  send(text: string): void
  close(): void
}
export type SocketEvents = {
  readonly onOpen: () => void
  readonly onMessage: (data: string | Uint8Array) => void
  /** `isSignedOut`: the server ended it because the session is over; coming back is of no use. */
  readonly onClose: (isSignedOut: boolean) => void
}
export type Timers = {
  /** Runs once after `ms`; the answer cancels it. */
  readonly after: (ms: number, run: () => void) => () => void
  /** In [0, 1). */
  readonly random: () => number
}
export type ConnectionDeps = Timers & {
  readonly connect: (events: SocketEvents) => Socket
  readonly ping: string
  readonly onOpen: () => void
  readonly onMessage: (data: string | Uint8Array) => void
  readonly onLost: () => void
  readonly onSignedOut: () => void
}

export const createConnection = (deps: ConnectionDeps) => {
  let socket: Socket | null = null
  let failures = 0
  let isClosed = false
  const timers = { open: idle, ping: idle, pong: idle, retry: idle }

  const onOpen = () => {
    timers.open()
    schedulePing()
    deps.onOpen()
  }
  const onMessage = (data: string | Uint8Array) => {
    timers.pong()
    deps.onMessage(data)
  }
  const onClose = (isSignedOut: boolean) => {
    socket = null
    timers.open()
    timers.ping()
    timers.pong()
    if (isClosed) return
    if (isSignedOut) return deps.onSignedOut()
    timers.retry = deps.after(backoffMs(failures++, deps.random()), connect)
    deps.onLost()
  }
  const connect = () => {
    // A socket that was given up may still speak: only the present one is heard.
    let own: Socket | null = null
    const isOwn = () => own !== null && socket === own
    own = deps.connect({
      onOpen: () => isOwn() && onOpen(),
      onMessage: (data) => isOwn() && onMessage(data),
      onClose: (isSignedOut) => isOwn() && onClose(isSignedOut),
    })
    socket = own
    // Something on the way may swallow it: a browser waits for minutes.
    timers.open = deps.after(openWithinMs, giveUp)
  }
  const schedulePing = () => {
    timers.ping = deps.after(pingEveryMs, () => {
      // It lasted: one that breaks as soon as it is open is no better than one that does not open.
      failures = 0
      socket?.send(deps.ping)
      timers.pong = deps.after(pongWithinMs, giveUp)
      schedulePing()
    })
  }
  const giveUp = () => {
    const silent = socket
    onClose(false)
    silent?.close()
  }

  return {
    open: connect,
    send: (text: string) => socket?.send(text),
    /** Tries at once instead of waiting for the back-off: somebody pressed the button, or the machine woke up. */
    retryNow: () => {
      if (isClosed || socket !== null) return
      timers.retry()
      connect()
    },
    close: () => {
      isClosed = true
      for (const cancel of Object.values(timers)) cancel()
      socket?.close()
    },
  }
}

/** Doubles from half a second to half a minute, minus up to half of it, so that tabs do not return together. */
export const backoffMs = (failures: number, random: number): number =>
  Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(failures, 16)) * (1 - random / 2)

const idle = (): void => undefined
