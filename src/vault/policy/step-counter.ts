// How often one step is given something: identity tokens, signatures (trust-model.md §4.4 rule 1), in all and within one second.
// Counted in memory: a restart voids the tickets that are out, too.
import type { Clock } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import type { AttemptId } from '../../base/ids.ts'
import { stepsRememberedMax } from '../limits.ts'

export interface StepCounter {
  /** Counts; false: it was given its share. E_RATE_LIMIT: it will be in a second. */
  admit(attempt: AttemptId, step: number): boolean
}

type Count = { readonly all: number; readonly second: number; readonly inSecond: number }

export const createStepCounter = (
  clock: Clock,
  { max, perSecondMax }: { readonly max: number; readonly perSecondMax: number },
): StepCounter => {
  const counts = new Map<string, Count>()
  return {
    admit: (attempt, step) => {
      const key = `${attempt}/${step}`
      const second = Math.floor(clock.monotonicMs() / 1000)
      const before = counts.get(key) ?? { all: 0, second, inSecond: 0 }
      const inSecond = before.second === second ? before.inSecond : 0
      if (before.all >= max) return false
      if (inSecond >= perSecondMax) throw fault('E_RATE_LIMIT')
      const [oldest] = counts.keys()
      if (counts.size >= stepsRememberedMax && oldest !== undefined) counts.delete(oldest)
      counts.set(key, { all: before.all + 1, second, inSecond: inSecond + 1 })
      return true
    },
  }
}
