// The reasons of a selection in words, with the values of the event. Called only when a selection is asked for.

import type { Reason } from '../../plan/selection.ts'
import { entryOf, resolveScalar, type SourceNode } from '../../source/node.ts'
import { listOrOne } from '../../source/read.ts'
import type { Compiling } from './compiling.ts'
import { isFault } from './expression.ts'
import { isSelected } from './filters.ts'
import type { Member } from './matrix.ts'
import { pipelineValue } from './pipeline.ts'
import type { Need } from './requires.ts'
import type { TemplatePart } from './template.ts'

const shownMax = 200

export const conditionReason = (cx: Compiling, rule: 'when' | 'unless', node: SourceNode): Reason => ({
  rule,
  text: `${asWritten(node)} is ${rule === 'when' ? 'false' : 'true'}${valuesIn(cx, node)}`,
  at: node,
})

export const triggersReason = (cx: Compiling, triggers: SourceNode | null, at: SourceNode): Reason => {
  if (triggers === null) return { rule: 'triggers', text: 'it has no schedule', at }
  const text =
    cx.event.schedule !== undefined
      ? cx.event.schedule.workflow === undefined
        ? 'it runs at times of its own, and this is a schedule of the project'
        : `this is a schedule of "${cut(cx.event.schedule.workflow)}"`
      : cx.event.kind === 'schedule'
        ? `no schedule of it is for this branch; ${happened(cx)}`
        : `it runs on schedule only, and this is ${cx.event.kind === 'push' ? 'a push' : 'no schedule'}`
  return { rule: 'triggers', text, at: triggers }
}

/** By the job's own filters, or by those of the group it is in. */
export const filterReason = (cx: Compiling, { options, group, at }: Member): Reason => {
  const filters = [options, group?.options].flatMap((map) => (map && entryOf(map, 'filters')) ?? [])
  const node = filters.find((candidate) => !isSelected(cx, candidate)) ?? null
  if (node?.kind === 'scalar')
    return { rule: 'filters', text: `${asWritten(node)} is false${valuesIn(cx, node)}`, at: node }
  return rangeReason(cx, node, at)
}

/** `filters` as a map, or the old key `branches` of a job: `only` wins over `ignore`, as in filters.ts. */
export const rangeReason = (cx: Compiling, filters: SourceNode | null, at: Reason['at']): Reason => {
  const key = cx.event.tag === null ? 'branches' : 'tags'
  const range = filters?.kind === 'map' ? entryOf(filters, key) : null
  const only = range?.kind === 'map' ? entryOf(range, 'only') : null
  const ignore = range?.kind === 'map' ? entryOf(range, 'ignore') : null
  const rule = only ?? ignore
  if (!rule) {
    const text =
      cx.event.tag === null ? 'there is no branch' : `no filter of it asks for tags; ${happened(cx)}`
    return { rule: 'filters', text, at: filters ?? at }
  }
  const names = listOrOne(rule).map((item) => (item.kind === 'scalar' ? item.text : item.kind))
  const listed = `${key}.${only ? 'only' : 'ignore'} is ${cut(names.join(', '))}`
  return { rule: 'filters', text: `${listed}; ${happened(cx)}`, at: rule }
}

export const requiresReason = (needs: readonly Need[], at: Reason['at']): Reason => ({
  rule: 'requires',
  text: `everything it requires is left out: ${cut(needs.map((need) => need.job).join(', '))}`,
  at: needs[0]?.at ?? at,
})

const happened = ({ event }: Compiling): string =>
  event.tag === null
    ? event.branch === null
      ? 'there is no branch'
      : `the branch is ${event.branch}`
    : `the tag is ${event.tag}`

/** The stretch of the file, on one line. */
const asWritten = (node: SourceNode): string =>
  cut(node.file.text.slice(node.start, node.end).replaceAll(/\s+/g, ' ').trim())

const cut = (text: string): string => (text.length > shownMax ? `${text.slice(0, shownMax - 1)}…` : text)

const valuesIn = (cx: Compiling, node: SourceNode): string => {
  const values = [...new Set(namesIn(cx, node))].map((name) => {
    const value = pipelineValue(cx.pipeline, name)
    const scalar = value?.kind === 'scalar' ? resolveScalar(value).value : null
    return `${name} is ${scalar === null ? 'not set' : JSON.stringify(scalar)}`
  })
  return values.length === 0 ? '' : `: ${values.join(', ')}`
}

/** The values that a condition asks for, in either notation. */
const namesIn = (cx: Compiling, node: SourceNode): readonly string[] => {
  if (node.kind === 'list') return node.items.flatMap((item) => namesIn(cx, item))
  if (node.kind === 'map') return [...node.entries.values()].flatMap(({ value }) => namesIn(cx, value))
  if (node.computed) return []
  if (!node.templated) {
    const parsed = cx.templates.expression(node.text)
    return isFault(parsed)
      ? []
      : parsed.variables.filter((name) => pipelineValue(cx.pipeline, name) !== undefined)
  }
  const template = cx.templates.parse(node.text)
  return 'wrong' in template ? [] : template.parts.flatMap(namesOf)
}

const namesOf = (part: TemplatePart): readonly string[] => {
  if (part.kind === 'expression') return part.parsed.variables
  return part.kind === 'text' ? [] : [part.name]
}
