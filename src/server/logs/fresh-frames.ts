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

/** `isNewest`: there was none behind these. */
export type FreshPage = { readonly frames: readonly Uint8Array[]; readonly isNewest: boolean }

export type FreshFrames = {
  /** The sealed key that a log will have, as its runner says: who waits for the first frame can have it opened meanwhile. */
  announce(attempt: AttemptId, sealedKey: Uint8Array): void
  add(attempt: AttemptId, range: FreshRange): void
  /** Sealed frames from the one after `after` on, a page of them; none when that one is not here. */
  after(attempt: AttemptId, after: number): FreshPage
  /** Of a log without a frame; only with its first frame it is sure that this is its key. */
  announcedKey(attempt: AttemptId): Uint8Array | null
  /** The sealed log key, while the first frame is still here. */
  keyOf(attempt: AttemptId): Uint8Array | null
}

/** Of one attempt; `frames` are consecutive from `from`. */
type Tail = { from: number; frames: Uint8Array[]; bytes: number; sealedKey: Uint8Array | null }

export const createFreshFrames = (watchers: Watchers): FreshFrames => {
  const tails = new Map<AttemptId, Tail>()
  let bytes = 0
  const forget = (attempt: AttemptId) => {
    bytes -= tails.get(attempt)?.bytes ?? 0
    tails.delete(attempt)
  }
  const announced = new Map<AttemptId, Uint8Array>()
  watchers.onChange((attempt) => {
    if (watchers.isWatchedHere(attempt)) return
    forget(attempt)
    announced.delete(attempt)
  })
  return {
    announce: (attempt, sealedKey) => {
      const [oldest] = announced.keys()
      if (announced.size >= limits.freshLogsMax && oldest !== undefined) announced.delete(oldest)
      announced.set(attempt, sealedKey.slice())
    },
    add: (attempt, range) => {
      if (!watchers.isWatchedHere(attempt)) return
      const before = tails.get(attempt)
      const isNext = before !== undefined && range.from === before.from + before.frames.length
      if (!isNext) forget(attempt)
      const tail = isNext ? before : { from: range.from, frames: [], bytes: 0, sealedKey: range.sealedKey }
      tails.set(attempt, tail)
      bytes += append(tail, range.frames)
      // The first entry is the log that began first: its followers read in the tables until it goes on.
      for (const oldest of tails.keys()) {
        const isTooMuch = tails.size > limits.freshLogsMax || bytes > limits.freshFramesBytes
        if (!isTooMuch) break
        if (oldest !== attempt) forget(oldest)
      }
      if (tail.sealedKey !== null) announced.delete(attempt)
    },
    after: (attempt, after) => {
      const tail = tails.get(attempt)
      const frames =
        tail === undefined || after + 1 < tail.from ? [] : tail.frames.slice(after + 1 - tail.from)
      return pageOf(frames)
    },
    announcedKey: (attempt) => announced.get(attempt) ?? null,
    keyOf: (attempt) => tails.get(attempt)?.sealedKey ?? null,
  }
}

/** A follower that is slower than what is kept here reads on in the tables. Answers by how much the tail has grown. */
const append = (tail: Tail, frames: readonly Uint8Array[]): number => {
  const before = tail.bytes
  for (const frame of frames) {
    // A copy: the body of the request, which may hold much else, is not kept alive by it.
    tail.frames.push(frame.slice())
    tail.bytes += frame.length
  }
  while (tail.bytes > limits.freshFramesBytesPerLog) {
    tail.bytes -= tail.frames.shift()?.length ?? 0
    tail.from++
  }
  return tail.bytes - before
}

const pageOf = (frames: readonly Uint8Array[]): FreshPage => {
  let bytes = 0
  const end = frames.findIndex((frame) => {
    bytes += frame.length
    return bytes > limits.freshPageBytes
  })
  // One that is larger than a page is a page.
  const count = end === -1 ? frames.length : Math.max(1, end)
  return { frames: frames.slice(0, count), isNewest: count === frames.length }
}
