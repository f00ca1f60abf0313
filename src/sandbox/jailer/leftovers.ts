// What of a job still lives when its nest is destroyed (isolation.md §2.8): what belongs to the cell itself is told from it
// by session, which no process can join: every step has one of its own (scripts.ts).
import { type ProcessStat, readProcessStat } from './process-stat.ts'

export type Kin = Pick<ProcessStat, 'parent' | 'session'> & { readonly pid: number }

/**
 * How many of `processes` are the job's. `inits` are the first processes of its cells: the parent of each, its session
 * (the loop and its copies) and the step that the loop itself waits for were there for the job, not of it; nor was the
 * bash of that step while no step has begun (`unused`).
 */
export const countLeftovers = (
  processes: readonly Kin[],
  { inits, unused }: { readonly inits: ReadonlySet<number>; readonly unused: boolean },
): number => {
  const outer = new Set(processes.filter(({ pid }) => inits.has(pid)).map(({ parent }) => parent))
  const loops = new Set(
    processes.filter(({ session, parent }) => inits.has(session) && inits.has(parent)).map(({ pid }) => pid),
  )
  const isStep = ({ pid, session, parent }: Kin) => pid === session && loops.has(parent)
  const steps = new Set(processes.filter(isStep).map(({ pid }) => pid))
  const isOwn = ({ pid, session }: Kin) =>
    outer.has(pid) || inits.has(session) || steps.has(pid) || (unused && steps.has(session))
  return processes.filter((process) => !isOwn(process)).length
}

/** Those that live; what has ended meanwhile is nobody. */
export const readKin = (pids: readonly number[]): readonly Kin[] =>
  pids.flatMap((pid) => {
    const stat = readProcessStat(pid)
    return stat === null || stat.hasEnded ? [] : [{ pid, ...stat }]
  })
