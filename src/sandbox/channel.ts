// The one line between the runner half and the jailer half: messages with an optional handle (a listening socket
// or a pipe). Node's IPC gives it (src/main), tests join two ends in one process or over a real child.
import type { Server, Socket } from 'node:net'

export type Handle = Server | Socket

export interface Channel {
  /** Resolves when the message was handed to the kernel; rejects when the other side is gone. */
  send(message: unknown, handle?: Handle): Promise<void>
  onMessage(listener: (message: unknown, handle: Handle | undefined) => void): void
  onClose(listener: () => void): void
}

/** What Node's `process` and `ChildProcess` share when they have an IPC channel. */
export interface IpcEnd {
  send?(
    message: unknown,
    handle: Handle | undefined,
    options: { keepOpen?: boolean } | undefined,
    callback: (error: Error | null) => void,
  ): boolean
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown
  on(event: 'disconnect', listener: () => void): unknown
}

export const channelOverIpc = (end: IpcEnd): Channel => ({
  send: (message, handle) =>
    new Promise((resolve, reject) => {
      if (end.send === undefined) return reject(new Error('no IPC channel'))
      end.send(message, handle, undefined, (error) => (error === null ? resolve() : reject(error)))
    }),
  onMessage: (listener) =>
    void end.on('message', (message, handle) => listener(message, handle as Handle | undefined)),
  onClose: (listener) => void end.on('disconnect', listener),
})
