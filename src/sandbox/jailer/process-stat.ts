// Who a process is to others, as the kernel has it in one line of /proc.
import { readKernelFile } from './kernel-file.ts'

export type ProcessStat = {
  /** Nobody has buried it yet: it still has its names, and holds and does nothing. */
  readonly hasEnded: boolean
  readonly parent: number
  /** The number of the session's leader. */
  readonly session: number
}

/** null: it is gone. */
export const readProcessStat = (pid: number): ProcessStat | null => {
  const stat = readKernelFile(`/proc/${pid}/stat`)
  if (stat === '') return null
  // `pid (name) state parent group session …`, where the name may hold anything.
  const [state = 'X', parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 4)
  return { hasEnded: 'ZX'.includes(state), parent: Number(parent), session: Number(session) }
}
