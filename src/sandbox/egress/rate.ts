// So many in a second, on average: a bucket that is full at first and refills by the clock.
import type { Clock } from '../../base/clock.ts'

export type Rate = { readonly perSecond: number; readonly atFirst: number }

/** The answer says whether there was one more to take. */
export const createRate = ({ perSecond, atFirst }: Rate, clock: Clock): (() => boolean) => {
  let tokens = atFirst
  let last = clock.monotonicMs()
  return () => {
    const now = clock.monotonicMs()
    tokens = Math.min(atFirst, tokens + ((now - last) / 1000) * perSecond)
    last = now
    if (tokens < 1) return false
    tokens--
    return true
  }
}
