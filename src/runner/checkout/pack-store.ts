// Packs of recent fetches, in memory only, for at most two minutes and within one cap: the jobs of a run that this
// runner planned find their commit here. Never on disk.
import type { Clock } from '../../base/clock.ts'
import { keptPackBytesMax, keptPackMs } from '../limits.ts'
import type { FetchedCommit } from './fetched.ts'

export type PackName = { readonly project: string; readonly commit: string; readonly depth: number }

export interface PackStore {
  find(name: PackName): FetchedCommit | null
  /** The oldest ones make room; what is larger than all room is not kept. */
  keep(name: PackName, fetched: FetchedCommit): void
  /** Of any depth. */
  holds(project: string, commit: string): boolean
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
    find: (name) => {
      forget()
      return kept.get(keyOf(name))?.fetched ?? null
    },
    holds: (project, commit) => {
      forget()
      return [...kept.keys()].some((key) => key.startsWith(`${project} ${commit} `))
    },
    keep: (name, fetched) => {
      if (fetched.pack.length > keptPackBytesMax) return
      const key = keyOf(name)
      kept.delete(key)
      for (const oldest of [...kept.keys()]) {
        if (size() + fetched.pack.length <= keptPackBytesMax) break
        kept.delete(oldest)
      }
      kept.set(key, { fetched, untilMs: deps.clock.monotonicMs() + keptPackMs })
      timer ??= setInterval(forget, 5_000).unref()
    },
    close: () => {
      kept.clear()
      forget()
    },
  }
}

const keyOf = ({ project, commit, depth }: PackName): string => `${project} ${commit} ${depth}`
