// Pipe ends that travel over Node's IPC channel. The only file that knows Node's raw handles: a `net.Socket` would
// start to read as soon as it arrives, and what it read on the wrong side of a hand-over is lost (isolation.md §1.1).
import { Socket } from 'node:net'

/** A libuv handle: nobody reads from it until `readerOf`. */
export type RawHandle = { close(): void }

/** One descriptor as something `Channel.send` can carry. `close` after the send: the receiver has its own copy. */
export type Parcel = { readonly handle: RawHandle; close(): void }

export const parcelOf = (fd: number): Parcel => {
  // `readable: false` keeps Node from reading here; `writable` is said only because one of both must be.
  const socket = new Socket({ fd, readable: false, writable: true })
  socket.on('error', () => undefined)
  return { handle: rawHandleOf(socket), close: () => void socket.destroy() }
}

/** The reading end; its stream ends when the last writer has closed. */
export const readerOf = (handle: RawHandle): Socket =>
  new Socket({ ...adopting(handle), readable: true, writable: false })

/**
 * The reading end again, through one buffer for all that comes: `take` is given a view of it, and answers whether it may be
 * filled anew. After a no nothing is read until `resume`.
 */
export const takingReaderOf = (handle: RawHandle, take: (bytes: Uint8Array) => boolean): Socket => {
  const buffer = Buffer.allocUnsafeSlow(readBytes)
  const onread = { buffer, callback: (size: number) => take(buffer.subarray(0, size)) }
  const socket = new Socket({ ...adopting(handle), onread, readable: true, writable: false })
  // What came last may be a secret of the job.
  return socket.once('close', () => buffer.fill(0))
}

/** What a pipe holds by default. */
const readBytes = 64 * 1024

/** The writing end; `destroy()` closes it (a FIFO knows no half-close, so `end()` would report an error). */
export const writerOf = (handle: RawHandle): Socket => {
  const socket = new Socket({ ...adopting(handle), readable: false, writable: true })
  socket.on('error', () => undefined)
  return socket
}

// SAFE: `handle` is an option of net.Socket that its declared types leave out.
const adopting = (handle: RawHandle): object => ({ handle })

// SAFE: `_handle` is what Node's own cluster module sends; sandbox tests fail when it goes.
export const rawHandleOf = (owner: object): RawHandle => Reflect.get(owner, '_handle') as RawHandle
