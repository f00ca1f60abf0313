// Who watches which log: runners of watched attempts send smaller pieces sooner (foundation.md §3). Followers of this process are
// counted; of those at other servers it is known what these said last (runners/watch-notices.ts).
import type { AttemptId } from '../../base/ids.ts'
import { limits } from '../limits.ts'

export type Watchers = {
  /** Until the returned function is called. */
  watch(attempt: AttemptId): () => void
  /** By anybody, also at another server: what its runner is told. */
  isWatched(attempt: AttemptId): boolean
  isWatchedHere(attempt: AttemptId): boolean
  /** All that are watched here. */
  here(): readonly AttemptId[]
  /** By anybody: those as well of which other servers said so. */
  all(): readonly AttemptId[]
  /** Another server says so, and says it again and again while it is true. */
  noteElsewhere(attempt: AttemptId): void
  /** Called with the attempt when the first one here comes and when the last one goes, and when one elsewhere is news; returns how to stop. */
  onChange(handler: (attempt: AttemptId) => void): () => void
}

export const createWatchers = ({
  elsewhereMs = limits.watchedElsewhere.forgottenMs,
}: {
  readonly elsewhereMs?: number
} = {}): Watchers => {
  const counts = new Map<AttemptId, number>()
  const elsewhere = createElsewhere(elsewhereMs)
  const handlers = new Set<(attempt: AttemptId) => void>()
  const tell = (attempt: AttemptId) => {
    for (const handler of [...handlers]) handler(attempt)
  }
  const add = (attempt: AttemptId, change: 1 | -1) => {
    const before = counts.get(attempt) ?? 0
    const after = before + change
    if (after === 0) counts.delete(attempt)
    else counts.set(attempt, after)
    if (before === 0 || after === 0) tell(attempt)
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
    isWatched: (attempt) => counts.has(attempt) || elsewhere.has(attempt),
    isWatchedHere: (attempt) => counts.has(attempt),
    here: () => [...counts.keys()],
    all: () => [...new Set([...counts.keys(), ...elsewhere.all()])],
    noteElsewhere: (attempt) => {
      const isNews = !elsewhere.has(attempt)
      elsewhere.note(attempt)
      if (isNews) tell(attempt)
    },
    onChange: (handler) => {
      handlers.add(handler)
      return () => handlers.delete(handler)
    },
  }
}

/** What was not said again for a while is forgotten: nobody says that he has gone. */
const createElsewhere = (forgottenMs: number) => {
  const saidAt = new Map<AttemptId, number>()
  const isOver = (at: number) => performance.now() - at > forgottenMs
  return {
    has: (attempt: AttemptId): boolean => {
      const at = saidAt.get(attempt)
      return at !== undefined && !isOver(at)
    },
    all: (): readonly AttemptId[] => [...saidAt].flatMap(([attempt, at]) => (isOver(at) ? [] : [attempt])),
    /** The first entry is the one that was said longest ago. */
    note: (attempt: AttemptId): void => {
      saidAt.delete(attempt)
      saidAt.set(attempt, performance.now())
      for (const [oldest, at] of saidAt) {
        if (!isOver(at) && saidAt.size <= limits.watchedElsewhere.logsMax) break
        saidAt.delete(oldest)
      }
    },
  }
}
