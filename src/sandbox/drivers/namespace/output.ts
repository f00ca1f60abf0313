// What a step prints, on its way out: chunk by chunk with the reader's back-pressure, never more than one chunk in hand,
// and never more than the log may hold.
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import type { Take } from '../../driver.ts'
import { drainEveryMs, firstWordsBytes } from '../../limits.ts'
import { type RawHandle, readerOf, takingReaderOf } from '../../pipes.ts'

/** Bytes all steps of a sandbox may still print. */
export type Budget = { left: number }

export interface Output {
  /** Resolves when the last writer inside has closed and everything was written. Never rejects. */
  readonly ended: Promise<void>
  /** From now on everything is read and dropped, no faster than a log is: a daemon may keep its output, and must not die of it. */
  drain(): void
  destroy(): void
}

type Bounds = {
  readonly budget: Budget
  /** Its memory is used again. */
  readonly onBytes: (bytes: Uint8Array) => void
  readonly onExceeded: () => void
}

export const pumpOutput = (from: RawHandle, to: Writable | Take, bounds: Bounds): Output =>
  typeof to === 'function' ? pumpInto(from, to, bounds) : pumpToStream(from, to, bounds)

const pumpInto = (handle: RawHandle, take: Take, bounds: Bounds): Output => {
  const gate = createGate(bounds)
  let taken: Promise<unknown> = Promise.resolve()
  const resume = () => void from.resume()
  // Who breaks off has nothing more to say; the step goes on.
  const giveUp = () => {
    gate.shut()
    resume()
  }
  const from = takingReaderOf(handle, (bytes) => {
    if (gate.isDrained()) {
      resumeLater(from)
      return false
    }
    const part = gate.admit(bytes)
    const wait = part.length === 0 ? undefined : take(part)
    if (wait === undefined) return true
    taken = wait.then(resume, giveUp)
    return false
  })
  return outputOf(from, { gate, resume, flushed: () => taken })
}

const pumpToStream = (handle: RawHandle, to: Writable, bounds: Bounds): Output => {
  const gate = createGate(bounds)
  const from = readerOf(handle)
  const resume = () => {
    to.off('drain', resume)
    to.off('close', resume)
    from.resume()
  }
  from.on('data', (chunk: Buffer) => {
    if (gate.isDrained()) return resumeLater(from.pause())
    const part = gate.admit(chunk)
    if (part.length === 0 || to.write(part) || to.destroyed) return
    from.pause()
    to.once('drain', resume)
    to.once('close', resume)
  })
  return outputOf(from, { gate, resume, flushed: () => flushed(to) })
}

/** Of who writes without end the reading would otherwise take a processor that is not the job's. */
const resumeLater = (from: Socket): void => void setTimeout(() => from.resume(), drainEveryMs).unref()

type Gate = ReturnType<typeof createGate>

/** Lets through what the log may hold, and nothing once it is shut. */
const createGate = ({ budget, onBytes, onExceeded }: Bounds) => {
  let [isShut, isDrained] = [false, false]
  return {
    isDrained: () => isDrained,
    drain: () => {
      isDrained = true
    },
    admit: (chunk: Uint8Array): Uint8Array => {
      if (isShut) return nothing
      onBytes(chunk)
      const part = chunk.subarray(0, budget.left)
      budget.left -= part.length
      if (part.length < chunk.length) {
        isShut = true
        onExceeded()
      }
      return part
    },
    shut: () => {
      isShut = true
    },
  }
}

const nothing = new Uint8Array(0)

const outputOf = (
  from: Socket,
  { gate, resume, flushed }: { gate: Gate; resume: () => void; flushed: () => Promise<unknown> },
): Output => {
  const ended = new Promise<void>((resolve) => {
    from.once('error', () => undefined)
    from.once('close', () => resolve())
  })
  const drain = () => {
    gate.drain()
    resume()
    from.unref()
  }
  return { ended: ended.then(async () => void (await flushed())), drain, destroy: () => from.destroy() }
}

/** Everything that was written has been taken by the reader. */
const flushed = (to: Writable): Promise<void> =>
  new Promise((resolve) => {
    if (to.destroyed || to.writableEnded || to.writableLength === 0) return resolve()
    to.write(Buffer.alloc(0), () => resolve())
    to.once('close', () => resolve())
  })

/** What a cell says that gets no further than bubblewrap fits in them. */
export const firstWords = () => {
  const bytes = Buffer.alloc(firstWordsBytes)
  let length = 0
  return {
    hear: (chunk: Uint8Array): void => {
      if (length === firstWordsBytes) return
      const part = chunk.subarray(0, firstWordsBytes - length)
      bytes.set(part, length)
      length += part.length
    },
    text: () => bytes.toString('latin1', 0, length).trim(),
  }
}
