// Which steps of a log are open before anybody chose: the failure, what runs, or, when all is well, what is short
// enough to read. Pure.
import type { Step } from '../../protocol/api/shapes.ts'
import { isFinished, isRed } from '../format/status.ts'

const shortLogLines = 400

export const openByDefault = (
  steps: readonly Pick<Step, 'index' | 'status'>[],
  lineCount: (step: number) => number,
): ReadonlySet<number> => {
  const red = steps.find((step) => isRed(step.status))
  if (red !== undefined) return new Set([red.index])
  const running = steps.filter((step) => !isFinished(step.status) && lineCount(step.index) > 0)
  if (running.length > 0) return new Set(running.map((step) => step.index))
  const total = steps.reduce((sum, step) => sum + lineCount(step.index), 0)
  if (total <= shortLogLines) return new Set(steps.map((step) => step.index))
  const last = steps.findLast((step) => lineCount(step.index) > 0)
  return new Set(last === undefined ? [] : [last.index])
}
