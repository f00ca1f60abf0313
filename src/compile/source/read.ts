// Typed positions: each function asks a node for one type and reports when it is another. An empty value counts as
// absent, which the callers have decided before they ask (entryOf).

import { limits } from '../limits.ts'
import type { Problems } from '../problems.ts'
import { didYouMean } from '../suggest.ts'
import type { Spot } from './file.ts'
import {
  describe,
  type ListNode,
  type MapNode,
  resolveBoolean,
  resolveScalar,
  type SourceNode,
} from './node.ts'

/** A text as written: numbers and booleans keep their spelling. */
export const readText = (problems: Problems, node: SourceNode, what: string): string | null => {
  if (node.kind === 'scalar') return node.text
  return wrongType(problems, node, what, 'a text')
}

/** Without surrounding blanks, and fit to be a name. */
export const readName = (problems: Problems, node: SourceNode, what: string): string | null => {
  const text = readText(problems, node, what)?.trim() ?? null
  return text !== null && isName(problems, node, text, what) ? text : null
}

/** Not empty, of a length that can be shown, and on one line: names, image references and paths all are. */
export const isName = (problems: Problems, at: Spot, text: string, what: string): boolean => {
  if (text === '') problems.add('E_VALUE', at, `${what} is empty`)
  else if (text.length > limits.nameMax)
    problems.add('E_VALUE', at, `${what} is longer than ${limits.nameMax} characters`)
  else if (/\p{Cc}/u.test(text)) problems.add('E_VALUE', at, `${what} contains control characters`)
  else return true
  return false
}

export const readMap = (problems: Problems, node: SourceNode, what: string): MapNode | null =>
  node.kind === 'map' ? node : wrongType(problems, node, what, 'a map')

export const readList = (problems: Problems, node: SourceNode, what: string): ListNode | null =>
  node.kind === 'list' ? node : wrongType(problems, node, what, 'a list')

/** A list, or one value that stands for a list of one. */
export const listOrOne = (node: SourceNode): readonly SourceNode[] =>
  node.kind === 'list' ? node.items : [node]

/** A list of texts, or one text. */
export const readTexts = (problems: Problems, node: SourceNode, what: string): string[] =>
  listOrOne(node).flatMap((item) => readName(problems, item, what) ?? [])

export const readBoolean = (problems: Problems, node: SourceNode, what: string): boolean | null => {
  const value = node.kind === 'scalar' ? resolveBoolean(node) : null
  return value ?? wrongType(problems, node, what, 'true or false')
}

export const readInteger = (
  problems: Problems,
  node: SourceNode,
  what: string,
  range: { min: number; max: number },
): number | null => {
  const scalar = node.kind === 'scalar' ? resolveScalar(node) : null
  if (scalar?.type !== 'integer') return wrongType(problems, node, what, 'an integer')
  if (scalar.value >= range.min && scalar.value <= range.max) return scalar.value
  problems.add('E_VALUE', node, `${what} must be from ${range.min} to ${range.max}, but is ${scalar.value}`)
  return null
}

export const readOneOf = <T extends string>(
  problems: Problems,
  node: SourceNode,
  what: string,
  allowed: readonly T[],
): T | null => {
  const text = readText(problems, node, what)
  if (text === null) return null
  const found = allowed.find((word) => word === text)
  if (found !== undefined) return found
  const help = () => didYouMean(text, allowed) ?? `use one of ${allowed.join(', ')}`
  problems.add('E_VALUE', node, `${what} cannot be "${text.slice(0, 80)}"`, help)
  return null
}

export const wrongType = (problems: Problems, node: SourceNode, what: string, wanted: string): null => {
  problems.add('E_TYPE', node, `${what} must be ${wanted}, but is ${describe(node)}`)
  return null
}

/** Known keys count as read; unknown ones are ignored, with a warning: real files are full of them. */
export const warnUnknownKeys = (
  problems: Problems,
  map: MapNode,
  known: ReadonlySet<string>,
  where: string,
): void => {
  for (const [name, entry] of map.entries)
    if (known.has(name)) problems.constructs?.honour(entry, `${name} of ${where}`)
    else
      problems.add(
        'W_UNKNOWN_KEY',
        entry.key,
        `${where} has no key "${name.slice(0, 80)}"; it is ignored`,
        () => didYouMean(name, known),
      )
}
