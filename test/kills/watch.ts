// Looks at limits while parts are killed: what the database calls running, and what runs on the machine in truth. A
// limit that was never reached has proven nothing, so the most that was seen is kept too.
import { setTimeout as sleep } from 'node:timers/promises'
import type { State } from '../support/installation-state.ts'
import { organisationLimit, ownerVariable, projectLimits } from './load.ts'
import { type Census, type Process, variableOf } from './processes.ts'

export type Watched = {
  /** Looks that found the database there. */
  readonly looks: number
  /** By project, and `all`. */
  readonly most: Readonly<Record<string, number>>
  readonly mostOnMachine: Readonly<Record<string, number>>
  readonly violations: readonly string[]
}

const lookEveryMs = 150
const limitsOf: Readonly<Record<string, number | null>> = { ...projectLimits, all: organisationLimit }

/** Until `signal`; rejects only when it cannot look at all. */
export const watchLimits = async (
  { state, census }: { readonly state: State; readonly census: Census },
  signal: AbortSignal,
): Promise<Watched> => {
  const most: Record<string, number> = {}
  const mostOnMachine: Record<string, number> = {}
  const violations: string[] = []
  const judge = (where: string, counts: ReadonlyMap<string, number>, into: Record<string, number>) => {
    for (const [name, count] of counts) {
      into[name] = Math.max(into[name] ?? 0, count)
      const limit = limitsOf[name] ?? null
      if (limit !== null && count > limit)
        violations.push(`${where}: ${count} jobs of ${name} at once, at most ${limit} may`)
    }
  }
  let looks = 0
  while (!signal.aborted) {
    judge('on the machine', withAll(countNests(census.look())), mostOnMachine)
    const rows = await state.tryAsk<{ name: string; count: number }>(running)
    if (rows !== null) {
      looks++
      judge('in the database', withAll(new Map(rows.map(({ name, count }) => [name, count]))), most)
    }
    await sleep(lookEveryMs)
  }
  return { looks, most, mostOnMachine, violations }
}

const running = `
  select p.name, count(*)::int as count from attempts a join jobs j on j.id = a.job_id join projects p on p.id = a.project_id
  where a.status = 'running' and j.kind = 'job' group by p.name`

/** Nests in which a program of a job runs, by project. */
const countNests = (processes: readonly Process[]): ReadonlyMap<string, number> => {
  const nests = new Map<string, string>()
  for (const { pid, nest } of processes) {
    const owner = nest === null || nests.has(nest) ? null : variableOf(pid, ownerVariable)
    if (nest !== null && owner !== null) nests.set(nest, owner)
  }
  const counts = new Map<string, number>()
  for (const owner of nests.values()) counts.set(owner, (counts.get(owner) ?? 0) + 1)
  return counts
}

const withAll = (counts: ReadonlyMap<string, number>): ReadonlyMap<string, number> =>
  new Map([...counts, ['all', [...counts.values()].reduce((sum, count) => sum + count, 0)]])
