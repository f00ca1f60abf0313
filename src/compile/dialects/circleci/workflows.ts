// Workflows as the plan has them: which of them this event starts, their jobs, what those need and which remain.

import type { PlanJob, PlanWorkflow } from '../../../protocol/plan.ts'
import { limits } from '../../limits.ts'
import type { WorkflowLog } from '../../plan/selection.ts'
import type { Spot } from '../../source/file.ts'
import { type Entry, entryOf, isNull, type MapNode, type SourceNode } from '../../source/node.ts'
import {
  isName,
  readInteger,
  readList,
  readMap,
  readOneOf,
  readText,
  readTexts,
  warnUnknownKeys,
} from '../../source/read.ts'
import { didYouMean } from '../../suggest.ts'
import { followAlias, isAlias } from './alias.ts'
import type { Compiling, Element } from './compiling.ts'
import { isExpressionOrConditionTrue } from './condition.ts'
import { isBranchSelected, isSelected } from './filters.ts'
import { dropGates, expandGroups, type Graph } from './groups.ts'
import { bareKeys, type CompiledJob, compileJob, compileWithoutSteps, jobTypes } from './jobs.ts'
import { readLock } from './lock.ts'
import { type Member, matrixValues, readMembers } from './matrix.ts'
import { noArguments } from './parameters.ts'
import { dropUnreachable, type Need, resolveRequires } from './requires.ts'
import { pipelineScope, substitute } from './substitute.ts'
import { isTriggered } from './triggers.ts'
import { conditionReason, filterReason, rangeReason, requiresReason } from './why.ts'

export const workflowKeys = new Set(['jobs', 'when', 'unless', 'triggers', 'max_auto_reruns', 'description'])

/** Options of an invocation that are no arguments. */
export const optionKeys21 = new Set(
  'requires name context type filters matrix pre-steps post-steps serial-group override-with'.split(' '),
)
const optionKeys2 = new Set(['requires', 'name', 'context', 'type', 'filters'])

/** The name the platform gives to the workflow of a file without workflows. */
const implicitName = 'workflow'

export const compileWorkflows = (cx: Compiling): readonly PlanWorkflow[] => {
  const used = new Set<string>()
  const declared = declaredWorkflows(cx)
  const workflows =
    declared.length > 0
      ? declared.flatMap((entry) => compileWorkflow(cx, entry, used) ?? [])
      : (compileImplicit(cx, used) ?? [])
  checkUnusedJobs(cx, used)
  checkUnusedGroups(cx, used)
  return workflows
}

const declaredWorkflows = (cx: Compiling): readonly Entry[] => {
  const node = entryOf(cx.root, 'workflows')
  const map = node && readMap(cx.problems, node, '"workflows"')
  return [...(map?.entries.values() ?? [])].filter(({ key }) => key.text !== 'version')
}

/** No workflows: one with the job `build`, whose old key `branches` then counts. */
const compileImplicit = (cx: Compiling, used: Set<string>): PlanWorkflow[] | null => {
  const build = cx.jobs.get('build')
  if (!build) {
    // How a setup configuration says that nothing follows.
    if (cx.isContinuation && cx.jobs.size === 0) return null
    const help = 'add "workflows", or a job named "build"'
    cx.problems.add(
      'E_NO_WORKFLOW',
      cx.root,
      'there are no workflows and there is no job named "build"',
      help,
    )
    return null
  }
  used.add('build')
  const member: Member = {
    job: 'build',
    wanted: 'build',
    name: 'build',
    at: build.key,
    options: null,
    matrix: null,
  }
  const job = compileMember(cx, member)
  const branches = build.value.kind === 'map' && entryOf(build.value, 'branches') ? build.value : null
  const isChosen = branches ? isBranchSelected(cx, branches) : isSelected(cx, null)
  cx.selection?.workflow(implicitName, build.key).job({
    ...{ name: 'build', at: build.key, ignored: [] },
    leftOut: isChosen ? null : rangeReason(cx, branches, build.key),
  })
  if (!job || !isChosen) return []
  const jobs = [toPlanJob(cx, member, job, [])]
  return [cx.origins.mark({ name: implicitName, jobs }, build.key)]
}

