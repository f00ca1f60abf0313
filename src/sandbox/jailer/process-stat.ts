// Who a process is to others, as the kernel has it in one line of /proc.
import { readFileSync } from 'node:fs'

export type ProcessStat = {
  /** One letter; `Z` and `X` have ended. */
  readonly state: string
  readonly parent: number
  /** The number of the session's leader. */
  readonly session: number
}

/** null: it is gone. */
export const readProcessStat = (pid: number): ProcessStat | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // `pid (name) state parent group session …`, where the name may hold anything.
    const [state = '', parent, , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state, parent: Number(parent), session: Number(session) }
  } catch {
    return null
  }
}
