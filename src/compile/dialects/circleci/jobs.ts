// One invocation of a job as a plan job's spec: arguments bound, body substituted, where it runs and what it does.

import type { JobSpec, PlanJob, PlanStep } from '../../../protocol/plan.ts'
import { cacheDaysMax } from '../../../protocol/stored-object.ts'
import { limits } from '../../limits.ts'
import type { Spot } from '../../source/file.ts'
import { type Entry, entryOf, isNull, type MapNode, type SourceNode } from '../../source/node.ts'
import { readInteger, readList, readMap, readOneOf, readText, warnUnknownKeys } from '../../source/read.ts'
import { audiencesOf } from './audiences.ts'
import type { Compiling } from './compiling.ts'
import { readExecution } from './execution.ts'
import { readLock } from './lock.ts'
import { type ArgumentsOf, noParameters, type Parameters, scopeOf } from './parameters.ts'
import { expandSteps, type StepContext } from './steps.ts'
import { substitute } from './substitute.ts'

const jobTimeoutMs = 3_600_000

export const jobKeys = new Set(
  (
    'type docker machine macos windows executor steps parameters environment shell working_directory parallelism ' +
    'resource_class retention circleci_ip_ranges branches description plan_name validation key'
  ).split(' '),
)

export const jobTypes = ['build', 'approval', 'no-op', 'release', 'lock', 'unlock'] as const
const planKinds = {
  approval: 'approval',
  'no-op': 'noop',
  release: 'noop',
  lock: 'lock',
  unlock: 'unlock',
} as const

export type JobCall = ArgumentsOf & {
  readonly preSteps: SourceNode | null
  readonly postSteps: SourceNode | null
  readonly contexts: readonly string[]
}

export type CompiledJob = Pick<PlanJob, 'kind' | 'shards' | 'spec' | 'lock'>

/** null: reported. */
export const compileJob = (cx: Compiling, definition: Entry, call: JobCall): CompiledJob | null => {
  const label = `job "${definition.key.text.slice(0, 80)}"`
  const map = readMap(cx.problems, definition.value, label)
  if (!map) return null
  cx.problems.constructs?.honour(definition, label)
  warnUnknownKeys(cx.problems, map, jobKeys, 'a job')
  const scope = scopeOf(cx, { kind: 'job', label }, map, call)
  const body = substitute(cx, withoutParameters(map), scope)
  if (body.kind !== 'map') return null
  const type = readType(cx, body)
  if (type !== 'build') return compileWithoutSteps(cx, type, body, body)
  warnOfRanges(cx, body)
  const cacheDays = readCacheDays(cx, body)
  const shards = readShards(cx, body)
  const execution = readExecution(cx, label, body, definition.key)
  const steps = readSteps(cx, label, definition.key, body, {
    call,
    job: { shell: execution?.shell ?? null, shards },
    parameters: scope.parameters,
    isPassed: map.entries.get('steps')?.value.kind === 'scalar',
  })
  if (!execution) return null
  const { shell: _, ...where } = execution
  const audiences = audiencesOf(steps, where.env)
  const spec: JobSpec = {
    v: 1,
    dialect: 'circleci',
    ...where,
    contexts: call.contexts,
    egress: null,
    timeoutMs: jobTimeoutMs,
    steps,
    ...(cx.isSetup ? { setup: true } : {}),
    ...(audiences.length === 0 ? {} : { audiences }),
    ...(cacheDays === null ? {} : { cacheDays }),
  }
  return { kind: 'job', shards, spec: cx.origins.mark(spec, definition.key, { at: call.at, outer: null }) }
}

/** Declarations are not substituted with the values they declare. */
const withoutParameters = (map: MapNode): MapNode => {
  if (!map.entries.has('parameters')) return map
  const entries = new Map(map.entries)
  entries.delete('parameters')
  return { ...map, entries }
}

type JobType = (typeof jobTypes)[number]

const readType = (cx: Compiling, body: MapNode): JobType => {
  const node = entryOf(body, 'type')
  return (node && readOneOf(cx.problems, node, '"type"', jobTypes)) ?? 'build'
}

/** What the types without steps read, on a job or on the entry of a workflow that needs none. */
export const bareKeys: Readonly<Record<Exclude<JobType, 'build'>, readonly string[]>> = {
  approval: [],
  'no-op': [],
  release: ['plan_name', 'validation'],
  lock: ['key'],
  unlock: ['key'],
}

