// Packs of recent fetches, in memory only, for at most two minutes and within one cap: the jobs of a run that this
// runner planned find their commit here. Never on disk.
import type { Clock } from '../../base/clock.ts'
import { keptPackBytesMax, keptPackMs } from '../limits.ts'
import type { FetchedCommit } from './fetched.ts'

export interface PackStore {
  find(key: string): FetchedCommit | null
  /** False when the pack is too large to keep. The oldest ones make room. */
  keep(key: string, fetched: FetchedCommit): boolean
  close(): void
}

export const createPackStore = (deps: { readonly clock: Clock }): PackStore => {
  const kept = new Map<string, { readonly fetched: FetchedCommit; readonly untilMs: number }>()
  const size = () => [...kept.values()].reduce((sum, entry) => sum + entry.fetched.pack.length, 0)
  let timer: NodeJS.Timeout | null = null
  const forget = () => {
    for (const [key, entry] of kept) if (entry.untilMs <= deps.clock.monotonicMs()) kept.delete(key)
    if (kept.size === 0 && timer !== null) {
      clearInterval(timer)
      timer = null
    }
  }
  return {
    find: (key) => {
      forget()
      return kept.get(key)?.fetched ?? null
    },
    keep: (key, fetched) => {
      if (fetched.pack.length > keptPackBytesMax) return false
      kept.delete(key)
      for (const oldest of [...kept.keys()]) {
        if (size() + fetched.pack.length <= keptPackBytesMax) break
        kept.delete(oldest)
      }
      kept.set(key, { fetched, untilMs: deps.clock.monotonicMs() + keptPackMs })
      timer ??= setInterval(forget, 5_000).unref()
      return true
    },
    close: () => {
      kept.clear()
      forget()
    },
  }
}
