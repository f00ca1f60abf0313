// What of a project's files changed, for `mayfly run --watch`. The kernel says in which directory something happened; what it
// came to is looked up, so that an ignored file starts nothing. Where it says nothing (a network mount, no more watches
// left) a look now and then finds it.
import { type FSWatcher, type Stats, watch } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export type TreeChanges = {
  /** What differs from the answer before, at least one path; null once the signal aborted, or it was closed. */
  next(signal: AbortSignal): Promise<readonly string[] | null>
  close(): void
}

type Pace = {
  /** Editors write a file in several ways, and a checkout changes many: so long nothing must differ any more. */
  readonly settleMs: number
  /** Of a file that something writes all the time, no longer. */
  readonly settleMaxMs: number
  /** Without a word of the kernel. */
  readonly lookMs: number
}

/** Of a look, at most a twentieth of the time. */
const restPerLook = 20
const atOnce = 256

/** `list`: the absolute paths that count, as they are now. */
export const watchTree = async (
  list: () => Promise<readonly string[]>,
  { settleMs, settleMaxMs, lookMs }: Pace = { settleMs: 150, settleMaxMs: 2_000, lookMs: 2_000 },
): Promise<TreeChanges> => {
  const bell = createBell()
  const directories = createDirectories(bell.ring)
  let restMs = lookMs
  const look = async (): Promise<Seen> => {
    const begin = performance.now()
    const paths = await list()
    // Before the files are looked at: what changes after that rings.
    directories.watch(paths)
    const seen = await readAll(paths)
    restMs = Math.max(lookMs, restPerLook * (performance.now() - begin))
    return seen
  }
  const untilSettled = async (first: Seen, signal: AbortSignal): Promise<Seen> => {
    const begin = performance.now()
    for (let now = first; ; ) {
      await sleep(settleMs, undefined, { signal }).catch(() => undefined)
      const later = await look()
      const isOver = signal.aborted || performance.now() - begin > settleMaxMs
      if (isOver || differences(now, later).length === 0) return later
      now = later
    }
  }
  const closed = new AbortController()
  let seen = await look()
  return {
    next: async (given) => {
      const signal = AbortSignal.any([given, closed.signal])
      while (!signal.aborted) {
        await bell.wait(restMs, signal)
        if (signal.aborted) break
        const now = await look()
        if (differences(seen, now).length === 0) continue
        const settled = await untilSettled(now, signal)
        const changed = differences(seen, settled)
        seen = settled
        if (changed.length > 0) return changed
      }
      return null
    },
    close: () => {
      closed.abort('closed')
      directories.close()
    },
  }
}

/** By path: what tells one state of a file from another. */
type Seen = ReadonlyMap<string, string>

const readAll = async (paths: readonly string[]): Promise<Seen> => {
  const seen = new Map<string, string>()
  for (let at = 0; at < paths.length; at += atOnce) {
    const part = paths.slice(at, at + atOnce)
    const stats = await Promise.all(part.map((path) => lstat(path).catch(() => null)))
    for (const [i, path] of part.entries()) {
      const stat = stats[i]
      if (stat) seen.set(path, stateOf(stat))
    }
  }
  return seen
}

const stateOf = ({ mode, size, mtimeMs, ino }: Stats): string => `${mode} ${size} ${mtimeMs} ${ino}`

const differences = (before: Seen, after: Seen): readonly string[] =>
  [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path))

/** One watch for each directory that holds a file which counts. */
const createDirectories = (ring: () => void) => {
  const watchers = new Map<string, FSWatcher | null>()
  const open = (directory: string): FSWatcher | null => {
    try {
      // A directory that goes away ends its watch with an error; the looks go on.
      return watch(directory, { persistent: false }, ring).on('error', ring)
    } catch {
      return null
    }
  }
  return {
    watch: (paths: readonly string[]): void => {
      const wanted = new Set(paths.map(dirname))
      for (const [directory, watcher] of watchers)
        if (!wanted.has(directory)) {
          watcher?.close()
          watchers.delete(directory)
        }
      for (const directory of wanted) if (!watchers.has(directory)) watchers.set(directory, open(directory))
    },
    close: (): void => {
      for (const watcher of watchers.values()) watcher?.close()
      watchers.clear()
    },
  }
}

/** Rings are not lost: one before the wait ends it at once. */
const createBell = () => {
  let rung = Promise.withResolvers<void>()
  return {
    ring: () => rung.resolve(),
    wait: async (ms: number, signal: AbortSignal): Promise<void> => {
      const over = new AbortController()
      const late = sleep(ms, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(
        () => undefined,
      )
      await Promise.race([rung.promise, late])
      over.abort('rung')
      rung = Promise.withResolvers()
    },
  }
}
