// The one line between the runner half and the jailer half: messages, each with at most one raw handle (pipes.ts).
// Node's IPC carries it; the ends are `process` and a ChildProcess.
import type { RawHandle } from './pipes.ts'

export interface Channel {
  /** Resolves when message and handle were given to the kernel; rejects when the other side is gone. */
  send(message: unknown, handle?: RawHandle): Promise<void>
  onMessage(listener: (message: unknown, handle: RawHandle | undefined) => void): void
  onClose(listener: () => void): void
  /** Ends the line; the other side sees `onClose`. */
  close(): void
}

/** What `process` and ChildProcess share when they have an IPC channel. */
export interface IpcEnd {
  send?(message: never, handle: never, options: object, callback: (error: Error | null) => void): boolean
  disconnect?(): void
  readonly connected?: boolean
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown
  on(event: 'disconnect', listener: () => void): unknown
}

export const channelOverIpc = (end: IpcEnd): Channel => ({
  send: (message, handle) =>
    new Promise((resolve, reject) => {
      if (end.send === undefined || end.connected === false)
        return reject(new Error('the other side is gone'))
      // SAFE: raw handles are accepted by `send` though its declared types name only the public classes.
      end.send(message as never, handle as never, {}, (error) => (error ? reject(error) : resolve()))
    }),
  // SAFE: Node gives a handle or undefined; whether one is expected is checked where the message is parsed.
  onMessage: (listener) =>
    void end.on('message', (message, handle) => listener(message, handle as RawHandle)),
  onClose: (listener) => void end.on('disconnect', listener),
  close: () => {
    if (end.connected !== false) end.disconnect?.()
  },
})
