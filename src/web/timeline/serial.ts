// What a run would save if a job of its critical path did not wait for the one before it, but for what that one waits for: the
// two side by side. Pure. What each took in queue and attempts is taken as it was.
import type { Job } from '../../protocol/api/shapes.ts'

export type Taken = {
  readonly job: Pick<Job, 'id' | 'key' | 'name' | 'workflow_id' | 'needs'>
  readonly ms: number
}
export type SerialEdge = { readonly job: string; readonly needs: string; readonly ms: number }

/** So many edges of a long path are tried, those of its longest jobs first. */
const edgesMax = 30

export const serialEdges = (path: readonly Taken[], all: readonly Taken[]): readonly SerialEdge[] => {
  const edges = path.flatMap((to, i) => {
    const from = path[i - 1]
    return from === undefined || from.job.key === to.job.key ? [] : [{ from, to }]
  })
  const longest = edges.toSorted((a, b) => shorter(b) - shorter(a)).slice(0, edgesMax)
  const base = makespan(all, () => false, [])
  return longest.map(({ from, to }) => {
    const [before, after] = [copiesOf(from, all), copiesOf(to, all)]
    const isAfter = (id: string, needed: string): boolean => after.has(id) && before.has(needed)
    const ms = base - makespan(all, isAfter, from.job.needs)
    return { job: to.job.name, needs: from.job.name, ms }
  })
}

const copiesOf = ({ job: { key, workflow_id: of } }: Taken, all: readonly Taken[]): ReadonlySet<string> =>
  new Set(all.flatMap(({ job }) => (job.key === key && job.workflow_id === of ? [job.id] : [])))

/** No more than this can be saved by putting two side by side. */
const shorter = ({ from, to }: { readonly from: Taken; readonly to: Taken }): number =>
  Math.min(from.ms, to.ms)

/** How long all of it takes when every job begins as soon as what it needs has ended. */
const makespan = (
  all: readonly Taken[],
  isLeftOut: (id: string, needed: string) => boolean,
  instead: Job['needs'],
): number => {
  const byId = new Map(all.map((each) => [each.job.id, each]))
  const ends = new Map<string, number>()
  const endOf = (id: string): number => {
    const taken = byId.get(id)
    if (taken === undefined) return 0
    const known = ends.get(id)
    if (known !== undefined) return known
    // Jobs need each other without a circle; were there one, it would end here.
    ends.set(id, 0)
    const needs = taken.job.needs.flatMap((need) =>
      isLeftOut(id, need.job_id) ? instead.map(({ job_id }) => job_id) : [need.job_id],
    )
    const end = Math.max(0, ...needs.map(endOf)) + taken.ms
    ends.set(id, end)
    return end
  }
  return Math.max(0, ...all.map(({ job }) => endOf(job.id)))
}
