// Proving anew that it is you, when an act asks for it (E_STEP_UP): one dialog, also when several requests want it at once.
import type { Endpoint } from './endpoints.ts'

export const createProofAsked = () => {
  let act = $state<Endpoint | null>(null)
  let waiting: ((isProven: boolean) => void)[] = []
  return {
    /** What was about to be done; null: nothing is asked. */
    get act() {
      return act
    },
    want: (wanted: Endpoint): Promise<boolean> =>
      new Promise((resolve) => {
        act ??= wanted
        waiting.push(resolve)
      }),
    settle: (isProven: boolean) => {
      act = null
      const all = waiting
      waiting = []
      for (const tell of all) tell(isProven)
    },
  }
}
export type ProofAsked = ReturnType<typeof createProofAsked>
