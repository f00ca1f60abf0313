// Who watches which log in this process: runners of watched attempts send smaller pieces sooner (foundation.md §3).
import type { AttemptId } from '../../base/ids.ts'

export type Watchers = {
  /** Until the returned function is called. */
  watch(attempt: AttemptId): () => void
  isWatched(attempt: AttemptId): boolean
  /** Called with the attempt when the first one comes and when the last one goes; returns how to stop. */
  onChange(handler: (attempt: AttemptId) => void): () => void
}

export const createWatchers = (): Watchers => {
  const counts = new Map<AttemptId, number>()
  const handlers = new Set<(attempt: AttemptId) => void>()
  const add = (attempt: AttemptId, change: 1 | -1) => {
    const before = counts.get(attempt) ?? 0
    const after = before + change
    if (after === 0) counts.delete(attempt)
    else counts.set(attempt, after)
    if (before === 0 || after === 0) for (const handler of [...handlers]) handler(attempt)
  }
  return {
    watch: (attempt) => {
      add(attempt, 1)
      let isWatching = true
      return () => {
        if (isWatching) add(attempt, -1)
        isWatching = false
      }
    },
    isWatched: (attempt) => counts.has(attempt),
    onChange: (handler) => {
      handlers.add(handler)
      return () => handlers.delete(handler)
    },
  }
}
