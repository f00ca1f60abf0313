// For who waits long: what passes by itself (a server that restarts, a minute with too many questions) ends no waiting.
import { setTimeout as sleep } from 'node:timers/promises'
import { isFault } from '../../base/faults.ts'
import type { Surroundings } from '../surroundings.ts'

const pauseMs = 1_000
/** In a row: about as long as an installation needs to start again. */
const brokenMax = 60

export type Patience = {
  /** Waits a moment; throws what does not pass, or did not. */
  readonly bear: (error: unknown) => Promise<void>
  readonly answered: () => void
}

export const createPatience = ({ interrupted }: Pick<Surroundings, 'interrupted'>): Patience => {
  let broken = 0
  return {
    bear: async (error) => {
      if (!isPassing(error) || ++broken > brokenMax) throw error
      await sleep(pauseMs, undefined, { signal: interrupted }).catch(() => undefined)
    },
    answered: () => {
      broken = 0
    },
  }
}

export const isPassing = (error: unknown): boolean => isFault(error) && error.row.retryable
