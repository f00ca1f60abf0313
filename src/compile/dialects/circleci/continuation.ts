// Dynamic configuration (config-dialects.md §2.12). What a setup configuration goes on with is a configuration of its own,
// of one file or several, with the parameters that its jobs chose. As far as these do nothing but choose by paths and name
// files of the repository, it can be followed before anything runs: for those who look at a configuration, not for a run.

import type {
  PlanContinueStep,
  PlanFilterStep,
  PlanInputs,
  PlanMergeStep,
  PlanSetupStep,
  PlanWorkflow,
} from '../../../protocol/plan.ts'
import type { Problems } from '../../problems.ts'
import { loadYaml } from '../../source/load.ts'
import {
  type Entry,
  entryOf,
  type MapNode,
  mapNode,
  resolveBoolean,
  type SourceNode,
} from '../../source/node.ts'
import { readMap } from '../../source/read.ts'
import type { Compiling, SetupStep } from './compiling.ts'
import type { OrbText } from './orb-source.ts'
import { declaredParameterTypes } from './parameters.ts'
import { chooseByPaths, isValue, parseJson, type Value } from './path-mapping.ts'

export type Continuation = {
  readonly root: MapNode
  readonly parameters: PlanInputs['parameters']
  readonly sources: readonly OrbText[]
}

type Asked = {
  readonly files: ReadonlyMap<string, string>
  /** null: nobody knows what changed. */
  readonly changed: readonly string[] | null
  readonly inputs: PlanInputs
}

/** null: something has to run first, or it is reported. */
export const followSetup = (
  cx: Compiling,
  workflows: readonly PlanWorkflow[],
  { files, changed, inputs }: Asked,
): Continuation | null => {
  const [only, ...more] = cx.setup.filter(isContinue)
  if (!only || more.length > 0 || !doesOnlyThat(workflows)) {
    if (workflows.length > 0) reportLater(cx)
    return null
  }
  const { path } = only.step
  if (path === null) return null
  const filters = cx.setup.filter(isFilter)
  const isLater = ({ step }: (typeof filters)[number]): boolean =>
    variableForm.test(`${step.mapping}\n${step.exclude}\n${step.file ?? ''}`) ||
    isElsewhere(step.mapping, files)
  if (filters.some(isLater)) {
    reportLater(cx)
    return null
  }
  const chosen = filters.map((filter) => chosenBy(cx, filter, { changed, files }))
  const parameters = new Map([
    ...chosen.flatMap((choice) => [...choice.parameters]),
    ...(chosen.length > 0 ? [] : readParameters(cx.problems, only.at, only.step.parameters)),
    ...(only.step.changed === undefined || changed === null || changed.length === 0
      ? []
      : [[only.step.changed.parameter, changed.join(',')] as const]),
  ])
  const list = only.step.filesPath ?? cx.setup.map(({ step }) => step).find(isMergedInto(path))?.filesPath
  const named = [...new Set(chosen.flatMap((choice) => (choice.list === list ? choice.files : [])))]
  const paths = named.length > 0 ? named : [path]
  const sources = paths.flatMap((each) => readSource(cx, only.at, each, files) ?? [])
  const root = sources.length < paths.length ? null : readContinuation(cx.problems, sources)
  if (root === null) return null
  return {
    root,
    sources,
    parameters: combine(cx.problems, only.at, { root, given: inputs.parameters, parameters }),
  }
}

/** One word maps nothing to anything: it is the name of a file, and that is not below `.circleci`. */
const isElsewhere = (mapping: string, files: Asked['files']): boolean =>
  /^\S+$/.test(mapping.trim()) && !files.has(fileName(mapping))