export const compileWithoutSteps = (
  cx: Compiling,
  type: Exclude<JobType, 'build'>,
  map: MapNode,
  at: Spot,
): CompiledJob => {
  const [required] = bareKeys[type]
  if (required !== undefined && !entryOf(map, required))
    cx.problems.add('E_KEY_MISSING', at, `a job of type "${type}" needs a "${required}"`)
  if (type === 'release') {
    const message = 'releases are not carried out yet; the job is planned and does nothing'
    cx.problems.add('W_NOT_CARRIED_OUT', at, message)
  }
  const lock = required === 'key' ? readLock(cx, map, required) : null
  return { kind: planKinds[type], shards: 1, spec: null, ...(lock === null ? {} : { lock }) }
}

const readShards = (cx: Compiling, body: MapNode): number => {
  const node = entryOf(body, 'parallelism')
  return (node && readInteger(cx.problems, node, '"parallelism"', { min: 1, max: limits.shardsMax })) ?? 1
}

const warnOfRanges = (cx: Compiling, body: MapNode): void => {
  const ranges = entryOf(body, 'circleci_ip_ranges')
  if (ranges) cx.problems.add('W_NOT_CARRIED_OUT', ranges, '"circleci_ip_ranges" has no meaning here')
}

/** null: it says nothing, or what was reported. */
const readCacheDays = (cx: Compiling, body: MapNode): number | null => {
  const retention = entryOf(body, 'retention')
  const map = retention && readMap(cx.problems, retention, '"retention"')
  if (map) warnUnknownKeys(cx.problems, map, retentionKeys, '"retention"')
  const node = map && entryOf(map, 'caches')
  const text = node && readText(cx.problems, node, '"caches"')
  if (!node || text === null) return null
  const days = /^\d{1,4}d$/.test(text) ? Number.parseInt(text, 10) : 0
  if (days >= 1 && days <= cacheDaysMax) return days
  if (days > cacheDaysMax && days <= platformCacheDaysMax) {
    cx.problems.add('W_NOT_CARRIED_OUT', node, `caches are kept for ${cacheDaysMax} days at most here`)
    return cacheDaysMax
  }
  cx.problems.add('E_VALUE', node, `"caches" is a number of days from 1d to ${cacheDaysMax}d`)
  return null
}

const retentionKeys = new Set(['caches'])
/** What the platform takes, whatever an organisation's own limit is. */
const platformCacheDaysMax = 30

const readSteps = (
  cx: Compiling,
  label: string,
  at: Spot,
  body: MapNode,
  {
    call,
    job,
    parameters,
    isPassed,
  }: {
    readonly call: JobCall
    readonly job: StepContext['job']
    readonly parameters: Parameters
    /** `steps: << parameters.x >>`: whoever invokes the job says what it does, and may say nothing. */
    readonly isPassed: boolean
  },
): readonly PlanStep[] => {
  const node = body.entries.get('steps')?.value
  const list = node && !isNull(node) ? readList(cx.problems, node, `"steps" of ${label}`) : null
  if (!node || isNull(node) || (list?.items.length === 0 && !isPassed))
    cx.problems.add('E_STEPS_EMPTY', at, `${label} has no steps`)
  const out: PlanStep[] = []
  const context: StepContext = { job, chain: [], depth: 0, via: null, parameters, out }
  const outer = { ...context, parameters: noParameters, via: { at: call.at, outer: null } }
  const preSteps = call.preSteps && readList(cx.problems, call.preSteps, '"pre-steps"')
  const postSteps = call.postSteps && readList(cx.problems, call.postSteps, '"post-steps"')
  if (preSteps) expandSteps(call.from, preSteps, outer)
  if (list) expandSteps(cx, list, context)
  if (postSteps) expandSteps(call.from, postSteps, outer)
  const isWhole = !cx.problems.hasErrors() && !cx.orbs.isIncomplete()
  if (out.length === 0 && list && (list.items.length > 0 || isPassed) && isWhole)
    cx.problems.add('N_EMPTY_AFTER_CONDITIONS', at, `conditions leave ${label} without steps; it will pass`)
  return out
}