const compileWorkflow = (cx: Compiling, entry: Entry, used: Set<string>): PlanWorkflow | null => {
  const key = substitute(cx, entry.key, pipelineScope)
  const name = key.kind === 'scalar' ? key.text : ''
  const map = readMap(cx.problems, entry.value, `workflow "${name.slice(0, 80)}"`)
  if (!map || !isName(cx.problems, entry.key, name, 'the name of a workflow')) return null
  cx.problems.constructs?.honour(entry, `workflow ${name}`)
  warnUnknownKeys(cx.problems, map, workflowKeys, 'a workflow')
  const reruns = readReruns(cx, map)
  const jobsNode = entryOf(map, 'jobs')
  if (!jobsNode) {
    cx.problems.add('E_KEY_MISSING', entry.key, `workflow "${name.slice(0, 80)}" needs "jobs"`)
    return null
  }
  const entries = readList(cx.problems, jobsNode, '"jobs"')?.items ?? []
  // What is wrong in a workflow that its condition leaves out does not matter to this event, but is worth knowing.
  const log = cx.selection?.workflow(name, entry.key) ?? null
  const isWanted = isConditionMet(cx, map, log)
  const work = () => compileJobs(cx, name, entries, { at: entry.key, used, log })
  const jobs = isWanted ? work() : cx.problems.asWarnings(work)
  const triggered = () => isTriggered(cx, name, map, isWanted ? log : null)
  const isDue = isWanted ? triggered() : cx.problems.asWarnings(triggered)
  if (!isWanted || !isDue) return null
  if (jobs.length > 0) return cx.origins.mark({ name, jobs, ...reruns }, entry.key)
  log?.leaveOut({ rule: 'jobs', text: 'none of its jobs runs', at: jobsNode })
  return null
}

const isConditionMet = (cx: Compiling, map: MapNode, log: WorkflowLog | null): boolean => {
  if (!cx.interpolates) return true
  const [whenNode, unlessNode] = [map.entries.get('when'), map.entries.get('unless')]
  if (whenNode && unlessNode)
    cx.problems.add('E_CONDITION', unlessNode.key, 'a workflow has "when" or "unless", not both')
  for (const entry of [whenNode, unlessNode])
    if (entry && isNull(entry.value)) {
      const message = `"${entry.key.text}" has no condition; the workflow runs as if it was not there`
      cx.problems.add('W_UNSET_VALUE', entry.key, message)
    }
  const rule = entryOf(map, 'when') ? 'when' : 'unless'
  const condition = entryOf(map, rule)
  if (!condition || isExpressionOrConditionTrue(cx, condition) === (rule === 'when')) return true
  log?.leaveOut(conditionReason(cx, rule, condition))
  return false
}

const readReruns = (cx: Compiling, map: MapNode): Pick<PlanWorkflow, 'maxAutoReruns'> => {
  const node = entryOf(map, 'max_auto_reruns')
  const written = node && substitute(cx, node, pipelineScope)
  const most = written && readInteger(cx.problems, written, '"max_auto_reruns"', { min: 1, max: 5 })
  return most === null ? {} : { maxAutoReruns: most }
}

const compileJobs = (
  cx: Compiling,
  workflow: string,
  entries: readonly SourceNode[],
  { at, used, log }: { at: Spot; used: Set<string>; log: WorkflowLog | null },
): readonly PlanJob[] => {
  const invoked = readMembers(cx, entries, at)
  const graph = expandGroups(cx, { members: invoked, needs: resolveRequires(cx, workflow, invoked) })
  const { members } = graph
  const selected = new Set<string>()
  const compiled = new Map<string, CompiledJob>()
  for (const member of members) {
    used.add(member.job)
    const job = compileMember(cx, member)
    if (job) compiled.set(member.name, job)
    if (isMemberSelected(cx, member)) selected.add(member.name)
  }
  const { kept, needs } = dropGates(graph, dropUnreachable(selected, graph.needs))
  if (log) logJobs(cx, { members, needs }, { selected, kept, log })
  return members.flatMap((member) => {
    const job = compiled.get(member.name)
    if (!job || !kept.has(member.name)) return []
    return [
      toPlanJob(
        cx,
        member,
        job,
        (needs.get(member.name) ?? []).filter((need) => kept.has(need.job)),
      ),
    ]
  })
}

