// `run`, with all its keys (config-dialects.md §2.13), and `deploy`, which is `run` on one copy of a job.

import type { PlanRefusedStep, PlanRunStep, StepWhen } from '../../../protocol/plan.ts'
import { limits } from '../../limits.ts'
import { entryOf, type MapNode, resolveScalar, type SourceNode } from '../../source/node.ts'
import {
  readBoolean,
  readInteger,
  readName,
  readOneOf,
  readText,
  warnUnknownKeys,
} from '../../source/read.ts'
import { warnUnclearAudience } from './audiences.ts'
import type { Compiling } from './compiling.ts'
import { parseDuration } from './duration.ts'
import { readEnvironment, toEnv } from './environment.ts'
import { readShell, type Shell } from './execution.ts'
import { warnUnsetVariables } from './unset-variables.ts'

export const runKeys = new Set([
  'command',
  'name',
  'shell',
  'environment',
  'background',
  'working_directory',
  'no_output_timeout',
  'when',
  'max_auto_reruns',
  'auto_rerun_delay',
  'teardown',
])

const noOutputTimeoutMs = 600_000
const autoRerunDelayMaxMs = 600_000
export const whens: readonly StepWhen[] = ['on_success', 'on_fail', 'always']

export const readRunStep = (
  cx: Compiling,
  node: SourceNode,
  jobShell: Shell | null,
): PlanRunStep | PlanRefusedStep | null => {
  const map = node.kind === 'map' ? node : null
  if (map) warnUnknownKeys(cx.problems, map, runKeys, '"run"')
  const commandNode = map ? entryOf(map, 'command') : node
  if (!commandNode || (commandNode.kind === 'scalar' && commandNode.text.trim() === '')) {
    // What came out of a reference that is wrong was reported there.
    const written = map ? map.entries.get('command')?.value : node
    const isReported = written?.kind === 'scalar' && written.computed && cx.problems.hasErrors()
    if (!isReported) cx.problems.add('E_KEY_MISSING', node, '"run" needs a "command"')
    return null
  }
  const command = readText(cx.problems, commandNode, '"command"')
  if (command === null) return null
  warnUnsetVariables(cx, commandNode, command)
  warnUnclearAudience(cx, commandNode, command)
  const options = map ? readOptions(cx, map) : {}
  const name = readStepName(cx, map) ?? firstLine(command)
  const shellNode = map && entryOf(map, 'shell')
  const shell = shellNode ? readShell(cx, shellNode) : jobShell
  const step: PlanRunStep = {
    kind: 'run',
    name,
    when: 'on_success',
    command,
    shell: shell?.words ?? null,
    env: map ? toEnv(readEnvironment(cx, entryOf(map, 'environment'))) : [],
    background: false,
    workdir: null,
    noOutputTimeoutMs,
    maxAutoReruns: 0,
    autoRerunDelayMs: 0,
    ...options,
  }
  return refuseUntrusted(cx, step, [commandNode, shell?.untrusted])
}

/** Decision 6: text from outside with unsafe characters never becomes part of a script; the job stops here instead. */
const refuseUntrusted = (
  cx: Compiling,
  step: PlanRunStep,
  parts: readonly (SourceNode | null | undefined)[],
): PlanRunStep | PlanRefusedStep => {
  for (const part of parts) {
    if (part?.kind !== 'scalar' || part.untrusted === undefined) continue
    const reason = `untrusted-in-script: the value of "${part.untrusted}" has characters that could change the script`
    cx.problems.add(
      'W_UNTRUSTED_IN_SCRIPT',
      part,
      reason,
      'pass it through "environment" and use the variable, in quotes',
    )
    return { kind: 'refused', name: step.name, when: step.when, what: 'run', reason }
  }
  return step
}

const readOptions = (cx: Compiling, map: MapNode): Partial<PlanRunStep> => {
  const { problems } = cx
  const when = readWhen(cx, map)
  const background = entryOf(map, 'background')
  const workdir = entryOf(map, 'working_directory')
  const timeout = entryOf(map, 'no_output_timeout')
  const timeoutMs = timeout && readSilence(cx, timeout)
  const reruns = entryOf(map, 'max_auto_reruns')
  const delay = entryOf(map, 'auto_rerun_delay')
  const delayMs = delay && readDuration(cx, delay, '"auto_rerun_delay"')
  if (delay && !reruns) problems.add('E_KEY_MISSING', delay, '"auto_rerun_delay" needs "max_auto_reruns"')
  if (delay && delayMs !== null && delayMs > autoRerunDelayMaxMs)
    problems.add('E_VALUE', delay, '"auto_rerun_delay" is at most 10m')
  const isBackground = background !== null && readBoolean(problems, background, '"background"') === true
  if (isBackground && reruns)
    problems.add('E_VALUE', reruns, 'a step in the background is not tried again: nobody waits for it')
  return {
    when,
    background: isBackground,
    workdir: workdir && readName(problems, workdir, '"working_directory"'),
    noOutputTimeoutMs: timeoutMs || noOutputTimeoutMs,
    maxAutoReruns: reruns ? (readInteger(problems, reruns, '"max_auto_reruns"', { min: 1, max: 5 }) ?? 0) : 0,
    autoRerunDelayMs: delayMs ?? 0,
  }
}

/** Its platform takes a number as well. */
const readSilence = (cx: Compiling, node: SourceNode): number | null => {
  const what = '"no_output_timeout"'
  const scalar = node.kind === 'scalar' ? resolveScalar(node) : null
  if (scalar?.type !== 'integer' || scalar.value < 1) return readDuration(cx, node, what)
  const written = `${scalar.value}s`
  cx.problems.add('W_DEPRECATED', node, `${what} has no unit; it is taken as ${written}`, `write ${written}`)
  return parseDuration(written)
}

const readDuration = (cx: Compiling, node: SourceNode, what: string): number | null => {
  const text = readText(cx.problems, node, what)
  const ms = text === null ? null : parseDuration(text.trim())
  if (text !== null && ms === null)
    cx.problems.add(
      'E_DURATION',
      node,
      `${what} cannot be "${text.slice(0, 40)}"`,
      'write for example 90s, 20m or 1.5h',
    )
  return ms
}

export const readWhen = (
  cx: Compiling,
  map: MapNode | null,
  otherwise: StepWhen = 'on_success',
): StepWhen => {
  const node = map && entryOf(map, 'when')
  return (node && readOneOf(cx.problems, node, '"when"', whens)) ?? otherwise
}

export const readStepName = (cx: Compiling, map: MapNode | null): string | null => {
  const node = map && entryOf(map, 'name')
  const name = node && readText(cx.problems, node, '"name"')
  return (name && firstLine(name)) || null
}

const firstLine = (text: string): string => {
  const line = text.trim().split('\n', 1)[0]?.trim() ?? ''
  if (line.length <= limits.stepNameMax) return line
  const cut = line.slice(0, limits.stepNameMax - 1)
  // Never between the halves of a character: a plan with half of one has no digest.
  return `${cut.isWellFormed() ? cut : cut.slice(0, -1)}…`
}
