// Packs of recent fetches, in memory only, for at most two minutes and within one cap: the jobs of a run that this
// runner planned find their commit here, and those that begin together wait for one fetch. Never on disk.
import type { Clock } from '../../base/clock.ts'
import { keptPackBytesMax, keptPackMs } from '../limits.ts'
import type { FetchedCommit } from './fetched.ts'

export type PackName = { readonly project: string; readonly commit: string; readonly depth: number }

export interface PackStore {
  find(name: PackName): FetchedCommit | null
  /** What somebody else is fetching; null when nobody is or it fails: then everybody fetches for himself. */
  coming(name: PackName, signal: AbortSignal): Promise<FetchedCommit | null>
  /**
   * Kept when it comes, under the commit that it turns out to be. The oldest ones make room; what is larger than all room
   * is not kept.
   */
  expect(name: PackName, coming: Promise<FetchedCommit | null>): void
  /** Of any depth. */
  holds(project: string, commit: string): boolean
  close(): void
}

export const createPackStore = (deps: { readonly clock: Clock }): PackStore => {
  const kept = new Map<string, { readonly fetched: FetchedCommit; readonly untilMs: number }>()
  const size = () => [...kept.values()].reduce((sum, entry) => sum + entry.fetched.pack.length, 0)
  const underWay = new Map<string, Promise<FetchedCommit | null>>()
  let timer: NodeJS.Timeout | null = null
  const forget = () => {
    for (const [key, entry] of kept) if (entry.untilMs <= deps.clock.monotonicMs()) kept.delete(key)
    if (kept.size === 0 && timer !== null) {
      clearInterval(timer)
      timer = null
    }
  }
  const keep = (name: PackName, fetched: FetchedCommit): void => {
    if (fetched.pack.length > keptPackBytesMax) return
    const key = keyOf(name)
    kept.delete(key)
    for (const oldest of [...kept.keys()]) {
      if (size() + fetched.pack.length <= keptPackBytesMax) break
      kept.delete(oldest)
    }
    kept.set(key, { fetched, untilMs: deps.clock.monotonicMs() + keptPackMs })
    timer ??= setInterval(forget, 5_000).unref()
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
    coming: (name, signal) => unlessAborted(underWay.get(keyOf(name)) ?? null, signal),
    expect: (name, coming) => {
      const settled = coming.catch(() => null)
      underWay.set(keyOf(name), settled)
      void settled.then((fetched) => {
        if (underWay.get(keyOf(name)) === settled) underWay.delete(keyOf(name))
        if (fetched !== null) keep({ ...name, commit: fetched.commit }, fetched)
      })
    },
    close: () => {
      kept.clear()
      forget()
    },
  }
}

const unlessAborted = async <T>(work: Promise<T> | null, signal: AbortSignal): Promise<T | null> => {
  if (work === null) return null
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

const keyOf = ({ project, commit, depth }: PackName): string => `${project} ${commit} ${depth}`