const fileName = (text: string): string => text.trim().replace(/^\.\//, '')

const isContinue = (asked: SetupStep): asked is SetupStep & { readonly step: PlanContinueStep } =>
  asked.step.kind === 'continue'
const isFilter = (asked: SetupStep): asked is SetupStep & { readonly step: PlanFilterStep } =>
  asked.step.kind === 'filter-paths'

const isMergedInto =
  (path: string) =>
  (step: PlanSetupStep): step is PlanMergeStep =>
    step.kind === 'merge-configs' && step.path === path

const followed: ReadonlySet<string> = new Set(['checkout', 'filter-paths', 'merge-configs', 'continue'])

/** What only a job can fill in (runner/setup/with-variables.ts). */
const variableForm = /\$(?:[A-Za-z_]|\{)/

const doesOnlyThat = ([workflow, another]: readonly PlanWorkflow[]): boolean =>
  workflow !== undefined &&
  another === undefined &&
  workflow.jobs.length === 1 &&
  (workflow.jobs[0]?.spec?.steps ?? []).every(({ kind }) => followed.has(kind))

const reportLater = (cx: Compiling): void => {
  const setup = cx.root.entries.get('setup')?.key ?? cx.root
  cx.problems.add('N_SETUP', setup, 'what this configuration goes on with is known when its jobs have run')
}

const chosenBy = (
  cx: Compiling,
  { at, step }: { readonly at: SourceNode; readonly step: PlanFilterStep },
  { changed, files }: Pick<Asked, 'changed' | 'files'>,
) => {
  if (changed === null) {
    const message = 'which files changed is not known here: every line of the mapping counts as matched'
    cx.problems.add('N_SETUP', at, message)
  }
  const inFile = (text: string): string => files.get(fileName(text)) ?? text
  const mapping = { mapping: inFile(step.mapping), exclude: inFile(step.exclude) }
  const choice = chooseByPaths({ problems: cx.problems, spotOf: () => at }, mapping, changed)
  const byDefault = step.file === undefined ? [] : [step.file]
  return { ...choice, files: choice.files.length > 0 ? choice.files : byDefault, list: step.filesPath }
}

/** The JSON that a continuation was given. */
const readParameters = (
  problems: Problems,
  at: SourceNode,
  text: string,
): readonly (readonly [string, Value])[] => {
  const parsed = parseJson(text.trim() === '' ? '{}' : text)
  const entries =
    typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? Object.entries(parsed) : null
  if (entries?.every((entry): entry is [string, Value] => isValue(entry[1]))) return entries
  const message = 'the parameters of a continuation are a JSON object of texts, whole numbers and booleans'
  problems.add('E_VALUE', at, message)
  return []
}

const readSource = (
  cx: Compiling,
  at: SourceNode,
  path: string,
  files: ReadonlyMap<string, string>,
): OrbText | null => {
  const name = path.replace(/^\.\//, '')
  const text = files.get(name)
  if (text !== undefined) return { id: name, path: name, text }
  if (!name.startsWith('.circleci/')) reportLater(cx)
  else {
    const message = `the configuration continues with "${path.slice(0, 200)}", which is not in the repository`
    cx.problems.add('E_CONFIG_MISSING', at, message, 'files below .circleci are read')
  }
  return null
}

/** Of several files what all of them say, a later one in place of an earlier one. null: reported. */
export const readContinuation = (
  problems: Problems,
  sources: readonly { readonly path: string; readonly text: string }[],
): MapNode | null => {
  const roots = sources.flatMap(({ path, text }) => rootOf(problems, path, text) ?? [])
  const [first, ...others] = roots
  if (first === undefined || roots.length < sources.length) return null
  return others.reduce(merge, first)
}

const rootOf = (problems: Problems, path: string, text: string): MapNode | null => {
  const document = loadYaml(path, text, problems)
  const root = document && readMap(problems, document, 'the configuration')
  const setup = root && entryOf(root, 'setup')
  if (setup?.kind !== 'scalar' || resolveBoolean(setup) !== true) return root
  problems.add('E_VALUE', setup, 'a continuation cannot be a setup configuration itself')
  return null
}

const merge = (into: MapNode, root: MapNode): MapNode => {
  const entries = new Map<string, Entry>(into.entries)
  for (const [name, { key, value }] of root.entries) {
    const known = entries.get(name)?.value
    entries.set(name, {
      key,
      value: known?.kind === 'map' && value.kind === 'map' ? merge(known, value) : value,
    })
  }
  return mapNode(into, entries)
}

/** With what its run was started with, which counts where the continuation knows the name. */
export const continuationParameters = (
  problems: Problems,
  root: MapNode,
  { given, passed }: { readonly given: PlanInputs['parameters']; readonly passed: string },
): PlanInputs['parameters'] =>
  combine(problems, root, { root, given, parameters: new Map(readParameters(problems, root, passed)) })

/** Both may not say different things. */
const combine = (
  problems: Problems,
  at: SourceNode,
  {
    root,
    given,
    parameters,
  }: {
    readonly root: MapNode
    readonly given: PlanInputs['parameters']
    readonly parameters: ReadonlyMap<string, Value>
  },
): PlanInputs['parameters'] => {
  const declared = declaredParameterTypes(root)
  const all = new Map(Object.entries(given).filter(([name]) => declared.has(name)))
  for (const [name, value] of parameters) {
    const other = all.get(name)
    if (other !== undefined && other !== value) {
      const message = `conflicting pipeline parameters: "${name.slice(0, 80)}" is given twice`
      problems.add('E_ARGUMENT_UNEXPECTED', at, message)
    }
    all.set(name, value)
  }
  return Object.fromEntries(all)
}
