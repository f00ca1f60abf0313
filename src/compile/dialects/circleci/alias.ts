// Another name for an element of an orb, `commands: {setup: node/install}`, and for an executor beside it. Arguments go to
// what is named; a name is followed once, so that names cannot lead in a circle.
import { type Entry, isNull } from '../../source/node.ts'
import type { Compiling, Element, ElementKind } from './compiling.ts'

/** The definition itself when it is none. */
export const followAlias = (cx: Compiling, kind: ElementKind, entry: Entry): Element | 'reported' => {
  const { key, value } = entry
  if (!isAlias(cx, entry) || value.kind !== 'scalar') return { cx, entry }
  cx.problems.constructs?.honour(entry, `${kind} ${key.text}`)
  const target = value.text.trim()
  const beside = kind === 'executor' ? cx.executors.get(target) : undefined
  if (beside && !isAlias(cx, beside)) return { cx, entry: beside }
  const isOfOrb = /^[^/]+\/[^/]+$/.test(target)
  const found = isOfOrb ? cx.orbs.find(kind, target, value) : null
  if (found !== null) return found
  const message = `${kind} "${key.text.slice(0, 80)}" is the text "${target.slice(0, 80)}", which names no element of an orb`
  cx.problems.add('E_ORB_REFERENCE', value, message, `write a map, or "orb/element" as another name for it`)
  return 'reported'
}

export const isAlias = (cx: Pick<Compiling, 'interpolates'>, { value }: Entry): boolean =>
  cx.interpolates && value.kind === 'scalar' && !isNull(value)
