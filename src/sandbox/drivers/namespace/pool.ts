// Nests that wait with their first cell built (isolation.md §2.1): one is taken per attempt and never comes back. Filled
// one at a time in the background; what nobody wants any more, is too old, or has ended while it waited, is destroyed.
import type { Clock } from '../../../base/clock.ts'
import type { Log } from '../../../base/log.ts'
import { poolAgeMs, poolRefillMs } from '../../limits.ts'
import { discardNest, type NestHold, type NestKind } from './nest.ts'

export interface Pool {
  /** A waiting nest of exactly this kind, or null. Counts as demand: another one is made. */
  take(kind: NestKind): NestHold | null
  /** From now on `count` of this kind wait. Resolves when they do. */
  want(kind: NestKind, count: number): Promise<void>
  close(): Promise<void>
}

export type PoolDeps = {
  readonly open: (kind: NestKind) => Promise<NestHold>
  readonly clock: Clock
  readonly log: Log
}

type Shelf = { readonly kind: NestKind; wanted: number; readonly waiting: NestHold[] }

export const createPool = (deps: PoolDeps): Pool => {
  const shelves = new Map<string, Shelf>()
  let filling: Promise<void> | null = null
  let closed = false

  const missing = () => [...shelves.values()].find((shelf) => shelf.waiting.length < shelf.wanted)
  const fill = async (): Promise<void> => {
    for (let shelf = missing(); shelf !== undefined && !closed; shelf = missing()) {
      const nest = await deps.open(shelf.kind)
      if (closed) await discard(deps, nest)
      else shelf.waiting.push(nest)
    }
  }
  const refill = (): Promise<void> => {
    filling ??= fill().finally(() => {
      filling = null
    })
    return filling
  }
  const refillQuietly = () =>
    void refill().catch((error) => deps.log.warn('the pool of sandboxes could not be filled', { error }))
  /** First the job that took it: making a nest would take its processor. */
  const refillLater = () => void setTimeout(refillQuietly, poolRefillMs).unref()

  return {
    take: (kind) => {
      const shelf = shelves.get(keyOf(kind))
      if (shelf === undefined) return null
      for (let nest = shelf.waiting.shift(); nest !== undefined; nest = shelf.waiting.shift()) {
        if (nest.cell.isAlive() && deps.clock.now() - nest.preparedAt < poolAgeMs) {
          refillLater()
          return nest
        }
        void discard(deps, nest)
      }
      refillLater()
      return null
    },
    want: async (kind, count) => {
      const key = keyOf(kind)
      const shelf = shelves.get(key) ?? { kind, wanted: 0, waiting: [] }
      shelf.wanted = count
      shelves.set(key, shelf)
      while (missing() !== undefined && !closed) await refill()
    },
    close: async () => {
      closed = true
      await filling?.catch(() => undefined)
      const left = [...shelves.values()].flatMap((shelf) => shelf.waiting.splice(0))
      await Promise.all(left.map((nest) => discard(deps, nest)))
    },
  }
}

const keyOf = (kind: NestKind): string => JSON.stringify(kind)

const discard = async (deps: PoolDeps, nest: NestHold): Promise<void> => {
  try {
    await discardNest(nest)
  } catch (error) {
    deps.log.error('an unused sandbox could not be destroyed', { nest: nest.id, error })
  }
}
