// Dynamic configuration (config-dialects.md §2.12) as far as it can be known before anything runs: a setup workflow that
// does nothing but choose parameters by what changed, and continue with files of the repository, is carried out here.
// The plan is that of the continuation. What a job would have to compute first is planned with a step that says so.

import type { PlanInputs, PlanStep, PlanWorkflow } from '../../../protocol/plan.ts'
import { loadYaml } from '../../source/load.ts'
import { type Entry, entryOf, type MapNode, mapNode, type SourceNode } from '../../source/node.ts'
import { readMap, readText } from '../../source/read.ts'
import { builtInPath } from './built-in-orbs.ts'
import type { Compiling, SetupStep } from './compiling.ts'
import type { OrbText } from './orb-source.ts'
import { declaredParameterTypes } from './parameters.ts'

type Value = string | number | boolean

const stepNames: ReadonlySet<string> = new Set(['filter-paths', 'continue-with'])

/** null: no step of ours. The names mean something in the bodies of built-in orbs only. */
export const readSetupStep = (
  cx: Compiling,
  name: string,
  at: SourceNode,
  node: SourceNode | null,
): PlanStep | null => {
  if (!stepNames.has(name) || !at.file.path.startsWith(builtInPath) || node?.kind !== 'map') return null
  const text = (key: string) => {
    const value = entryOf(node, key)
    return (value && readText(cx.problems, value, `"${key}"`)) ?? ''
  }
  if (name === 'continue-with')
    cx.setup.push({ kind: 'continue', at, path: text('path'), parameters: text('parameters') })
  else cx.setup.push({ kind: 'filter', at, mapping: text('mapping'), exclude: text('exclude') })
  const reason = 'continuing after other steps is not carried out yet by this version of Mayfly'
  return { kind: 'refused', name, when: 'on_success', what: name, reason }
}

export type Continuation = {
  readonly root: MapNode
  readonly parameters: PlanInputs['parameters']
  readonly sources: readonly OrbText[]
}

type Asked = {
  readonly isSetup: boolean
  readonly files: ReadonlyMap<string, string>
  /** null: nobody knows what changed. */
  readonly changed: readonly string[] | null
  readonly inputs: PlanInputs
}

/** null: something has to run first, or it is reported. */
export const continueSetup = (
  cx: Compiling,
  workflows: readonly PlanWorkflow[],
  asked: Asked,
): Continuation | null => {
  const [, second] = workflows
  if (asked.isSetup && second) {
    const message = `a setup configuration runs one workflow, but this event starts ${workflows.length}`
    cx.problems.add('E_VALUE', entryOf(cx.root, 'workflows') ?? cx.root, message, 'give all but one a "when"')
    return null
  }
  const continues = cx.setup.filter((step) => step.kind === 'continue')
  const [only, more] = continues
  if (!asked.isSetup || !only || more || !isOnlySetup(workflows)) {
    if (workflows.length > 0) reportLater(cx, asked.isSetup)
    return null
  }
  const filters = cx.setup.filter((step) => step.kind === 'filter')
  const chosen: Chosen = { parameters: new Map(), files: [] }
  for (const filter of filters) choose(cx, filter, asked.changed, chosen)
  for (const [name, value] of readJson(cx, only)) chosen.parameters.set(name, value)
  const paths = chosen.files.length > 0 ? chosen.files : [only.path]
  const sources = paths.flatMap((path) => readSource(cx, only.at, path, asked.files) ?? [])
  const roots = sources.flatMap(({ path, text }) => rootOf(cx, path, text) ?? [])
  if (roots.length < paths.length) return null
  const root = merge(roots)
  const parameters = combine(cx, only.at, { root, given: asked.inputs.parameters, chosen: chosen.parameters })
  return { root, parameters, sources }
}

const isOnlySetup = ([workflow, another]: readonly PlanWorkflow[]): boolean =>
  workflow !== undefined &&
  another === undefined &&
  workflow.jobs.length === 1 &&
  (workflow.jobs[0]?.spec?.steps ?? []).every(
    (step) => step.kind === 'checkout' || (step.kind === 'refused' && stepNames.has(step.what)),
  )

const reportLater = (cx: Compiling, isSetup: boolean): void => {
  const setup = cx.root.entries.get('setup')?.key ?? cx.root
  const message =
    'a setup configuration whose jobs do more than choose and continue is planned, and not continued yet'
  if (isSetup) cx.problems.add('W_NOT_CARRIED_OUT', setup, message)
  for (const { at, kind } of cx.setup)
    cx.problems.add(
      'W_STEP_REFUSED',
      at,
      `to ${kind} after other steps is not carried out yet; the job will stop there`,
    )
}

type Chosen = { readonly parameters: Map<string, Value>; readonly files: string[] }

