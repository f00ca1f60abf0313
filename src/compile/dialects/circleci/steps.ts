// A list of steps as plan steps: built-ins read, commands expanded in place, conditions decided, `steps` spliced
// (config-dialects.md §2.5, §2.6). The nodes that arrive here are substituted; a command's body is substituted when
// it is expanded, with that command's own parameters.

import type { PlanStep } from '../../../protocol/plan.ts'
import { limits } from '../../limits.ts'
import type { Via } from '../../plan/origins.ts'
import type { Spot } from '../../source/file.ts'
import {
  type Entry,
  entryOf,
  isNull,
  type MapNode,
  mapNode,
  type ScalarNode,
  type SourceNode,
} from '../../source/node.ts'
import { listOrOne, readList, readMap, warnUnknownKeys } from '../../source/read.ts'
import { didYouMean } from '../../suggest.ts'
import { followAlias } from './alias.ts'
import { builtinNames, findBuiltin, type StepJob } from './builtin-steps.ts'
import type { Compiling, Element, Reading } from './compiling.ts'
import { isStepConditionTrue } from './condition.ts'
import type { Builtin } from './file-steps.ts'
import { createKeeper } from './keeper.ts'
import { noArguments, noParameters, type Parameters, scopeOf } from './parameters.ts'
import { readSetupStep } from './setup-steps.ts'
import { substitute } from './substitute.ts'
import { asTeardown, teardownOf } from './teardown.ts'

export type StepContext = {
  readonly job: StepJob
  /** The commands being expanded, outermost first; for steps that were passed, those around the place where they were written. */
  readonly chain: readonly Entry[]
  /** How many are being expanded, wherever. */
  readonly depth: number
  readonly via: Via
  /** What `parameters.NAME` is where the steps were written. */
  readonly parameters: Parameters
  /** Below `teardown` of a run step. */
  readonly isTeardown?: true
  readonly out: PlanStep[]
}

/** Words that have steps below them. */
const wrapping: ReadonlySet<string> = new Set(['when', 'unless', 'steps', 'with_tool_cache'])

/** A list, or a single step. One that was passed as an argument is read where it was written. */
export const expandSteps = (reader: Compiling, steps: SourceNode, around: StepContext): void => {
  const home = reader.homes.get(steps)
  const cx = home ?? reader
  const callers = reader.callers.get(steps)
  const context = home ? { ...around, parameters: noParameters, ...callers } : around
  for (const node of listOrOne(steps)) {
    if (!cx.work.spend(1, node)) return
    const call = readCall(cx, node)
    if (call) expandCall(cx, call, context)
  }
}

/** One step as written: its name, where that stands, and its argument. */
export type Call = { readonly name: string; readonly at: ScalarNode; readonly node: SourceNode | null }

export const readCall = (cx: Reading, node: SourceNode): Call | null => {
  if (node.kind === 'scalar' && !isNull(node)) return { name: node.text, at: node, node: null }
  const entries = node.kind === 'map' ? [...node.entries.values()] : []
  const [entry] = entries
  const typed = node.kind === 'map' ? readTyped(cx, node) : null
  if (typed) return typed
  if (entry && entries.length === 1) {
    const { key, value } = entry
    return { name: key.text, at: key, node: isNull(value) && !isWrongScript(entry) ? null : value }
  }
  if (entry && cx.interpolates && isNull(entry.value) && !isOwnWord(entry.key.text))
    return ignoreBeside(cx, entry, entries.slice(1))
  if (node.kind === 'map' && entry) reportShape(cx, node, entry)
  else cx.problems.add('E_STEP_SHAPE', node, 'a step is a name, or a map with one name')
  return null
}

/** Names of steps that no command has. */
const isOwnWord = (name: string): boolean => wrapping.has(name) || findBuiltin(name) !== null

/** The platform invokes the command without arguments: what stands beside its name is not below it. */
const ignoreBeside = (cx: Reading, { key }: Entry, beside: readonly Entry[]): Call => {
  const name = key.text.slice(0, 80)
  for (const other of beside) {
    const message = `"${other.key.text.slice(0, 80)}" stands beside "${name}" and not below it; it is ignored, as on its platform`
    cx.problems.add(
      'W_UNKNOWN_KEY',
      other.key,
      message,
      `indent it deeper, so that it is an argument of "${name}"`,
    )
  }
  return { name: key.text, at: key, node: null }
}

/** `run: << parameters.x >>` of what has no value: that was said where it is bound (run-step.ts). */
const isWrongScript = ({ key, value }: Entry): boolean =>
  key.text === 'run' && value.kind === 'scalar' && value.computed !== undefined

