// The CircleCI dialect: versions 2, 2.0 and 2.1 (config-dialects.md §2). One document in, workflows out; the stages
// are version, definitions, pipeline values and parameters, orbs, workflows with everything they invoke.

import type { PlanInputs, PlanParameter, PlanSchedule, PlanWorkflow } from '../../../protocol/plan.ts'
import { createPatterns } from '../../pattern/pattern.ts'
import type { OriginMarks } from '../../plan/origins.ts'
import type { SelectionLog } from '../../plan/selection.ts'
import type { WorkMeter } from '../../plan/work.ts'
import type { Problems } from '../../problems.ts'
import { computedNode, entryOf, isNull, type MapNode, type SourceNode } from '../../source/node.ts'
import { readBoolean, readMap } from '../../source/read.ts'
import { type Compiling, noOrbs, readDefinitions } from './compiling.ts'
import { continuationParameters, followSetup, readContinuation } from './continuation.ts'
import { createOrbSource, type OrbText } from './orb-source.ts'
import { createOrbLibrary } from './orbs.ts'
import { addPipelineParameters, declaredParameterTypes } from './parameters.ts'
import { createPipelineValues } from './pipeline.ts'
import { pipelineTakes } from './takes.ts'
import { createTemplates } from './template.ts'
import { compileWorkflows } from './workflows.ts'

export { readContinuation } from './continuation.ts'
export { checkOrb } from './orb-check.ts'
export { type OrbPin, orbPins } from './orb-pins.ts'
export { chooseByText, type PathMapping } from './path-mapping.ts'
export { declaredParameterTypes }

export type CircleciInput = {
  readonly document: SourceNode
  readonly inputs: PlanInputs
  readonly problems: Problems
  readonly origins: OriginMarks
  readonly work: WorkMeter
  readonly shown: Set<string>
  readonly selection: SelectionLog | null
  /** Of a setup configuration also what it goes on with, as far as that can be known before it runs. */
  readonly followsSetup: boolean
  /** Paths that changed since the base revision; null when nobody knows. */
  readonly changed: readonly string[] | null
  /** The repository's files, for the orbs it brings along. */
  readonly files: ReadonlyMap<string, string>
  /** Registry orbs of the installation by exact id, `namespace/orb@1.2.3`. */
  readonly orbs: ReadonlyMap<string, string>
}

/** What the jobs of a setup configuration came to; `parameters` is JSON. */
export type ContinuedWith = {
  readonly sources: readonly { readonly path: string; readonly text: string }[]
  readonly parameters: string
}

export type Compiled = {
  readonly workflows: readonly PlanWorkflow[]
  readonly isSetup: boolean
  readonly parameters: PlanInputs['parameters']
  readonly schedules: readonly PlanSchedule[]
  /** What the plan was made from beside the configuration. */
  readonly orbs: readonly OrbText[]
  /** null: nobody can tell. */
  readonly takes: readonly PlanParameter[] | null
}

export const compileCircleci = (input: CircleciInput): Compiled => {
  const { document, problems } = input
  const root = isNull(document) ? null : readMap(problems, document, 'the configuration')
  if (isNull(document)) problems.add('E_CONFIG_EMPTY', document, 'the configuration is empty')
  return root ? compileWhole(input, root) : nothing
}

export const compileContinuation = (input: RootInput, { sources, parameters }: ContinuedWith): Compiled => {
  const { problems, inputs } = input
  const root = readContinuation(problems, sources)
  if (root === null) return nothing
  const given = continuationParameters(problems, root, { given: inputs.parameters, passed: parameters })
  const { compiled } = compileRoot(
    { ...input, inputs: { ...inputs, parameters: given }, isContinuation: true },
    root,
  )
  // What begins by itself begins with the setup, which has no schedules, and so does what somebody starts.
  return { ...compiled, schedules: [], takes: null }
}

const nothing: Compiled = {
  ...{ workflows: [], isSetup: false, parameters: {}, schedules: [], orbs: [], takes: null },
}

/** A setup configuration starts one workflow, and may be followed by what it goes on with. */
const compileWhole = (input: CircleciInput, root: MapNode): Compiled => {
  const { problems, inputs } = input
  const { project, compiled } = compileRoot(input, root)
  const { workflows } = compiled
  if (!compiled.isSetup) return compiled
  if (workflows.length > 1) {
    const message = `a setup configuration runs one workflow, but this event starts ${workflows.length}`
    problems.add('E_VALUE', entryOf(root, 'workflows') ?? root, message, 'give all but one a "when"')
  }
  const next = input.followsSetup && !problems.hasErrors() ? followSetup(project, workflows, input) : null
  if (next === null) return compiled
  const parameters = { ...input, inputs: { ...inputs, parameters: next.parameters } }
  const after = compileRoot({ ...parameters, isContinuation: true }, next.root).compiled
  return {
    ...compiled,
    workflows: [...workflows, ...after.workflows],
    orbs: [...compiled.orbs, ...next.sources, ...after.orbs],
  }
}

