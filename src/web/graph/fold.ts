// Jobs of one workflow as a graph for people: shards of a job, and jobs that differ only by their matrix values in
// brackets, become one node with counts. Pure; layout.ts places the nodes.
import type { Job } from '../../protocol/api/shapes.ts'
import { isRed, rollUp } from '../format/status.ts'

export type GraphNode = {
  readonly id: string
  readonly title: string
  readonly status: Job['status']
  /** One, unless the node is folded. */
  readonly jobs: readonly Job[]
}
/** `on`: outcomes of `from` that let `to` start. */
export type GraphEdge = { readonly from: string; readonly to: string; readonly on: readonly string[] }
export type JobGraph = { readonly nodes: readonly GraphNode[]; readonly edges: readonly GraphEdge[] }

export const foldJobs = (jobs: readonly Job[]): JobGraph => {
  const groups = Map.groupBy(jobs, (job) => baseName(job.name))
  const nodes: GraphNode[] = [...groups].flatMap(([title, members]) =>
    members.length > 1
      ? [{ id: `fold:${title}`, title, jobs: members, status: rollUp(members.map((job) => job.status)) }]
      : members.map((job) => ({ id: job.id, title: job.name, jobs: [job], status: job.status })),
  )
  const nodeOfJob = new Map(nodes.flatMap((node) => node.jobs.map((job) => [job.id, node.id] as const)))
  return { nodes, edges: edgesBetween(nodes, nodeOfJob) }
}

/** What somebody who opens the graph has to see to; null: nothing. */
export const firstToSee = ({ nodes }: JobGraph): GraphNode | null =>
  nodes.find(({ status }) => isRed(status)) ??
  nodes.find(({ status }) => status === 'on_hold') ??
  nodes.find(({ status }) => status === 'running') ??
  null

/** The node itself, everything it needs and everything that needs it, however far away. */
export const relatives = (graph: JobGraph, id: string): ReadonlySet<string> => {
  const up = (node: string): readonly string[] => graph.edges.filter((e) => e.to === node).map((e) => e.from)
  const down = (node: string): readonly string[] =>
    graph.edges.filter((e) => e.from === node).map((e) => e.to)
  return new Set([...reach(id, up), ...reach(id, down)])
}

/** `test (node 24, linux)` → `test`: dialects write matrix values in brackets behind the name. */
const baseName = (name: string): string => name.replace(/ \([^()]*\)$/, '')

const edgesBetween = (nodes: readonly GraphNode[], nodeOfJob: ReadonlyMap<string, string>): GraphEdge[] => {
  const edges = new Map<string, GraphEdge>()
  for (const node of nodes)
    for (const need of node.jobs.flatMap((job) => job.needs)) {
      const from = nodeOfJob.get(need.job_id)
      if (from === undefined || from === node.id) continue
      const id = `${from}→${node.id}`
      edges.set(id, { from, to: node.id, on: [...new Set([...(edges.get(id)?.on ?? []), ...need.on])] })
    }
  return [...edges.values()]
}

const reach = (start: string, next: (id: string) => readonly string[]): ReadonlySet<string> => {
  const seen = new Set([start])
  // A Set grows while it is walked: each node is visited once, so a cycle ends, too.
  for (const id of seen) for (const other of next(id)) seen.add(other)
  return seen
}