const logJobs = (
  cx: Compiling,
  { members, needs }: Graph,
  { selected, kept, log }: { selected: ReadonlySet<string>; kept: ReadonlySet<string>; log: WorkflowLog },
): void => {
  for (const member of members) {
    const { name, at } = member
    const own = needs.get(name) ?? []
    const isIdle = member.group?.gate?.is === 'entry' && own.every((need) => kept.has(need.job))
    const whyNeeds = isIdle
      ? { rule: 'jobs' as const, text: 'no job of its group runs', at }
      : requiresReason(own, at)
    const leftOut = !selected.has(name) ? filterReason(cx, member) : whyNeeds
    const ignored = own.flatMap((need) => (kept.has(need.job) ? [] : [need.job]))
    log.job({ name, at, ...(kept.has(name) ? { leftOut: null, ignored } : { leftOut, ignored: [] }) })
  }
}

/** In a group, by its own filters and by those of the group, as far as there are any. */
const isMemberSelected = (cx: Compiling, { options, group }: Member): boolean => {
  const filters = [options, group?.options].flatMap((map) => (map && entryOf(map, 'filters')) ?? [])
  return filters.length === 0 ? isSelected(cx, null) : filters.every((node) => isSelected(cx, node))
}

const toPlanJob = (cx: Compiling, member: Member, job: CompiledJob, needs: readonly Need[]): PlanJob => {
  const text = needs.reduce((sum, need) => sum + need.job.length + 200, 1000 + member.name.length)
  cx.work.spend(text, member.at)
  return cx.origins.mark(
    {
      key: member.name,
      name: member.name,
      kind: job.kind,
      needs: needs.map(({ job: name, on, at }) => cx.origins.mark({ job: name, on }, at)),
      shards: job.shards,
      ...(member.matrix ? { matrix: matrixValues(member.matrix.values) } : {}),
      spec: job.spec,
      ...(job.lock === undefined ? {} : { lock: job.lock }),
    },
    member.at,
  )
}

const compileMember = (cx: Compiling, member: Member): CompiledJob | null => {
  const { options } = member
  countInvocation(cx, member)
  if (member.group?.gate) {
    const { is: _, ...gate } = member.group.gate
    return { ...gate, shards: 1, spec: null }
  }
  const contexts = readContexts(cx, options)
  const type = options && readType(cx, options)
  if (options && type && type !== 'build') return compileBare(cx, member, options, type)
  const found = findJob(cx, member)
  if (!found) return null
  const known = cx.interpolates ? optionKeys21 : optionKeys2
  const args = new Map([...(options?.entries ?? [])].filter(([name]) => !known.has(name)))
  const serial = cx.interpolates && options ? readLock(cx, options, 'serial-group') : null
  const job = compileJob(found.cx, found.entry, {
    args,
    at: member.at,
    from: cx,
    contexts,
    preSteps: cx.interpolates && options ? entryOf(options, 'pre-steps') : null,
    postSteps: cx.interpolates && options ? entryOf(options, 'post-steps') : null,
  })
  return job && serial !== null && job.kind === 'job' ? { ...job, lock: serial } : job
}

/** Of a word that is none, nothing runs: who meant a gate must not get a job without one. */
const readType = (cx: Compiling, options: MapNode): (typeof jobTypes)[number] | null => {
  const node = entryOf(options, 'type')
  return node && readOneOf(cx.problems, node, '"type"', jobTypes)
}

/** An entry that needs no definition; of a job of its name nothing counts, so nothing can be passed to it. */
const compileBare = (
  cx: Compiling,
  { job, at, matrix }: Member,
  options: MapNode,
  type: Exclude<(typeof jobTypes)[number], 'build'>,
): CompiledJob => {
  const known = new Set([...(cx.interpolates ? optionKeys21 : optionKeys2), ...bareKeys[type]])
  for (const [name, { key }] of options.entries) {
    if (known.has(name) || matrix?.values.has(name)) continue
    const message = `"${job.slice(0, 80)}" is of type ${type} and takes no "${name.slice(0, 80)}"`
    const help = didYouMean(name, known)
    // Its platform ignores what it does not know of a gate. A slip in "requires" would open it too early.
    if (type === 'approval' && help === null)
      cx.problems.add('W_UNKNOWN_KEY', key, `${message}; it is ignored`)
    else cx.problems.add('E_ARGUMENT_UNEXPECTED', key, message, help)
  }
  return compileWithoutSteps(cx, type, options, at)
}

