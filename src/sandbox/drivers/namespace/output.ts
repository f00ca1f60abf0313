// What a step prints, on its way out: chunk by chunk with the reader's back-pressure, never more than one chunk in hand,
// and never more than the log may hold.
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'

/** Bytes all steps of a sandbox may still print. */
export type Budget = { left: number }

export interface Output {
  /** Resolves when the last writer inside has closed and everything was written. Never rejects. */
  readonly ended: Promise<void>
  /** From now on everything is read and dropped: a daemon may keep its output, and must not die of it. */
  drain(): void
  destroy(): void
}

export const pumpOutput = (
  from: Socket,
  to: Writable,
  options: { readonly budget: Budget; readonly onBytes: () => void; readonly onExceeded: () => void },
): Output => {
  let dropping = false
  const write = (chunk: Buffer): void => {
    if (dropping) return
    options.onBytes()
    const part = chunk.subarray(0, options.budget.left)
    options.budget.left -= part.length
    if (part.length < chunk.length) {
      dropping = true
      options.onExceeded()
    }
    if (part.length === 0 || to.write(part) || to.destroyed) return
    from.pause()
    to.once('drain', resume)
    to.once('close', resume)
  }
  const resume = () => {
    to.off('drain', resume)
    to.off('close', resume)
    from.resume()
  }
  const ended = new Promise<void>((resolve) => {
    from.once('error', () => undefined)
    from.once('close', () => resolve())
  })
  from.on('data', write)
  const drain = () => {
    dropping = true
    resume()
    from.unref()
  }
  return { ended: ended.then(() => flushed(to)), drain, destroy: () => from.destroy() }
}

/** Everything that was written has been taken by the reader. */
const flushed = (to: Writable): Promise<void> =>
  new Promise((resolve) => {
    if (to.destroyed || to.writableEnded || to.writableLength === 0) return resolve()
    to.write(Buffer.alloc(0), () => resolve())
    to.once('close', () => resolve())
  })
