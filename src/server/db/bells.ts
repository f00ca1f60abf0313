// Wakes held polls and followers when a notice arrives, instead of letting them ask again and again. A bell is armed
// before the look at the tables and waited on after it, so that nothing falls between the two.

import type { Database } from './database.ts'
import type { Channel } from './listener.ts'

export type Bell = {
  /** Resolves when it rang since it was armed, after `timeoutMs`, or when the signal aborts. Never rejects. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<void>
  disarm(): void
}

export type Bells = {
  /** Rings for a notice on `channel` whose payload `concerns` the caller, and after every reconnect. */
  arm(concerns: (payload: string) => boolean): Bell
  /** As if such a notice had come. */
  ring(payload: string): void
  close(): void
}

export const createBells = (database: Database, channel: Channel): Bells => {
  const armed = new Set<(payload: string | null) => void>()
  const stop = database.listen(channel, (payload) => {
    for (const ring of [...armed]) ring(payload)
  })
  return {
    arm: (concerns) => {
      let rang = false
      let onRing: (() => void) | null = null
      const ring = (payload: string | null) => {
        if (payload !== null && !concerns(payload)) return
        rang = true
        onRing?.()
      }
      armed.add(ring)
      return {
        wait: async (timeoutMs, signal) => {
          if (!rang && !signal.aborted)
            await untilRing(
              (listener) => {
                onRing = listener
              },
              { timeoutMs, signal },
            )
          rang = false
          onRing = null
        },
        disarm: () => armed.delete(ring),
      }
    },
    ring: (payload) => {
      for (const ring of [...armed]) ring(payload)
    },
    close: () => {
      stop()
      for (const ring of [...armed]) ring(null)
    },
  }
}

const untilRing = (
  listen: (listener: () => void) => void,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, timeoutMs)
    signal.addEventListener('abort', done, { once: true })
    listen(done)
  })

/** Both at once: for somebody who waits for work and for word about the work he has. */
export const eitherBell = (a: Bell, b: Bell): Bell => ({
  wait: async (timeoutMs, signal) => {
    const stop = new AbortController()
    const either = AbortSignal.any([signal, stop.signal])
    await Promise.race([a.wait(timeoutMs, either), b.wait(timeoutMs, either)])
    stop.abort('one of them rang')
  },
  disarm: () => {
    a.disarm()
    b.disarm()
  },
})