/** Each line: a regular expression, a parameter and its JSON value, and perhaps a file; or an expression and a file. */
const choose = (
  cx: Compiling,
  { at, mapping, exclude }: Extract<SetupStep, { kind: 'filter' }>,
  changed: readonly string[] | null,
  chosen: Chosen,
): void => {
  const matches = (pattern: string, path: string) =>
    cx.patterns.read(pattern, at)?.matchesWhole(path) === true
  const excluded = exclude.split('\n').flatMap((line) => line.trim() || [])
  const kept = changed?.filter((path) => !excluded.some((pattern) => matches(pattern, path)))
  if (!kept) {
    const message = 'which files changed is not known here: every line of the mapping counts as matched'
    cx.problems.add('W_NOT_CARRIED_OUT', at, message)
  }
  for (const line of mapping.split('\n')) {
    const [pattern, ...rest] = line.trim().split(/\s+/)
    if (!pattern || pattern.startsWith('#')) continue
    const isHit = kept ? kept.some((path) => matches(pattern, path)) : cx.patterns.read(pattern, at) !== null
    if (isHit) take(cx, at, rest, chosen)
  }
}

const take = (
  cx: Compiling,
  at: SourceNode,
  [name, value, file]: readonly string[],
  { parameters, files }: Chosen,
) => {
  const path = value === undefined ? name : file
  if (path !== undefined && !files.includes(path)) files.push(path)
  if (name === undefined || value === undefined) return
  const parsed = parseJson(value)
  if (isValue(parsed)) parameters.set(name, parsed)
  else
    cx.problems.add(
      'E_VALUE',
      at,
      `the value of "${name.slice(0, 80)}" in the mapping is not a JSON text, number or boolean`,
    )
}

const readJson = (
  cx: Compiling,
  { at, parameters }: Extract<SetupStep, { kind: 'continue' }>,
): readonly (readonly [string, Value])[] => {
  const parsed = parseJson(parameters.trim() === '' ? '{}' : parameters)
  const entries = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : null
  if (entries?.every((entry): entry is [string, Value] => isValue(entry[1]))) return entries
  cx.problems.add(
    'E_VALUE',
    at,
    'the parameters of a continuation are a JSON object of texts, numbers and booleans',
  )
  return []
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isValue = (value: unknown): value is Value =>
  typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)

const readSource = (
  cx: Compiling,
  at: SourceNode,
  path: string,
  files: ReadonlyMap<string, string>,
): OrbText | null => {
  const name = path.replace(/^\.\//, '')
  const text = files.get(name)
  if (text !== undefined) return { id: name, path: name, text }
  const message = `the configuration continues with "${path.slice(0, 200)}", which is not in the repository`
  cx.problems.add('E_CONFIG_MISSING', at, message, 'files below .circleci are read')
  return null
}

const rootOf = (cx: Compiling, path: string, text: string): MapNode | null => {
  const document = loadYaml(path, text, cx.problems)
  const root = document && readMap(cx.problems, document, 'the configuration')
  const setup = root && entryOf(root, 'setup')
  if (setup?.kind !== 'scalar' || setup.text !== 'true') return root
  cx.problems.add('E_VALUE', setup, 'a continuation cannot be a setup configuration itself')
  return null
}

/** Of several files: the definitions of all of them, a later one in place of an earlier one of the same name. */
const merge = (roots: readonly MapNode[]): MapNode => {
  const [first, ...others] = roots as readonly [MapNode, ...MapNode[]]
  if (others.length === 0) return first
  const entries = new Map<string, Entry>(first.entries)
  for (const root of others)
    for (const [name, { key, value }] of root.entries) {
      const known = entries.get(name)?.value
      const joined =
        known?.kind === 'map' && value.kind === 'map'
          ? mapNode(known, new Map([...known.entries, ...value.entries]))
          : value
      entries.set(name, { key, value: joined })
    }
  return mapNode(first, entries)
}

/** What the run was started with counts where the continuation knows the name; both may not say different things. */
const combine = (
  cx: Compiling,
  at: SourceNode,
  {
    root,
    given,
    chosen,
  }: {
    readonly root: MapNode
    readonly given: PlanInputs['parameters']
    readonly chosen: ReadonlyMap<string, Value>
  },
): PlanInputs['parameters'] => {
  const declared = declaredParameterTypes(root)
  const all = new Map(Object.entries(given).filter(([name]) => declared.has(name)))
  for (const [name, value] of chosen) {
    const other = all.get(name)
    if (other !== undefined && other !== value)
      cx.problems.add(
        'E_ARGUMENT_UNEXPECTED',
        at,
        `conflicting pipeline parameters: "${name.slice(0, 80)}" is given twice`,
      )
    all.set(name, value)
  }
  return Object.fromEntries(all)
}
