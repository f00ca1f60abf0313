// `triggers` of a workflow (config-dialects.md §2.10): its schedules, read whatever the event is, and whether one of
// them is for this one. A workflow with triggers runs on schedule and never on a push.

import { parseCron } from '../../../base/cron.ts'
import type { PlanSchedule } from '../../../protocol/plan.ts'
import { schedulesMax } from '../../../protocol/plan-parse.ts'
import type { WorkflowLog } from '../../plan/selection.ts'
import { entryOf, type MapNode, type SourceNode } from '../../source/node.ts'
import { readList, readMap, readText } from '../../source/read.ts'
import type { Compiling } from './compiling.ts'
import { isBranchSelected } from './filters.ts'
import { pipelineScope, substitute } from './substitute.ts'
import { triggersReason } from './why.ts'

export const isTriggered = (
  cx: Compiling,
  workflow: string,
  map: MapNode,
  log: WorkflowLog | null,
): boolean => {
  const written = entryOf(map, 'triggers')
  const node = written && substitute(cx, written, pipelineScope)
  const { kind, schedule } = cx.event
  // What a schedule of the project begins is an ordinary run.
  const isOfProject = schedule !== undefined && schedule.workflow === undefined
  const isOfAnother = schedule?.workflow !== undefined && schedule.workflow !== workflow
  const isChosen = node
    ? isScheduled(cx, workflow, node) && kind === 'schedule' && !isOfProject && !isOfAnother
    : kind !== 'schedule' || isOfProject
  if (!isChosen) log?.leaveOut(triggersReason(cx, node, map))
  return isChosen
}

/** Whether one of them is for this branch; those that are, the plan names. */
const isScheduled = (cx: Compiling, workflow: string, node: SourceNode): boolean => {
  if (cx.isSetup) cx.problems.add('W_NOT_CARRIED_OUT', node, 'a setup configuration has no schedules')
  const items = readList(cx.problems, node, '"triggers"')?.items ?? []
  const crons = items.flatMap((item) => readSchedule(cx, item) ?? [])
  if (!cx.isSetup) for (const cron of new Set(crons)) addSchedule(cx, { workflow, cron }, node)
  return crons.length > 0
}

const addSchedule = (cx: Compiling, schedule: PlanSchedule, at: SourceNode): void => {
  if (cx.schedules.length < schedulesMax) cx.schedules.push(schedule)
  else cx.problems.add('E_VALUE', at, `a configuration has at most ${schedulesMax} schedules`)
}

/** Its times, when it is for this branch. */
const readSchedule = (cx: Compiling, item: SourceNode): string | null => {
  const trigger = readMap(cx.problems, item, 'a trigger')
  const node = trigger && entryOf(trigger, 'schedule')
  const schedule = node && readMap(cx.problems, node, '"schedule"')
  if (trigger && !node) cx.problems.add('E_KEY_MISSING', trigger, 'a trigger needs a "schedule"')
  if (!schedule) return null
  const cron = entryOf(schedule, 'cron')
  const times = cron && readText(cx.problems, cron, '"cron"')
  if (!cron) cx.problems.add('E_KEY_MISSING', schedule, 'a schedule needs a "cron"')
  else if (times !== null && parseCron(times) === null)
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
  return filters !== null && isBranchSelected(cx, filters) ? (times?.trim() ?? null) : null
}
