// Brings the sealed frames of all attempts on this host to the server: grouped, one request in flight, sent again
// until the server says they are durable. Owns the bound on what is not yet durable (back-pressure).
import type { LeaseId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import {
  batchHeaderBytes,
  encodeFrameBatch,
  type FrameBatchItem,
  frameBatchItemBytes,
  frameBatchItemsMax,
} from '../../protocol/frames.ts'
import type { FramesAnswer } from '../../protocol/runner-wire.ts'
import { createBackoff } from '../backoff.ts'
import { fastShipMs, frameRawBytes, shipBatchBytes, unackedLogBytesMax, unwatchedShipMs } from '../limits.ts'
import { isStoredForm, type SealedFrame } from './framer.ts'

export type ShipperDeps = {
  /** One `frames` request; rejects when the server did not answer it. */
  readonly post: (batch: Uint8Array, signal: AbortSignal) => Promise<FramesAnswer>
  /**
   * The first frame of a log, for whoever follows it by now: the server waits a moment for somebody. What the answer does not
   * name was not stored.
   */
  readonly postFirst: ShipperDeps['post']
  readonly log: Log
}

export type LogLine = {
  readonly lease: LeaseId
  /** Goes along until the first frame is durable; it is known by the time there is a frame. */
  readonly sealedKey: () => Uint8Array
  readonly onLost: () => void
  readonly onWatched: (watched: boolean) => void
}

export interface LeaseFrames {
  add(frame: SealedFrame): void
  /** A promise while too much is not durable: no more output until it resolves. */
  room(): Promise<void> | undefined
  /** Resolves when everything up to `seq` is durable or the lease is lost. */
  durable(seq: number): Promise<void>
  /**
   * From now on frames leave at once: somebody watches. Else only the first one does, in case somebody does; the others wait a
   * little: they may be all, and then go with the end.
   */
  hurry(): void
  /** What is not durable yet, and whether any of it was sent; it is sent no more until `durable` is asked for. */
  withhold(): { readonly items: readonly FrameBatchItem[]; readonly wasSent: boolean }
  close(): void
}

export interface Shipper {
  open(line: LogLine): LeaseFrames
  close(): void
}

type Waiter = { readonly until: (queue: Queue) => boolean; readonly done: () => void }
type Queue = {
  readonly line: LogLine
  frames: SealedFrame[]
  bytes: number
  durable: number
  lost: boolean
  /** Waits for more, is sent as it comes, or is kept back because `finish` takes it along. */
  pace: 'waiting' | 'flowing' | 'withheld'
  wasSent: boolean
  /** Somebody waits for what is there: no more company for it. */
  isAskedFor: boolean
  timer: NodeJS.Timeout | null
  waiters: Waiter[]
}

export const createShipper = (deps: ShipperDeps): Shipper => {
  const queues = new Map<LeaseId, Queue>()
  const stopped = new AbortController()
  const backoff = createBackoff()
  const gathering = createGathering(() => isFilling(queues))
  let sending = false

  const send = async (): Promise<void> => {
    if (sending) return
    sending = true
    // The frames of one turn of the event loop share a request.
    await new Promise((resolve) => setImmediate(resolve))
    for (let items = await gather(); items.length > 0 && !stopped.signal.aborted; items = await gather())
      await sendOnce(items)
    sending = false
  }

  const gather = async (): Promise<readonly FrameBatchItem[]> => {
    await gathering.over()
    return nextBatch(queues)
  }

  const sendOnce = async (items: readonly FrameBatchItem[]): Promise<void> => {
    try {
      const answer = await deps.post(encodeFrameBatch(items), stopped.signal)
      const moved = Object.entries(answer.leases).map(([lease, told]) =>
        accept(queues.get(lease as LeaseId), told),
      )
      // An answer that moves nothing must not make this a busy loop.
      if (moved.includes(true)) backoff.reset()
      else await backoff.wait(stopped.signal)
    } catch (error) {
      if (stopped.signal.aborted) return
      deps.log.warn('log frames not sent, trying again', { error })
      await backoff.wait(stopped.signal)
    }
  }

  return {
    open: (line) => {
      const queue = emptyQueue(line)
      queues.set(line.lease, queue)
      const flow = () => {
        clearTimeout(queue.timer ?? undefined)
        queue.pace = 'flowing'
        if (queue.frames.length > 0) void send()
      }
      const wait = (until: Waiter['until']) =>
        new Promise<void>((done) => queue.waiters.push({ until, done }))
      return {
        add: (frame) => {
          if (queue.lost) return
          queue.frames.push(frame)
          queue.bytes += frame.bytes.length
          gathering.look()
          if (queue.pace === 'flowing') void send()
          else if (queue.pace === 'withheld') return
          else if (queue.bytes >= frameRawBytes) flow()
          else {
            queue.timer ??= setTimeout(flow, unwatchedShipMs)
            if (frame.seq === 1) void offerFirst(deps, queue, stopped.signal)
          }
        },
        room: () => (hasRoom(queue) ? undefined : wait(hasRoom)),
        durable: (seq) => {
          queue.isAskedFor = true
          gathering.look()
          flow()
          return isDurable(queue, seq) ? Promise.resolve() : wait((now) => isDurable(now, seq))
        },
        hurry: () => {
          if (queue.pace === 'waiting') flow()
        },
        withhold: () => {
          clearTimeout(queue.timer ?? undefined)
          queue.pace = 'withheld'
          gathering.look()
          return { items: itemsOf(queue), wasSent: queue.wasSent }
        },
        close: () => {
          lose(queue)
          queues.delete(line.lease)
          gathering.look()
        },
      }
    },
    close: () => {
      stopped.abort()
      for (const queue of queues.values()) lose(queue)
      gathering.look()
    },
  }
}

/** What gets no answer may be stored all the same. */
const offerFirst = async (
  { postFirst, log }: ShipperDeps,
  queue: Queue,
  signal: AbortSignal,
): Promise<void> => {
  // What we say of a job goes before what it says: both are here after a turn.
  await new Promise((resolve) => setImmediate(resolve))
  if (queue.pace !== 'waiting' || queue.lost) return
  queue.wasSent = true
  try {
    const answer = await postFirst(encodeFrameBatch(itemsOf(queue)), signal)
    const told = answer.leases[queue.line.lease]
    if (told !== undefined) accept(queue, told)
    else if (queue.pace === 'waiting') queue.wasSent = false
  } catch (error) {
    log.debug('a first frame not sent, it waits for more', { error })
  }
}

const emptyQueue = (line: LogLine): Queue => ({
  ...{ line, frames: [], bytes: 0, durable: 0, lost: false },
  ...{ pace: 'waiting', wasSent: false, isAskedFor: false, timer: null, waiters: [] },
})

/**
 * Frames that fill up by themselves come faster than anybody reads: a request takes as many as fit. Each request is a
 * signature, a statement, a commit and a turn of four processes, which cost more than the bytes.
 */
const isFilling = (queues: ReadonlyMap<LeaseId, Queue>): boolean => {
  const flowing = [...queues.values()].filter(({ pace, frames }) => pace === 'flowing' && frames.length > 0)
  const bytes = flowing.reduce((sum, queue) => sum + queue.bytes, 0)
  return (
    flowing.length > 0 &&
    bytes < shipBatchBytes &&
    flowing.every(
      (queue) => !queue.isAskedFor && queue.frames.every(({ rawBytes }) => isStoredForm(rawBytes)),
    )
  )
}

/** Waits for company while `isWorthIt`, but not for long; whoever changes something says so with `look`. */
const createGathering = (isWorthIt: () => boolean) => {
  let end: (() => void) | null = null
  return {
    over: (): Promise<void> | undefined => {
      if (!isWorthIt()) return undefined
      return new Promise<void>((resolve) => {
        const timer = setTimeout(() => end?.(), fastShipMs)
        end = () => {
          end = null
          clearTimeout(timer)
          resolve()
        }
      })
    },
    look: (): void => {
      if (end !== null && !isWorthIt()) end()
    },
  }
}

const hasRoom = (queue: Queue): boolean => queue.lost || queue.bytes <= unackedLogBytesMax
const isDurable = (queue: Queue, seq: number): boolean => queue.lost || queue.durable >= seq

const lose = (queue: Queue): void => {
  clearTimeout(queue.timer ?? undefined)
  queue.lost = true
  queue.frames = []
  queue.bytes = 0
  wake(queue)
}

const wake = (queue: Queue): void => {
  const ready = queue.waiters.filter((waiter) => waiter.until(queue))
  queue.waiters = queue.waiters.filter((waiter) => !ready.includes(waiter))
  for (const waiter of ready) waiter.done()
}

/** Answers whether there is less to send than before. */
const accept = (queue: Queue | undefined, told: FramesAnswer['leases'][string]): boolean => {
  if (queue === undefined || queue.lost) return true
  if ('lost' in told) {
    // What `finish` is told decides then; it may have been quicker.
    if (queue.pace === 'withheld') return true
    lose(queue)
    queue.line.onLost()
    return true
  }
  const waiting = queue.frames.length
  queue.durable = Math.max(queue.durable, told.durable)
  queue.frames = queue.frames.filter((frame) => frame.seq > queue.durable)
  queue.bytes = queue.frames.reduce((sum, frame) => sum + frame.bytes.length, 0)
  queue.line.onWatched(told.watched)
  wake(queue)
  return queue.frames.length < waiting
}

const itemsOf = (queue: Queue): readonly FrameBatchItem[] =>
  queue.frames.map((frame, i) => ({
    lease: queue.line.lease,
    sealedKey: i === 0 && queue.durable === 0 ? queue.line.sealedKey() : null,
    frame: frame.bytes,
  }))

/** As many frames as one request takes, lease by lease in their order. */
const nextBatch = (queues: ReadonlyMap<LeaseId, Queue>): readonly FrameBatchItem[] => {
  const items: FrameBatchItem[] = []
  let size = batchHeaderBytes
  for (const queue of queues.values()) {
    if (queue.pace !== 'flowing') continue
    for (const item of itemsOf(queue)) {
      size += frameBatchItemBytes(item)
      const isFull = size > shipBatchBytes && items.length > 0
      if (isFull || items.length === frameBatchItemsMax) return items
      items.push(item)
      queue.wasSent = true
    }
  }
  return items
}
