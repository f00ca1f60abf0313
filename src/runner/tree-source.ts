// What a `checkout` step needs: somebody who puts the tree of the run's commit into the job's sandbox. The runner's
// one fetches with Git (checkout/), the one of `mayfly run` copies the work tree.
import type { PlanCheckoutStep } from '../protocol/plan.ts'
import type { GuestPath, Sandbox } from '../sandbox/index.ts'

export interface TreeSource {
  /**
   * Puts the tree below `at`. `print` writes to the step's log. What is wrong with the source or the destination is
   * a failed step with words; rejects only for faults of ours and when `signal` aborts.
   */
  place(
    want: {
      readonly step: PlanCheckoutStep
      /** Unique within the sandbox. */
      readonly id: string
      readonly at: GuestPath
      readonly sandbox: Sandbox
      readonly print: (bytes: Uint8Array) => Promise<void> | undefined
    },
    signal: AbortSignal,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly message: string }>
}
