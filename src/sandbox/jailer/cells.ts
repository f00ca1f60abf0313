// A cell that runs (isolation.md §2.3), which its nest's anchor started: who is in it, and how to signal them. Output never
// passes through here.
import { readFileSync } from 'node:fs'
import { inodeOf, readKernelLink } from './kernel-file.ts'

export interface Cell {
  /** PID 1 of the cell, as the host sees it. */
  readonly pid: number
  /** Inode numbers of its namespaces, but for those of mounts and of the network. */
  readonly namespaces: readonly number[]
  /** Resolves once, when the cell is gone. `ran` is false when the command was never started. */
  readonly exited: Promise<CellExit>
  /** Lets a blocked cell go. */
  unblock(): void
  /** TERM to every process of the cell but its PID 1; KILL ends PID 1 and with it all. */
  signal(name: 'TERM' | 'KILL'): void
}
export type CellExit = { readonly code: number | null; readonly ran: boolean }

type CellParts = Pick<Cell, 'pid' | 'exited' | 'unblock'> & {
  kill(): void
  /** Lists who is in the nest's group. */
  processes(): readonly number[]
}

export const createCell = ({ pid, exited, unblock, kill, processes }: CellParts): Cell => ({
  ...{ pid, exited, unblock, namespaces: namespacesOf(pid) },
  signal: (name) => (name === 'KILL' ? kill() : terminate(pid, processes())),
})

/** Without the network's: who is in it is in one of these too, and its number may be that of a network being made. */
const kinds = ['pid', 'user', 'ipc', 'uts', 'cgroup'] as const
/** Those that differ from the jailer's own. */
const namespacesOf = (pid: number): readonly number[] =>
  kinds.flatMap((kind) => {
    const link = readKernelLink(`/proc/${pid}/ns/${kind}`)
    return link === '' || link === readKernelLink(`/proc/self/ns/${kind}`) ? [] : [inodeOf(link)]
  })

/** TERM to all who share PID 1's process namespace, itself apart. */
const terminate = (init: number, candidates: readonly number[]): void => {
  const namespace = pidNamespace(init)
  for (const pid of candidates)
    if (pid !== init && namespace !== '' && pidNamespace(pid) === namespace) send(pid, 'SIGTERM')
}

/**
 * A signal to the session `session` of the cell, a number inside it: hostile, so looked up among its members only. A step
 * says its number before it has begun its session: then it is the one process of this number.
 */
export const signalSession = (
  init: number,
  candidates: readonly number[],
  session: number,
  signal: 'SIGTERM' | 'SIGKILL',
): void => {
  const namespace = pidNamespace(init)
  for (const pid of candidates)
    if (pid !== init && namespace !== '' && pidNamespace(pid) === namespace && isOfSession(pid, session))
      send(pid, signal)
}

const pidNamespace = (pid: number): string => readKernelLink(`/proc/${pid}/ns/pid`)

const isOfSession = (pid: number, session: number): boolean => {
  try {
    const numbers = readFileSync(`/proc/${pid}/status`, 'utf8').matchAll(/^NS(?:sid|pid):\s+(.*)$/gm)
    return [...numbers].some(([, inside = '']) => Number(inside.split(/\s+/).at(-1)) === session)
  } catch {
    return false
  }
}

const send = (pid: number, signal: 'SIGTERM' | 'SIGKILL'): void => {
  try {
    // SAFE: just found in a group and a process namespace of this nest; the worst of a race is a process that ended.
    process.kill(pid, signal)
  } catch {
    // Already gone.
  }
}
