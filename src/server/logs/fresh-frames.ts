// Frames that were stored just now, for those who follow them in this process: they need not be read back. Filled right
// after the commit and before anybody is told, only while an attempt is watched. What is not here is in the tables.
import type { AttemptId } from '../../base/ids.ts'
import { limits } from '../limits.ts'
import type { Watchers } from './watchers.ts'

/** Consecutive frames of one request, as they came; the sealed log key when they are the first. */
export type FreshRange = {
  readonly from: number
  readonly frames: readonly Uint8Array[]
  readonly sealedKey: Uint8Array | null
}

export type FreshFrames = {
  /** The sealed key that a log will have, as its runner says: who waits for the first frame can have it opened meanwhile. */
  announce(attempt: AttemptId, sealedKey: Uint8Array): void
  add(attempt: AttemptId, range: FreshRange): void
  /** The sealed frames from the one after `after`; none when it is not the newest ones that are wanted. */
  after(attempt: AttemptId, after: number): readonly Uint8Array[]
  /** Of a log without a frame; only with its first frame it is sure that this is its key. */
  announcedKey(attempt: AttemptId): Uint8Array | null
  /** The sealed log key, while the first frame is still here. */
  keyOf(attempt: AttemptId): Uint8Array | null
}

/** Of one attempt; `frames` are consecutive from `from`. */
type Tail = { from: number; frames: Uint8Array[]; bytes: number; sealedKey: Uint8Array | null }

export const createFreshFrames = (watchers: Watchers): FreshFrames => {
  const tails = new Map<AttemptId, Tail>()
  const announced = new Map<AttemptId, Uint8Array>()
  watchers.onChange((attempt) => {
    if (watchers.isWatched(attempt)) return
    tails.delete(attempt)
    announced.delete(attempt)
  })
  return {
    announce: (attempt, sealedKey) => {
      const [oldest] = announced.keys()
      if (announced.size >= limits.freshLogsMax && oldest !== undefined) announced.delete(oldest)
      announced.set(attempt, sealedKey.slice())
    },
    add: (attempt, range) => {
      if (!watchers.isWatched(attempt)) return
      const before = tails.get(attempt)
      const isNext = before !== undefined && range.from === before.from + before.frames.length
      const tail = isNext ? before : { from: range.from, frames: [], bytes: 0, sealedKey: range.sealedKey }
      // The oldest entry is the log that began first: its followers read in the tables until it goes on.
      const [oldest] = tails.keys()
      if (tails.size >= limits.freshLogsMax && oldest !== undefined) tails.delete(oldest)
      tails.set(attempt, tail)
      append(tail, range.frames)
      if (tail.sealedKey !== null) announced.delete(attempt)
    },
    after: (attempt, after) => {
      const tail = tails.get(attempt)
      return tail === undefined || after + 1 < tail.from ? [] : tail.frames.slice(after + 1 - tail.from)
    },
    announcedKey: (attempt) => announced.get(attempt) ?? null,
    keyOf: (attempt) => tails.get(attempt)?.sealedKey ?? null,
  }
}

/** A follower that is slower than what is kept here reads on in the tables. */
const append = (tail: Tail, frames: readonly Uint8Array[]): void => {
  for (const frame of frames) {
    // A copy: the body of the request, which may hold much else, is not kept alive by it.
    tail.frames.push(frame.slice())
    tail.bytes += frame.length
  }
  while (tail.bytes > limits.freshFramesBytesPerLog) {
    tail.bytes -= tail.frames.shift()?.length ?? 0
    tail.from++
  }
}
