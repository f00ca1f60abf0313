// How often one step is given identity tokens (trust-model.md §4.4 rule 1). A step asks once; again where an answer was lost.
// Counted in memory: a restart voids the tickets that are out, too.
import type { AttemptId } from '../../base/ids.ts'
import { stepAsksMax, stepsRememberedMax } from '../limits.ts'

export interface StepCounter {
  /** Counts; false: it was given its share. */
  admit(attempt: AttemptId, step: number): boolean
}

export const createStepCounter = (): StepCounter => {
  const counts = new Map<string, number>()
  return {
    admit: (attempt, step) => {
      const key = `${attempt}/${step}`
      const count = counts.get(key) ?? 0
      if (count >= stepAsksMax) return false
      const [oldest] = counts.keys()
      if (counts.size >= stepsRememberedMax && oldest !== undefined) counts.delete(oldest)
      counts.set(key, count + 1)
      return true
    },
  }
}
