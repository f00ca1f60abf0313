// `triggers` of a workflow (config-dialects.md §2.10): its schedules, read whatever the event is, and whether one of
// them is for this one. A workflow with triggers runs on schedule and never on a push.

import type { WorkflowLog } from '../../plan/selection.ts'
import { entryOf, type MapNode, type SourceNode } from '../../source/node.ts'
import { readBoolean, readList, readMap, readText } from '../../source/read.ts'
import type { Compiling } from './compiling.ts'
import { isBranchSelected } from './filters.ts'
import { triggersReason } from './why.ts'

export const isTriggered = (cx: Compiling, map: MapNode, log: WorkflowLog | null): boolean => {
  const node = entryOf(map, 'triggers')
  if (node) cx.problems.constructs?.judge(node, 'ignored', 'nothing starts runs on schedule yet')
  const isChosen = node ? isScheduled(cx, node) : cx.event.kind !== 'schedule'
  if (!isChosen) log?.leaveOut(triggersReason(cx, node, map))
  return isChosen
}

const isScheduled = (cx: Compiling, node: SourceNode): boolean => {
  const setup = cx.interpolates ? entryOf(cx.root, 'setup') : null
  if (setup && readBoolean(cx.problems, setup, '"setup"') === true)
    cx.problems.add('W_NOT_CARRIED_OUT', node, 'a setup configuration has no schedules')
  const selected = (readList(cx.problems, node, '"triggers"')?.items ?? []).map((item) =>
    readSchedule(cx, item),
  )
  return cx.event.kind === 'schedule' && selected.some(Boolean)
}

/** Whether it is for this branch. */
const readSchedule = (cx: Compiling, item: SourceNode): boolean => {
  const trigger = readMap(cx.problems, item, 'a trigger')
  const node = trigger && entryOf(trigger, 'schedule')
  const schedule = node && readMap(cx.problems, node, '"schedule"')
  if (trigger && !node) cx.problems.add('E_KEY_MISSING', trigger, 'a trigger needs a "schedule"')
  if (!schedule) return false
  const cron = entryOf(schedule, 'cron')
  if (!cron) cx.problems.add('E_KEY_MISSING', schedule, 'a schedule needs a "cron"')
  else if (!isCron(readText(cx.problems, cron, '"cron"') ?? '* * * * *'))
    cx.problems.add(
      'E_VALUE',
      cron,
      `"cron" cannot be ${JSON.stringify(cron.kind === 'scalar' ? cron.text.slice(0, 80) : '')}`,
      'five fields in UTC: minute, hour, day of the month, month, day of the week; "0 6 * * 1-5"',
    )
  const filtersNode = entryOf(schedule, 'filters')
  const filters = filtersNode && readMap(cx.problems, filtersNode, '"filters"')
  if (!filters || !entryOf(filters, 'branches'))
    cx.problems.add('E_KEY_MISSING', filters ?? schedule, 'a schedule needs "branches" in its "filters"')
  return filters !== null && isBranchSelected(cx, filters)
}

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')
const days = 'sun mon tue wed thu fri sat'.split(' ')
const fields = [
  { min: 0, max: 59, names: [] },
  { min: 0, max: 23, names: [] },
  { min: 1, max: 31, names: [] },
  { min: 1, max: 12, names: months },
  { min: 0, max: 7, names: days },
] as const

type Field = (typeof fields)[number]

/** POSIX, with the steps and names that everybody writes. */
export const isCron = (text: string): boolean => {
  const parts = text.trim().split(/\s+/)
  return (
    parts.length === fields.length &&
    fields.every((field, i) => (parts[i] ?? '').split(',').every((part) => isRange(part, field)))
  )
}

const isRange = (part: string, field: Field): boolean => {
  const [, span, step] = /^(\*|[^/-]+(?:-[^/-]+)?)(?:\/(\d{1,3}))?$/.exec(part) ?? []
  if (span === undefined || (step !== undefined && Number(step) < 1)) return false
  if (span === '*') return true
  const [from, to] = span.split('-').map((word) => numberOf(word, field))
  return from !== null && from !== undefined && to !== null && (to === undefined || from <= to)
}

const numberOf = (word: string, { min, max, names }: Field): number | null => {
  const named = (names as readonly string[]).indexOf(word.toLowerCase())
  if (named !== -1) return named + min
  const value = /^\d{1,2}$/.test(word) ? Number(word) : Number.NaN
  return value >= min && value <= max ? value : null
}