/** Its arguments are counted where they are bound. */
const countInvocation = ({ problems: { constructs }, interpolates }: Compiling, member: Member): void => {
  if (constructs === null) return
  const { at, job, options } = member
  constructs.honour(at, `invocation of ${job}`)
  const known = interpolates ? optionKeys21 : optionKeys2
  for (const [name, entry] of options?.entries ?? [])
    if (known.has(name)) constructs.honour(entry, `${name} of an invocation`)
}

const readContexts = (cx: Compiling, options: MapNode | null): readonly string[] => {
  const node = options && entryOf(options, 'context')
  if (!node) return []
  const names = [...new Set(readTexts(cx.problems, node, '"context"'))]
  if (names.length > limits.contextsMax)
    cx.problems.add('E_VALUE', node, `a job has at most ${limits.contextsMax} contexts`)
  return names
}

/** With `override-with: orb/job`, that job where the orb has it, else the one that is named. null: reported. */
const findJob = (cx: Compiling, member: Member): Element | null => {
  const { options } = member
  const override = cx.interpolates && options ? entryOf(options, 'override-with') : null
  const other = override && findReplacement(cx, override, member.job)
  if (other === 'reported') return null
  if (other) return other
  const own = cx.jobs.get(member.job)
  const found = own ? followAlias(cx, 'job', own) : cx.orbs.find('job', member.job, member.at)
  if (found === 'reported') return null
  return found ?? reportUnknownJob(cx, member)
}

const findReplacement = (cx: Compiling, node: SourceNode, job: string): Element | 'reported' | null => {
  const name = readText(cx.problems, node, '"override-with"')
  if (name === null) return 'reported'
  if (!name.includes('/')) {
    const message = `"override-with" names a job of an orb, as "orb/job", but is "${name.slice(0, 80)}"`
    cx.problems.add('E_VALUE', node, message)
    return 'reported'
  }
  const found = cx.orbs.replacement(name, node)
  if (found !== 'undeclared') return found
  const message = `"${name.slice(0, 80)}" names an orb that is not declared under "orbs"; the job "${job.slice(0, 80)}" stays as it is`
  cx.problems.add('W_ORB_UNDECLARED', node, message)
  return null
}

const reportUnknownJob = (cx: Compiling, member: Member): null => {
  const name = member.job.slice(0, 80)
  const help = () => didYouMean(member.job, cx.jobs.keys(), (near) => cx.jobs.get(near)?.key ?? null)
  cx.problems.add('E_JOB_UNKNOWN', member.at, `there is no job "${name}"`, help)
  return null
}

/** Jobs that no workflow invokes are read too, as far as that needs no arguments: what is wrong there only warns. */
const checkUnusedJobs = (cx: Compiling, used: ReadonlySet<string>): void => {
  for (const [name, definition] of cx.jobs) {
    const needsArguments = definition.value.kind === 'map' && definition.value.entries.has('parameters')
    if (used.has(name)) continue
    cx.problems.constructs?.judgeUnasked(definition, 'no workflow invokes it')
    if (needsArguments || isAlias(cx, definition)) continue
    const call = {
      args: noArguments,
      at: definition.key,
      from: cx,
      contexts: [],
      preSteps: null,
      postSteps: null,
    }
    cx.problems.asWarnings(() => compileJob(cx, definition, call))
  }
}

const checkUnusedGroups = (cx: Compiling, used: ReadonlySet<string>): void => {
  for (const [name, { key }] of cx.groups) {
    if (used.has(name)) continue
    cx.problems.constructs?.judge(key, 'ignored', 'no workflow invokes it')
    // As if a workflow did.
    cx.problems.asWarnings(() => compileJobs(cx, name, [key], { at: key, used: new Set(), log: null }))
  }
}
