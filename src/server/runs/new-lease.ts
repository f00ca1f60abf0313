// What an attempt has from its beginning: whose it is, and how long the server believes in its runner.
import type { LeaseId, RunnerId } from '../../base/ids.ts'
import type { JobSpec } from '../../protocol/plan.ts'

export type NewLease = {
  readonly id: LeaseId
  readonly runner: RunnerId
  readonly session: number
  readonly deadlineSeconds: number
  /** Of a plan: what its runner compiles with. */
  readonly compiler: string | null
}

/** The runner enforces the time limit; this long after it the server stops believing in the runner. */
const backstopSeconds = 900
const builtInSeconds = 900

export const leaseDeadlineSeconds = (spec: JobSpec | null): number =>
  backstopSeconds + (spec === null ? builtInSeconds : spec.timeoutMs / 1000)
