// Remembers the numbers of signed requests for as long as their time would be accepted. Two generations: the older one
// is dropped whole, so remembering costs one set insert and nothing scans. Per process; another replica would accept a
// replay within the minute, which then meets idempotent calls over pinned TLS.
import type { Clock } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { limits } from '../limits.ts'

export type ReplayMemory = { isNew(jti: string): boolean }

export const createReplayMemory = (clock: Clock): ReplayMemory => {
  // A request is accepted from skew before to skew after its time: a generation lasts that long.
  const generationMs = 2 * limits.requestSkewMs
  let current = new Set<string>()
  let previous = new Set<string>()
  let turnAt = clock.monotonicMs() + generationMs
  return {
    isNew: (jti) => {
      const now = clock.monotonicMs()
      if (now >= turnAt) {
        previous = now >= turnAt + generationMs ? new Set() : current
        current = new Set()
        turnAt = now + generationMs
      }
      if (current.has(jti) || previous.has(jti)) return false
      if (current.size >= limits.rememberedRequestsMax) throw fault('E_RATE_LIMIT')
      current.add(jti)
      return true
    },
  }
}
