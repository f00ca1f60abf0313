// Does a job of a workflow run for this branch or tag (config-dialects.md §2.10)? Filters are maps of `branches` and
// `tags` with `only` and `ignore`, or an expression. Patterns cover the whole name. Tags run only where one asks.

import { entryOf, isNull, type MapNode, type SourceNode } from '../../source/node.ts'
import { listOrOne, readMap, readText, warnUnknownKeys } from '../../source/read.ts'
import type { Compiling } from './compiling.ts'
import { isExpressionOrConditionTrue } from './condition.ts'

export const filterKeys = new Set(['branches', 'tags'])
export const rangeKeys = new Set(['only', 'ignore'])

/** Every pattern is read, whatever the event, so that a broken one is found on the first push. */
export const isSelected = (cx: Compiling, filters: SourceNode | null): boolean => {
  if (filters?.kind === 'scalar' && cx.interpolates) return isExpressionOrConditionTrue(cx, filters)
  const map = filters && readMap(cx.problems, filters, '"filters"')
  if (map) warnUnknownKeys(cx.problems, map, filterKeys, '"filters"')
  const { branch, tag } = cx.event
  const byBranch = matchRange(cx, map, 'branches', branch)
  const byTag = matchRange(cx, map, 'tags', tag)
  if (tag !== null) return byTag === 'match'
  return byBranch !== 'no match'
}

/** The filter of scheduled workflows and the old key of jobs: `branches` alone. */
export const isBranchSelected = (cx: Compiling, filters: MapNode): boolean =>
  cx.event.branch !== null && matchRange(cx, filters, 'branches', cx.event.branch) !== 'no match'

type Verdict = 'match' | 'no match' | 'no filter'

/** `only` wins over `ignore`; neither means that nothing was asked for. */
const matchRange = (cx: Compiling, filters: MapNode | null, key: string, name: string | null): Verdict => {
  const node = filters && entryOf(filters, key)
  const range = node && readMap(cx.problems, node, `"${key}"`)
  if (!range) return 'no filter'
  warnUnknownKeys(cx.problems, range, rangeKeys, `"${key}"`)
  const only = entryOf(range, 'only')
  const ignore = entryOf(range, 'ignore')
  const isOnly = only && matchesAny(cx, only, name)
  const isIgnored = ignore && matchesAny(cx, ignore, name)
  if (isOnly !== null) return isOnly ? 'match' : 'no match'
  if (isIgnored !== null) return isIgnored ? 'no match' : 'match'
  return 'no filter'
}

/** In characters: each job of a matrix asks all of them. */
const filterCost = 16

const matchesAny = (cx: Compiling, node: SourceNode, name: string | null): boolean => {
  const items = listOrOne(node)
  if (!cx.work.spend(filterCost * items.length, node)) return false
  return items
    .filter((item) => !isNull(item))
    .map((item) => matches(cx, item, name))
    .some(Boolean)
}

/** A text between slashes is a regular expression over the whole name, any other text the name itself. */
const matches = (cx: Compiling, node: SourceNode, name: string | null): boolean => {
  const text = readText(cx.problems, node, 'a filter')
  if (text === null) return false
  if (text.length < 2 || !text.startsWith('/') || !text.endsWith('/')) return text === name
  const pattern = cx.patterns.read(text.slice(1, -1).replaceAll('\\/', '/'), node)
  return name !== null && pattern?.matchesWhole(name) === true
}
