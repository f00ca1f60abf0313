// Attempts that ended because nothing was heard of their runner any more: the codes of their failures, for whoever tells people of them.
import type { FaultCode } from '../base/faults.ts'

export const lostCodes: readonly string[] = [
  'E_LEASE_LOST',
  'E_RUNNER_SESSION',
] satisfies readonly FaultCode[]