/** The oldest form, `{type: shell, command: …}`: one map with the name of the step in it. */
const readTyped = (cx: Reading, node: MapNode): Call | null => {
  const type = entryOf(node, 'type')
  const name = type?.kind === 'scalar' ? (type.text === 'shell' ? 'run' : type.text) : null
  if (type?.kind !== 'scalar' || name === null || !findBuiltin(name)) return null
  const message = `a step with "type" is an old form; it is read as "${name}"`
  cx.problems.add('W_DEPRECATED', type, message, `write "${name}:" with the other keys below it`)
  const rest = new Map([...node.entries].filter(([key]) => key !== 'type'))
  return { name, at: type, node: rest.size === 0 ? null : mapNode(node, rest) }
}

/** The common slip: the keys of a step stand beside its name instead of below it. */
const reportShape = (cx: Reading, node: MapNode, first: Entry): void => {
  const names = [...node.entries.keys()].slice(0, 5).map((name) => `"${name.slice(0, 40)}"`)
  const second = [...node.entries.values()][1]?.key ?? first.key
  const message = `a step has one name, but this map has ${node.entries.size} keys: ${names.join(', ')}`
  const help = isNull(first.value) ? `indent the keys that belong to "${first.key.text}" deeper` : null
  cx.problems.add('E_STEP_SHAPE', second, message, help)
}

const expandCall = (cx: Compiling, call: Call, context: StepContext): void => {
  cx.problems.constructs?.honour(call.at, `step ${call.name}`)
  const command = cx.interpolates ? findCommand(cx, call, context) : null
  if (cx.interpolates && (call.name === 'when' || call.name === 'unless')) expandCondition(cx, call, context)
  else if (cx.interpolates && call.name === 'steps') splice(cx, call, context)
  else if (command === 'reported') return
  else if (command) expandCommand(cx, call, command, context)
  else if (cx.interpolates && call.name === 'with_tool_cache') unwrap(cx, call, context)
  else addBuiltin(cx, call, context)
}

/** Inside a command that shadows a built-in, that name means the built-in. */
const findCommand = (cx: Compiling, call: Call, context: StepContext): Element | 'reported' | null => {
  const own = cx.commands.get(call.name)
  if (!own) return cx.orbs.find('command', call.name, call.at)
  const isShadowed = context.chain.includes(own) && findBuiltin(call.name) !== null
  return isShadowed ? null : followAlias(cx, 'command', own)
}

const addBuiltin = (cx: Compiling, call: Call, context: StepContext): void => {
  const own = readSetupStep(cx, call.name, call.at, call.node)
  const builtin = findBuiltin(call.name)
  if (!own && !builtin) {
    reportUnknown(cx, call)
    return
  }
  const read = own ?? (builtin && readBuiltin(cx, builtin, call, context.job))
  const step = read && context.isTeardown ? asTeardown(cx, read, call) : read
  if (!step) return
  const text = step.kind === 'run' ? step.command.length : 0
  if (cx.work.spend(text + 200, call.at)) context.out.push(cx.origins.mark(step, call.at, context.via))
  const after = step.kind === 'run' && !context.isTeardown ? teardownOf(cx, call.node) : null
  if (after) expandSteps(cx, after, { ...context, isTeardown: true })
}

/** By the name of the step, with its argument. The shell of the job becomes that of its steps. */
const keptSteps = createKeeper<{
  readonly node: SourceNode | null
  readonly job: StepJob
  readonly step: PlanStep
}>()

/** A copy, because each place that has the step is marked by itself. */
const readBuiltin = (cx: Compiling, builtin: Builtin, { at, node }: Call, job: StepJob): PlanStep | null => {
  const read = () => {
    const step = builtin(cx, { at, node, job })
    return step && { node, job, step }
  }
  const kept = keptSteps(cx, at, read, (known) => known.node === node && isSameFor(known.job, job))
  return kept && { ...kept.step }
}

const isSameFor = (a: StepJob, b: StepJob): boolean =>
  a.shards > 1 === b.shards > 1 &&
  a.shell?.words.join('\0') === b.shell?.words.join('\0') &&
  a.shell?.untrusted?.untrusted === b.shell?.untrusted?.untrusted

export const conditionalKeys: ReadonlySet<string> = new Set(['condition', 'steps'])

const expandCondition = (cx: Compiling, call: Call, context: StepContext): void => {
  const map = call.node && readMap(cx.problems, call.node, `"${call.name}"`)
  if (!map) {
    cx.problems.add('E_CONDITION', call.at, `"${call.name}" needs "condition" and "steps"`)
    return
  }
  const condition = map.entries.get('condition')?.value
  const steps = entryOf(map, 'steps')
  if (!condition || !steps) {
    const missing = condition ? 'steps' : 'condition'
    cx.problems.add('E_KEY_MISSING', call.at, `"${call.name}" needs "${missing}"`)
    return
  }
  warnUnknownKeys(cx.problems, map, conditionalKeys, `"${call.name}"`)
  if (isStepConditionTrue(cx, condition, context.parameters) === (call.name === 'when'))
    expandSteps(cx, steps, context)
}

