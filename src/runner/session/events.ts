// Events of one attempt on their way to the server: numbered, in order, a few together, again until acknowledged.
import type { Clock } from '../../base/clock.ts'
import { isFault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import type { AttemptEvent } from '../../protocol/runner-wire.ts'
import { createBackoff } from '../backoff.ts'
import { eventsPerRequest, eventTextMax, unwatchedEventsMs, watchedEventsMs } from '../limits.ts'
import type { EventBody } from '../sink.ts'

export type EventQueueDeps = {
  readonly clock: Clock
  readonly log: Log
  /** One `events` request. */
  readonly post: (events: readonly AttemptEvent[], signal: AbortSignal) => Promise<void>
  readonly onLost: () => void
  readonly signal: AbortSignal
}

export interface EventQueue {
  add(event: EventBody): void
  setWatched(watched: boolean): void
  /** What is not acknowledged yet; it is sent no more until `flush` is asked for: `finish` takes it along. */
  withhold(): { readonly events: readonly AttemptEvent[]; readonly lastEvent: number }
  /** Everything added so far is acknowledged, or the lease is gone; answers the last number. */
  flush(): Promise<number>
}

export const createEventQueue = (deps: EventQueueDeps): EventQueue => {
  let waiting: AttemptEvent[] = []
  let seq = 0
  let timer: NodeJS.Timeout | null = null
  let sending: Promise<void> | null = null
  let flushMs = unwatchedEventsMs
  let isWithheld = false

  const sendAll = async (): Promise<void> => {
    const backoff = createBackoff()
    while (waiting.length > 0 && !isWithheld && !deps.signal.aborted) {
      const batch = waiting.slice(0, eventsPerRequest)
      try {
        await deps.post(batch, deps.signal)
        waiting = waiting.slice(batch.length)
        backoff.reset()
      } catch (error) {
        // What `finish` is told decides; it may have been quicker.
        if (deps.signal.aborted || isWithheld) return
        if (isFault(error, 'E_LEASE_LOST')) {
          deps.onLost()
          return
        }
        deps.log.warn('events not sent, trying again', { error })
        await backoff.wait(deps.signal)
      }
    }
  }
  const send = (): Promise<void> => {
    timer = null
    sending ??= sendAll().finally(() => {
      sending = null
    })
    return sending
  }

  return {
    add: (event) => {
      // SAFE: a body and its number and time are an event; TypeScript does not follow the union through the spread.
      waiting.push({ seq: ++seq, atMs: deps.clock.now(), ...shortened(event) } as AttemptEvent)
      if (!isWithheld) timer ??= setTimeout(() => void send(), flushMs)
    },
    setWatched: (watched) => {
      flushMs = watched ? watchedEventsMs : unwatchedEventsMs
      if (watched && timer !== null) {
        clearTimeout(timer)
        timer = setTimeout(() => void send(), flushMs)
      }
    },
    withhold: () => {
      clearTimeout(timer ?? undefined)
      isWithheld = true
      return { events: [...waiting], lastEvent: seq }
    },
    flush: async () => {
      clearTimeout(timer ?? undefined)
      isWithheld = false
      // What was added while a request was under way needs a second one.
      while (waiting.length > 0 && !deps.signal.aborted) await send()
      return seq
    },
  }
}

/** Names and messages come from configurations and programs: the server takes so much and no more. */
const shortened = (event: EventBody): EventBody => {
  if (event.kind === 'step-started') return { ...event, name: event.name.slice(0, eventTextMax) }
  if (event.kind === 'step-finished')
    return { ...event, message: event.message?.slice(0, eventTextMax) ?? null }
  return event
}