type RootInput = Omit<CircleciInput, 'document' | 'changed' | 'followsSetup'> & {
  readonly isContinuation?: true
}
const compileRoot = (
  input: RootInput,
  root: MapNode,
): { readonly project: Compiling; readonly compiled: Compiled } => {
  const { inputs, problems, origins, work, shown } = input
  const interpolates = readVersion(problems, root) !== '2.0'
  const isOfSetup = interpolates && isSetup(problems, root)
  const values = createPipelineValues(inputs, root)
  values.set('pipeline.in_setup', computedNode(root, { type: 'boolean', value: isOfSetup }))
  const pipeline = new Map<string, SourceNode>(values)
  const project: Compiling = {
    problems,
    origins,
    work,
    shown,
    patterns: createPatterns(problems, work),
    templates: createTemplates(),
    selection: input.selection,
    event: inputs.event,
    root,
    interpolates,
    jobs: readDefinitions(problems, root, 'jobs'),
    commands: interpolates ? readDefinitions(problems, root, 'commands') : new Map(),
    executors: interpolates ? readDefinitions(problems, root, 'executors') : new Map(),
    groups: interpolates ? readDefinitions(problems, root, 'job-groups') : new Map(),
    orbs: noOrbs,
    isSetup: isOfSetup,
    isContinuation: input.isContinuation === true,
    setup: [],
    schedules: [],
    homes: new WeakMap(),
    callers: new WeakMap(),
    pipeline,
  }
  checkRoot(project)
  addPipelineParameters(project, pipeline, inputs.parameters)
  checkJobNames(project)
  const library = createOrbLibrary(createOrbSource(input.files, input.orbs), values)
  const workflows = compileWorkflows({ ...project, orbs: library.table(project) })
  library.report(problems)
  judgeUnused(project)
  const compiled = {
    ...{ workflows, isSetup: project.isSetup, parameters: inputs.parameters },
    ...{ schedules: project.schedules, orbs: library.opened(), takes: pipelineTakes(project) },
  }
  return { project, compiled }
}

const isSetup = (problems: Problems, root: MapNode): boolean => {
  const setup = entryOf(root, 'setup')
  return setup !== null && readBoolean(problems, setup, '"setup"') === true
}

/** Without a usable version the rest is read as 2.1, so that its problems are found as well. */
const readVersion = (problems: Problems, root: MapNode): '2.0' | '2.1' => {
  const node = entryOf(root, 'version')
  const text = node?.kind === 'scalar' ? node.text.trim() : null
  if (text === '2' || text === '2.0') return '2.0'
  if (text === '2.1') return '2.1'
  const isConfig = ['jobs', 'workflows', 'orbs'].some((key) => root.entries.has(key))
  const help = 'write "version: 2.1" at the top of the file'
  if (node)
    problems.add(
      'E_VERSION',
      node,
      `the version must be 2, 2.0 or 2.1, but is ${text ?? `a ${node.kind}`}`,
      help,
    )
  else if (isConfig) problems.add('E_VERSION', root, 'the configuration has no "version"', help)
  else
    problems.add(
      'E_VERSION',
      root,
      'this is no configuration: there is no "version" and there are no "jobs"',
      help,
    )
  return '2.1'
}

/** Whatever else stands there holds anchors. */
export const rootKeys = [
  'version',
  'setup',
  'orbs',
  'parameters',
  'commands',
  'executors',
  'jobs',
  'job-groups',
  'workflows',
] as const

const needs21 = ['orbs', 'commands', 'executors', 'parameters', 'job-groups']

const rootNames: ReadonlySet<string> = new Set(rootKeys)

const checkRoot = (cx: Compiling): void => {
  const { constructs } = cx.problems
  for (const [name, entry] of constructs ? cx.root.entries : [])
    if (rootNames.has(name)) constructs?.honour(entry, name)
    else constructs?.judgeUnasked(entry, 'it means nothing at the top of a file')
  if (cx.interpolates) return
  for (const key of needs21) {
    const entry = cx.root.entries.get(key)
    if (entry) cx.problems.add('W_NEEDS_21', entry.key, `"${key}" needs version 2.1; it is ignored`)
  }
  // Without it the file would be another one than its author meant.
  if (isSetup(cx.problems, cx.root))
    cx.problems.add(
      'E_VERSION',
      entryOf(cx.root, 'setup') ?? cx.root,
      'a setup configuration needs version 2.1',
    )
}

/** Definitions that nothing asked for. Jobs are judged where it is known that no workflow invokes them. */
const judgeUnused = ({ problems: { constructs }, commands, executors, groups }: Compiling): void => {
  for (const entry of constructs ? [...commands.values(), ...executors.values(), ...groups.values()] : [])
    if (!constructs?.has(entry.key)) constructs?.judgeUnasked(entry, 'nothing uses it')
}

const checkJobNames = (cx: Compiling): void => {
  const folded = new Map<string, string>()
  for (const [name, { key }] of cx.jobs) {
    if (name.trim() === '' || name.includes('/'))
      cx.problems.add(
        'E_VALUE',
        key,
        `"${name.slice(0, 80)}" cannot name a job: a name is not empty and has no "/"`,
      )
    const other = folded.get(name.toLowerCase())
    if (other !== undefined)
      cx.problems.add(
        'W_JOB_NAME',
        key,
        `the jobs "${other}" and "${name}" differ only in upper and lower case`,
      )
    folded.set(name.toLowerCase(), name)
  }
}
