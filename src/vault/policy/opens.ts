// How many logs, artifacts and caches a user may have opened in an hour (trust-model.md §6): a compromised server can
// read what its users could, at this rate and audited. Counted in memory; a restart forgives at most one hour.
import type { Clock } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { blobOpensPerHour, blobUsersMax } from '../limits.ts'

export interface OpenCounter {
  /** Counts the object once per user and hour; true when it was new. Above the limit E_RATE_LIMIT. */
  count(user: string, object: string): boolean
}

const hourMs = 3_600_000

export const createOpenCounter = (clock: Clock): OpenCounter => {
  let hour = -1
  let opened = new Map<string, Set<string>>()
  return {
    count: (user, object) => {
      const current = Math.floor(clock.monotonicMs() / hourMs)
      if (current !== hour) {
        hour = current
        opened = new Map()
      }
      const objects = opened.get(user)
      if (objects?.has(object)) return false
      const isFull = objects === undefined ? opened.size >= blobUsersMax : objects.size >= blobOpensPerHour
      if (isFull) throw fault('E_RATE_LIMIT')
      opened.set(user, (objects ?? new Set()).add(object))
      return true
    },
  }
}
