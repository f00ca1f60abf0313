// Waiting between tries: doubles from the first to the longest pause, with a random part so that runners do not
// knock in step.
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffFirstMs, backoffMaxMs } from './limits.ts'

type BackoffOptions = { readonly maxMs?: number; readonly random?: () => number }

export const createBackoff = ({ maxMs = backoffMaxMs, random = Math.random }: BackoffOptions = {}) => {
  let failures = 0
  return {
    reset: () => {
      failures = 0
    },
    /** Resolves early, without a throw, when `signal` aborts. */
    wait: async (signal: AbortSignal): Promise<void> => {
      const ms = Math.min(maxMs, backoffFirstMs * 2 ** Math.min(failures++, 16))
      await sleep(ms * (0.5 + random() / 2), undefined, { signal }).catch(() => undefined)
    },
  }
}
