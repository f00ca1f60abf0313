// `triggers` of a workflow (config-dialects.md §2.10): its schedules, read whatever the event is, and whether one of
// them is for this one. A workflow with triggers runs on schedule and never on a push.

import { parseCron } from '../../../base/cron.ts'
import type { WorkflowLog } from '../../plan/selection.ts'
import { entryOf, type MapNode, type SourceNode } from '../../source/node.ts'
import { readBoolean, readList, readMap, readText } from '../../source/read.ts'
import type { Compiling } from './compiling.ts'
import { isBranchSelected } from './filters.ts'
import { triggersReason } from './why.ts'

export const isTriggered = (cx: Compiling, map: MapNode, log: WorkflowLog | null): boolean => {
  const node = entryOf(map, 'triggers')
  if (node)
    cx.problems.constructs?.judge(node, 'ignored', 'it starts nothing yet; a schedule of the project does')
  // What a schedule of the project begins is an ordinary run.
  const isOrdinary = cx.event.kind !== 'schedule' || cx.event.schedule !== undefined
  const isChosen = node ? isScheduled(cx, node) : isOrdinary
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
  return cx.event.kind === 'schedule' && cx.event.schedule === undefined && selected.some(Boolean)
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
  else if (parseCron(readText(cx.problems, cron, '"cron"') ?? '* * * * *') === null)
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
