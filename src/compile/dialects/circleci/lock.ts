// The name of a lock: a `serial-group`, or the `key` of a job that locks or unlocks (config-dialects.md §2.11). One
// organisation has one set of names, whatever they are written as.

import { limits } from '../../limits.ts'
import { isNull, type MapNode } from '../../source/node.ts'
import { readText } from '../../source/read.ts'
import type { Compiling } from './compiling.ts'

/** null: there is none, or it is reported. */
export const readLock = (cx: Compiling, map: MapNode, key: 'serial-group' | 'key'): string | null => {
  const node = map.entries.get(key)?.value
  const isWritten = node?.kind !== 'scalar' || !node.computed
  if (!node || (isWritten && isNull(node))) return null
  const name = readText(cx.problems, node, `"${key}"`)
  if (name === null) return null
  if (name === '' && !isWritten && key === 'serial-group') {
    const message = 'the name of the serial group is empty for this event; the job is in none'
    cx.problems.add('W_UNSET_VALUE', node, message)
    return null
  }
  if (name.length <= limits.serialGroupMax && /^[A-Za-z0-9._/-]+$/.test(name)) return name
  const help = `letters, digits, ".", "_", "/" and "-", at most ${limits.serialGroupMax} of them`
  cx.problems.add('E_VALUE', node, `"${key}" cannot be ${JSON.stringify(name.slice(0, 80))}`, help)
  return null
}
