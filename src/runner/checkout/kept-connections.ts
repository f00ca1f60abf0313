// Fetch cells whose script still has an authenticated connection, each waiting for the next fetch with the same name: same
// project, source, key, pinned host keys and tier (docs/decisions/0015). They belong to no attempt; the key is not in them any
// more. Closed when the connection is a minute old, whether it was used or not.
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { keptConnectionsMax } from '../limits.ts'
import type { SourceCell } from './source-cell.ts'

export type Connected = {
  readonly cell: SourceCell
  /** On the monotonic clock. */
  readonly untilMs: number
}

export interface KeptConnections {
  /** For its taker alone, until he keeps it again. */
  take(name: string): Connected | null
  /** Closes it instead when one of this name waits, or its time is over. */
  keep(name: string, connected: Connected): Promise<void>
  holds(name: string): boolean
  close(): Promise<void>
}

export const createKeptConnections = (deps: {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly log: Log
  /** One of them could not be proven gone, and nobody else hears of it. */
  readonly onStuck: (error: unknown) => void
}): KeptConnections => {
  const kept = new Map<string, Connected & { readonly timer: NodeJS.Timeout }>()
  const remove = (name: string): Connected | null => {
    const found = kept.get(name)
    clearTimeout(found?.timer)
    kept.delete(name)
    return found ?? null
  }
  const discard = async (name: string): Promise<void> => {
    try {
      await remove(name)?.cell.close()
    } catch (error) {
      deps.log.error('a kept connection is not proven gone', { error })
      deps.onStuck(error)
    }
  }
  return {
    take: (name) => {
      const found = remove(name)
      if (found === null || found.cell.isAlive()) return found
      void found.cell.close().catch(deps.onStuck)
      return null
    },
    keep: async (name, { cell, untilMs }) => {
      const leftMs = untilMs - deps.clock.monotonicMs()
      if (leftMs <= 0 || kept.has(name) || !cell.isAlive()) return cell.close()
      const timer = setTimeout(() => void discard(name), leftMs).unref()
      kept.set(name, { cell, untilMs, timer })
      const oldest = [...kept.keys()].slice(0, -keptConnectionsMax)
      await Promise.all(oldest.map(discard))
    },
    holds: (name) => kept.has(name),
    close: async () => void (await Promise.all([...kept.keys()].map(discard))),
  }
}
