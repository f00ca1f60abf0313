// `12 jobs: 10 passed, 2 failed`: what a folded node says.
import { statuses } from '../format/status.ts'
import { text } from '../text/en.ts'
import type { GraphNode } from './fold.ts'

export const nodeCounts = (node: GraphNode): string =>
  statuses
    .map((status) => ({ status, n: node.jobs.filter((job) => job.status === status).length }))
    .filter(({ n }) => n > 0)
    .map(({ status, n }) => text.run.countOf(n, status))
    .join(', ')
