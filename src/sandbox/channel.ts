// The one line between the runner half and the jailer half: messages, each with at most one raw handle (pipes.ts).
// Node's IPC carries it; the ends are `process` and a ChildProcess.
import { callMs } from './limits.ts'
import type { RawHandle } from './pipes.ts'

export interface Channel {
  /** Resolves when message and handle were given to the kernel; rejects when the other side is gone. */
  send(message: unknown, handle?: RawHandle): Promise<void>
  onMessage(listener: (message: unknown, handle: RawHandle | undefined) => void): void
  onClose(listener: () => void): void
  /** Ends the line; both sides see `onClose`. */
  close(): void
}

/** What `process` and ChildProcess share when they have an IPC channel. */
export interface IpcEnd {
  send?(message: never, handle: never, options: object, callback: (error: Error | null) => void): boolean
  disconnect?(): void
  readonly connected?: boolean
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown
  on(event: 'disconnect', listener: () => void): unknown
  on(event: 'error', listener: () => void): unknown
}

const watchMs = 250

/**
 * The last message either side sends. Node's own `disconnect` is not enough: called while a handle is on its way it waits
 * for another message, and the other side may never hear of it.
 */
const isFarewell = (message: unknown): boolean =>
  typeof message === 'object' && message !== null && Object.hasOwn(message, 'farewell')

const gone = () => new Error('the other side is gone')

export const channelOverIpc = (end: IpcEnd): Channel => {
  const closeListeners: (() => void)[] = []
  const unsent = new Set<(error: Error) => void>()
  let closed = false
  // Node loses its own event when the other side is killed while a handle is on its way there.
  const watch = setInterval(() => {
    if (end.connected === false) closeHere()
  }, watchMs).unref()
  const closeHere = () => {
    if (closed) return
    closed = true
    clearInterval(watch)
    for (const fail of unsent) fail(gone())
    unsent.clear()
    for (const listener of closeListeners) listener()
  }
  const give: Channel['send'] = (message, handle) =>
    new Promise((resolve, reject) => {
      if (closed || end.send === undefined || end.connected === false) return reject(gone())
      // SAFE: raw handles are accepted by `send` though its declared types name only the public classes.
      end.send(message as never, handle as never, {}, (error) => (error ? reject(error) : resolve()))
    })
  // What waits behind a handle that nobody takes any more is forgotten by Node: whoever sent it would wait for ever. And a
  // side that takes nothing for so long would keep every sandbox waiting: it is better ended, and started again.
  const send: Channel['send'] = (message, handle) =>
    new Promise((resolve, reject) => {
      unsent.add(reject)
      const late = setTimeout(close, callMs).unref()
      give(message, handle)
        .finally(() => {
          clearTimeout(late)
          unsent.delete(reject)
        })
        .then(resolve, reject)
    })
  const disconnect = () => {
    if (end.connected !== false) end.disconnect?.()
  }
  const close = () => {
    give({ farewell: true }).then(disconnect, disconnect)
    closeHere()
  }
  end.on('disconnect', closeHere)
  // Node's own goodbye may cross ours: "already disconnected". Unheard, it would end a jailer that has nests to destroy.
  end.on('error', closeHere)
  end.on('message', (message) => {
    if (!isFarewell(message)) return
    closeHere()
    disconnect()
  })
  return {
    send,
    onMessage: (listener) =>
      void end.on('message', (message, handle) => {
        // SAFE: Node gives a handle or undefined; whether one is expected is checked where the message is parsed.
        if (!closed && !isFarewell(message)) listener(message, handle as RawHandle | undefined)
      }),
    onClose: (listener) => void closeListeners.push(listener),
    close,
  }
}
