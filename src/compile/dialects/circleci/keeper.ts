// Nodes are shared by everything that names them, and never change: what was read of one holds for the next who asks. Real
// files give a hundred jobs the same containers, parameters and steps by anchors.
import type { WorkMeter } from '../../plan/work.ts'
import type { Problems } from '../../problems.ts'
import type { SourceNode } from '../../source/node.ts'

/** What `read` makes of a node, once for all of a compile who ask, if what was kept `fits` this one. null is read again. */
export type Keeper<T extends object> = (
  cx: { readonly problems: Problems; readonly work: WorkMeter },
  node: SourceNode,
  read: () => T | null,
  fits?: (kept: T) => boolean,
) => T | null

/** What is written into the plan again counts again. Nothing is kept longer than a compile: each has its own meter. */
export const createKeeper = <T extends object>(): Keeper<T> => {
  const compiles = new WeakMap<WorkMeter, Map<SourceNode, { readonly value: T; readonly cost: number }>>()
  return ({ problems, work }, node, read, fits = () => true) => {
    const kept = compiles.get(work) ?? new Map()
    compiles.set(work, kept)
    const known = kept.get(node)
    if (known && fits(known.value)) {
      work.spend(known.cost, node)
      return known.value
    }
    const before = work.spent()
    const value = read()
    if (value && problems.areFinal()) kept.set(node, { value, cost: work.spent() - before })
    return value
  }
}
