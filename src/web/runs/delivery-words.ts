// What a delivery looks like, and whether it can be wanted again. The server decides; this spares people a refusal.
import type { Delivery } from '../../protocol/api/shapes.ts'

export const verdictShapes = {
  run: 'passed',
  no_run: 'skipped',
  duplicate: 'skipped',
  refused: 'failed',
} as const

export const isReplayable = ({ ref, new: commit }: Pick<Delivery, 'ref' | 'new'>): boolean =>
  commit !== null && !/^0+$/.test(commit) && /^refs\/(heads|tags)\//.test(ref ?? '')