/** A cache that the platform keeps for a build tool: its steps do the same without. */
const unwrap = (cx: Compiling, call: Call, context: StepContext): void => {
  const map = call.node && readMap(cx.problems, call.node, `"${call.name}"`)
  const steps = map && entryOf(map, 'steps')
  cx.problems.add('W_NOT_CARRIED_OUT', call.at, `"${call.name}" keeps nothing here; its steps run without it`)
  if (map) warnUnknownKeys(cx.problems, map, toolCacheKeys, `"${call.name}"`)
  if (steps) expandSteps(cx, steps, context)
  else cx.problems.add('E_KEY_MISSING', call.at, `"${call.name}" needs "steps"`)
}

export const toolCacheKeys: ReadonlySet<string> = new Set(['tool', 'steps'])

/** `steps: << parameters.x >>`, whose value is a list by now. */
const splice = (cx: Compiling, call: Call, context: StepContext): void => {
  const list = call.node && readList(cx.problems, call.node, '"steps"')
  if (list) expandSteps(cx, list, { ...context, via: { at: call.at, outer: context.via } })
}

export const commandKeys: ReadonlySet<string> = new Set(['steps', 'parameters', 'description'])

const expandCommand = (
  cx: Compiling,
  call: Call,
  { cx: home, entry: command }: Element,
  context: StepContext,
): void => {
  const label = `command "${call.name}"`
  if (context.chain.includes(command) || context.depth >= limits.commandDepthMax) {
    const chain = [...context.chain.map(({ key }) => key.text), call.name].join(' → ')
    cx.problems.add('E_COMMAND_RECURSION', call.at, `commands call each other without end: ${chain}`)
    return
  }
  const definition = readMap(cx.problems, command.value, label)
  if (!definition) return
  cx.problems.constructs?.honour(command, label)
  warnUnknownKeys(cx.problems, definition, commandKeys, 'a command')
  const argsMap = call.node && readMap(cx.problems, call.node, `the arguments of ${label}`)
  const args = argsMap?.entries ?? noArguments
  const scope = scopeOf(home, { kind: 'command', label }, definition, { args, at: call.at, from: cx })
  for (const [name, value] of scope.parameters)
    if (args.has(name) && !cx.callers.has(value))
      cx.callers.set(value, { chain: context.chain, parameters: context.parameters })
  const stepsNode = entryOf(definition, 'steps')
  if (!stepsNode) {
    cx.problems.add('E_KEY_MISSING', command.key, `${label} needs "steps"`)
    return
  }
  const steps = readList(cx.problems, substitute(home, stepsNode, scope), `"steps" of ${label}`)
  const chain = [...context.chain, command]
  const via = { at: call.at, outer: context.via }
  const { parameters } = scope
  const inside = { ...context, parameters, chain, depth: context.depth + 1, via }
  if (steps) expandSteps(home, steps, inside)
}

/** `functions: {name: host/owner/name@version}` are programs that its platform fetches. */
const functionOf = (cx: Compiling, name: string): string | null => {
  const functions = cx.interpolates ? entryOf(cx.root, 'functions') : null
  const source = functions?.kind === 'map' ? entryOf(functions, name.split('/', 1)[0] ?? '') : null
  return source?.kind === 'scalar' ? source.text.slice(0, 200) : null
}

const reportUnknown = (cx: Compiling, call: Call): void => {
  const source = functionOf(cx, call.name)
  if (source === null) {
    reportUnknownStep(cx, call)
    return
  }
  const message = `"${call.name.slice(0, 80)}" is a function of its platform (${source}), which is not here`
  cx.problems.add(
    'E_COMMAND_UNKNOWN',
    call.at,
    message,
    'write what it does as a "run" step, or as a command',
  )
}

export const reportUnknownStep = (
  cx: Reading & Pick<Compiling, 'commands'>,
  call: Pick<Call, 'name' | 'at'>,
): void => {
  const name = call.name.slice(0, 80)
  const place = (known: string): Spot | null => cx.commands.get(known)?.key ?? null
  const help = () =>
    didYouMean(call.name, [...cx.commands.keys(), ...builtinNames], place) ??
    (cx.interpolates ? null : 'commands of your own need version 2.1')
  cx.problems.add(
    'E_COMMAND_UNKNOWN',
    call.at,
    `cannot find a definition for a command named "${name}"`,
    help,
  )
}
