// One of something that takes long to start, started ahead, used once and never again. The next one is started a while
// after the last was taken: whoever took it is in a hurry, and starting would take his processor.
import type { Log } from '../base/log.ts'

export interface Startable {
  close(): Promise<void>
}

export type StandbyDeps<T extends Startable> = {
  readonly start: () => Promise<T>
  /** For logs. */
  readonly what: string
  readonly log: Log
  /** From `take` to the start of the next one. */
  readonly refillMs: number
  /** One that has waited this long is closed. */
  readonly ageMs: number
  /** Whether a fresh one then takes its place, or none waits until one is taken again. */
  readonly renew: boolean
}

export interface Standby<T> {
  /** The one that waits, else null: one that failed to start is nobody's failure. Either way another one will be started. */
  take(): Promise<T | null>
  /** Starts one now, unless one waits. */
  fill(): void
  close(): Promise<void>
}

export const createStandby = <T extends Startable>(deps: StandbyDeps<T>): Standby<T> => {
  let next: Promise<T> | null = null
  let timer: NodeJS.Timeout | null = null
  let closed = false

  const schedule = (ms: number, act: () => void): void => {
    if (timer !== null) clearTimeout(timer)
    timer = setTimeout(act, ms).unref()
  }
  const fill = (): void => {
    if (closed || next !== null) return
    next = deps.start()
    next.catch((error: unknown) => deps.log.warn(`no ${deps.what} could be started ahead`, { error }))
    schedule(deps.ageMs, drop)
  }
  const takeNext = (): Promise<T> | null => {
    const taken = next
    next = null
    return taken
  }
  const drop = (): void => {
    void discard(takeNext())
    if (deps.renew) fill()
  }
  return {
    take: async () => {
      const taken = takeNext()
      if (!closed) schedule(deps.refillMs, fill)
      return (await taken?.catch(() => null)) ?? null
    },
    fill,
    close: async () => {
      closed = true
      if (timer !== null) clearTimeout(timer)
      await discard(takeNext())
    },
  }
}

const discard = async (waiting: Promise<Startable> | null): Promise<void> => {
  const found = await waiting?.catch(() => null)
  await found?.close().catch(() => undefined)
}
