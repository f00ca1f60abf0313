// What an edge of the graph says: whether what it waits for has come, and what files go along it. Pure; the workspace of a workflow
// is handed on by everything that needs who persisted it, whether or not it takes anything itself.
import type { JobWorkspace } from '../../protocol/api/workspaces.ts'
import { isFinished } from '../format/status.ts'
import type { GraphEdge, GraphNode, JobGraph } from './fold.ts'

/** What a node persisted: `bytes` null when nothing of it is stored. */
export type Layer = { readonly title: string; readonly bytes: number | null }

export type Passing = GraphEdge & {
  readonly title: string
  /** `met`: it ended as `to` wants it; `unmet`: otherwise; `open`: it has not ended. */
  readonly state: 'met' | 'open' | 'unmet'
  readonly isApproval: boolean
  readonly layers: readonly Layer[]
}

export type Passings = {
  /** In the order of the edges of the graph. */
  readonly edges: readonly Passing[]
  /** What a node attaches, of all that it needs; empty for one that attaches nothing. */
  readonly takes: (node: string) => readonly Layer[]
}

export const passingsOf = (graph: JobGraph, known: readonly JobWorkspace[]): Passings => {
  const workspaces = new Map(known.map((each) => [each.job_id, each]))
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]))
  const of = (id: string) => (nodes.get(id)?.jobs ?? []).flatMap((job) => workspaces.get(job.id) ?? [])
  const persisted = (id: string) => of(id).filter(({ persists }) => persists)
  const attaches = (id: string): boolean => of(id).some((each) => each.attaches)
  const layersOf = (id: string): readonly Layer[] => {
    const own = persisted(id)
    return own.length === 0 ? [] : [{ title: nodes.get(id)?.title ?? '', bytes: bytesOf(own) }]
  }
  // Where nobody attaches anything nothing is looked for.
  const isTaken = graph.nodes.some(({ id }) => attaches(id))
  const above = isTaken ? reachOf(neighbours(graph, 'to', 'from')) : nowhere
  const below = isTaken ? reachOf(neighbours(graph, 'from', 'to')) : nowhere
  const layersTo = remembered((id) => above(id).flatMap(layersOf))
  const isTakenFrom = remembered((id) => below(id).some(attaches))
  return {
    edges: graph.edges.map((edge) => ({
      ...edge,
      ...{ title: nodes.get(edge.from)?.title ?? '', state: stateOf(nodes.get(edge.from), edge.on) },
      isApproval: nodes.get(edge.from)?.jobs.every(({ kind }) => kind === 'approval') ?? false,
      layers: isTakenFrom(edge.to) ? layersTo(edge.from) : [],
    })),
    takes: (id) => (attaches(id) ? above(id).flatMap((other) => (other === id ? [] : layersOf(other))) : []),
  }
}

const stateOf = (node: GraphNode | undefined, on: readonly string[]): Passing['state'] => {
  const statuses = (node?.jobs ?? []).map(({ status }) => status)
  if (!statuses.every(isFinished)) return 'open'
  // Outcomes tell apart why something was skipped, statuses do not.
  return statuses.every((status) => on.some((outcome) => outcome.split(':')[0] === status)) ? 'met' : 'unmet'
}

const bytesOf = (all: readonly JobWorkspace[]): number | null =>
  all.every(({ size_bytes: size }) => size === null)
    ? null
    : all.reduce((sum, { size_bytes: size }) => sum + (size ?? 0), 0)

const neighbours = (
  graph: JobGraph,
  from: 'from' | 'to',
  to: 'from' | 'to',
): ReadonlyMap<string, string[]> => {
  const map = new Map<string, string[]>()
  for (const edge of graph.edges) map.set(edge[from], [...(map.get(edge[from]) ?? []), edge[to]])
  return map
}

const nowhere = (): readonly string[] => []

/** The node itself and everything beyond it, each once. */
const reachOf = (next: ReadonlyMap<string, readonly string[]>): ((start: string) => readonly string[]) =>
  remembered((start) => {
    const seen = new Set([start])
    // A Set grows while it is walked: each node is visited once, so a cycle ends, too.
    for (const id of seen) for (const other of next.get(id) ?? []) seen.add(other)
    return [...seen]
  })

/** Edges of a large graph ask for the same nodes again and again. */
const remembered = <T>(of: (id: string) => T): ((id: string) => T) => {
  const known = new Map<string, T>()
  return (id) => {
    if (!known.has(id)) known.set(id, of(id))
    // SAFE: it was put there by the line before.
    return known.get(id) as T
  }
}
