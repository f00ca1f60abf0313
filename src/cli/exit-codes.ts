// Exit codes of experience.md §2.1; those of faults stand in the catalogue (base/faults.ts).

export const exitCodes = {
  success: 0,
  failed: 1,
  usage: 2,
  cancelled: 6,
  invalidConfiguration: 7,
  timedOut: 8,
  onHold: 9,
  machineNotReady: 11,
  defect: 70,
  interrupted: 130,
} as const

const byStatus: Readonly<Record<string, number>> = {
  passed: exitCodes.success,
  unstable: exitCodes.success,
  skipped: exitCodes.success,
  cancelled: exitCodes.cancelled,
  on_hold: exitCodes.onHold,
}

/** The verdict of a run as an exit code. */
export const exitCodeOf = (status: string): number => byStatus[status] ?? exitCodes.failed
