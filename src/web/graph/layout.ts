// Places a job graph left to right with dagre. Plain data in and out: it runs in the page for small graphs and in
// layout.worker.ts for large ones.
import { Graph, layout } from '@dagrejs/dagre'
import { nodeHeight, nodeWidth } from './node-size.ts'

export type LayoutInput = {
  readonly ids: readonly string[]
  readonly edges: readonly { readonly from: string; readonly to: string }[]
}
export type Point = { readonly x: number; readonly y: number }
export type Layout = {
  readonly width: number
  readonly height: number
  /** Top left corners, by node id. */
  readonly corners: Readonly<Record<string, Point>>
  readonly paths: readonly { readonly from: string; readonly to: string; readonly path: string }[]
}

const margin = 8

export const layOut = ({ ids, edges }: LayoutInput): Layout => {
  const graph = new Graph()
  graph.setGraph({ rankdir: 'LR', nodesep: 12, ranksep: 56, marginx: margin, marginy: margin })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const id of ids) graph.setNode(id, { width: nodeWidth, height: nodeHeight })
  for (const { from, to } of edges) graph.setEdge(from, to)
  layout(graph)
  const corners: Record<string, Point> = {}
  for (const id of ids) {
    const { x = 0, y = 0 } = graph.node(id)
    corners[id] = { x: x - nodeWidth / 2, y: y - nodeHeight / 2 }
  }
  const { width = 0, height = 0 } = graph.graph()
  const paths = edges.map(({ from, to }) => ({
    from,
    to,
    path: vein(ends(corners[from], corners[to], graph.edge(from, to).points ?? [])),
  }))
  return { width, height, corners, paths }
}

/** Edges leave and enter at the middle of a side, whatever dagre thought; its points in between stay. */
const ends = (from: Point | undefined, to: Point | undefined, points: readonly Point[]): readonly Point[] => [
  { x: (from?.x ?? 0) + nodeWidth, y: (from?.y ?? 0) + nodeHeight / 2 },
  ...points.slice(2, -2),
  { x: to?.x ?? 0, y: (to?.y ?? 0) + nodeHeight / 2 },
]

/** A line that is level at every point, like the vein of a wing. */
const vein = (points: readonly Point[]): string =>
  points
    .map((point, i) => {
      const before = points[i - 1]
      if (before === undefined) return `M${point.x} ${point.y}`
      const middle = (before.x + point.x) / 2
      return `C${middle} ${before.y} ${middle} ${point.y} ${point.x} ${point.y}`
    })
    .join('')
