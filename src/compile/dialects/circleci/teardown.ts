// `teardown` of a run step: steps that follow it whenever it was carried out, however that ended. They save what it left
// behind and clean up, so only such steps can stand there (config-dialects.md §2.13).
import type { PlanStep, PlanTeardown } from '../../../protocol/plan.ts'
import type { Spot } from '../../source/file.ts'
import { entryOf, type ListNode, type SourceNode } from '../../source/node.ts'
import { readList } from '../../source/read.ts'
import type { Compiling } from './compiling.ts'

/** Of a run step with this argument. */
export const teardownOf = (cx: Compiling, node: SourceNode | null): ListNode | null => {
  const written = node?.kind === 'map' ? entryOf(node, 'teardown') : null
  return written && readList(cx.problems, written, '"teardown"')
}

/** `node` is its argument. null: reported. */
export const asTeardown = (
  cx: Compiling,
  step: PlanStep,
  { at, node }: { readonly at: Spot; readonly node: SourceNode | null },
): PlanStep | null => {
  if (!isTeardown(step) || (step.kind === 'run' && step.background)) {
    const message = `"${step.name.slice(0, 80)}" cannot stand in "teardown"`
    const help = 'there, scripts run that are not in the background, and files are saved or stored'
    cx.problems.add('E_STEP_SHAPE', at, message, help)
    return null
  }
  const isSaid = node?.kind === 'map' && entryOf(node, 'when') !== null
  return { ...step, when: isSaid ? step.when : 'always', teardown: true }
}

const isTeardown = (step: PlanStep): step is PlanTeardown =>
  ['run', 'persist', 'save-cache', 'store-artifacts', 'store-tests'].includes(step.kind)
