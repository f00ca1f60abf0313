// When a process began: with its number that is who it is, as the number alone is somebody else's after it.
import { readFileSync } from 'node:fs'

/** In ticks since the machine started; null: it has ended, buried or not, or this system does not tell. */
export const processBegin = (pid: number): string | null => {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // `pid (name) state …`, where the name may hold anything; field 22 of proc_pid_stat(5).
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
    return 'ZX'.includes(fields[0] ?? 'X') ? null : (fields[19] ?? null)
  } catch {
    return null
  }
}
