// The job list of a workflow as members: one for a plain entry, one per combination for a matrix, each with the name
// it will carry (config-dialects.md §2.10).

import { limits } from '../../limits.ts'
import type { Spot } from '../../source/file.ts'
import {
  type Entry,
  entryOf,
  isNull,
  type MapNode,
  resolveScalar,
  type ScalarNode,
  type SourceNode,
} from '../../source/node.ts'
import { isName, listOrOne, readMap, readName, warnUnknownKeys } from '../../source/read.ts'
import type { Compiling } from './compiling.ts'
import { isEqual } from './condition.ts'
import { pipelineScope, substitute } from './substitute.ts'

export type MatrixValues = Readonly<Record<string, string | number | boolean>>

/** A job as a workflow will have it, before filters. */
export type Member = {
  /** The job that is invoked. */
  readonly job: string
  /** The name before repeats are numbered, and after. */
  readonly wanted: string
  readonly name: string
  readonly at: ScalarNode
  /** Substituted; null when the entry is a plain name. */
  readonly options: MapNode | null
  /** Arguments that come from the matrix, and the name that means all members of it. */
  readonly matrix: { readonly values: ReadonlyMap<string, Entry>; readonly alias: string } | null
  /** Set inside a job group: the options of the group's invocation. */
  readonly group?: { readonly options: MapNode | null; readonly gate: Gate | null }
}

/** What stands around the jobs of a group. */
export type Gate = {
  readonly is: 'entry' | 'exit' | 'unlock'
  readonly kind: 'noop' | 'lock' | 'unlock'
  readonly lock?: string
}

type Unnamed = Omit<Member, 'name'>

export const readMembers = (cx: Compiling, entries: readonly SourceNode[], at: Spot): readonly Member[] => {
  const members: Unnamed[] = []
  for (const node of entries) {
    members.push(...readEntry(cx, node))
    if (members.length > limits.jobsMax) {
      cx.problems.add('E_TOO_MANY_JOBS', at, `the workflow has more than ${limits.jobsMax} jobs`)
      break
    }
  }
  return numberRepeats(members.slice(0, limits.jobsMax)).filter((member) =>
    isName(cx.problems, member.at, member.name, 'the name of a job'),
  )
}

const readEntry = (cx: Compiling, node: SourceNode): readonly Unnamed[] => {
  const plain = (at: ScalarNode): Unnamed => ({
    job: at.text,
    wanted: at.text,
    at,
    options: null,
    matrix: null,
  })
  if (node.kind === 'scalar' && !isNull(node)) {
    const name = substitute(cx, node, pipelineScope)
    return name.kind === 'scalar' ? [plain(name)] : []
  }
  const entries = node.kind === 'map' ? [...node.entries.values()] : []
  const [entry, second] = entries
  if (!entry || second) {
    const message = 'an entry of "jobs" is a name, or a map with one name'
    const help =
      second && isNull(entry?.value ?? node) ? 'indent the keys below the name of the job deeper' : null
    cx.problems.add('E_STEP_SHAPE', second?.key ?? node, message, help)
    return []
  }
  const at = entry.key.templated ? substitute(cx, entry.key, pipelineScope) : entry.key
  if (at.kind !== 'scalar') return []
  if (isNull(entry.value)) return [plain(at)]
  const options = readMap(cx.problems, entry.value, `the options of "${at.text.slice(0, 80)}"`)
  if (!options) return []
  const matrix = cx.interpolates ? entryOf(options, 'matrix') : null
  return matrix ? expandMatrix(cx, at, options, matrix) : [single(cx, at, options)]
}

const single = (cx: Compiling, at: ScalarNode, options: MapNode): Unnamed => {
  const own = substituteOptions(cx, options, new Map(), null)
  return { job: at.text, wanted: explicitName(cx, own) ?? at.text, at, options: own, matrix: null }
}

const explicitName = (cx: Compiling, options: MapNode): string | null => {
  const node = entryOf(options, 'name')
  return node && readName(cx.problems, node, '"name"')
}

/** `when` and `filters` as text are expressions of their own and stay as written unless they hold a `<<`. */
const substituteOptions = (
  cx: Compiling,
  options: MapNode,
  args: ReadonlyMap<string, Entry>,
  matrix: ReadonlyMap<string, SourceNode> | null,
): MapNode => {
  const entries = new Map(options.entries)
  if (cx.interpolates) entries.delete('matrix')
  const own = substitute(cx, { ...options, entries }, { parameters: new Map(), matrix })
  if (own.kind !== 'map' || args.size === 0) return own.kind === 'map' ? own : options
  return { ...own, entries: new Map([...own.entries, ...args]) }
}

export const matrixKeys = new Set(['parameters', 'exclude', 'alias'])

type Combination = ReadonlyMap<string, Entry>

const expandMatrix = (
  cx: Compiling,
  at: ScalarNode,
  options: MapNode,
  node: SourceNode,
): readonly Unnamed[] => {
  const matrix = readMap(cx.problems, substitute(cx, node, pipelineScope), '"matrix"')
  const parametersNode = matrix && entryOf(matrix, 'parameters')
  const parameters = parametersNode && readMap(cx.problems, parametersNode, '"parameters" of a matrix')
  if (matrix && !parametersNode) cx.problems.add('E_MATRIX', matrix, 'a matrix needs "parameters"')
  if (!matrix || !parameters) return []
  cx.problems.constructs?.honour(options.entries.get('matrix') ?? node, 'matrix of an invocation')
  warnUnknownKeys(cx.problems, matrix, matrixKeys, '"matrix"')
  for (const [name, { key }] of parameters.entries)
    if (options.entries.has(name))
      cx.problems.add('E_MATRIX', key, `"${name}" is given both in the matrix and beside it`)
  const combinations = exclude(cx, matrix, combine(cx, parameters))
  const aliasNode = entryOf(matrix, 'alias')
  const alias = (aliasNode && readName(cx.problems, aliasNode, '"alias"')) ?? at.text
  return combinations.map((values) => {
    const scope = new Map([...values].map(([name, { value }]) => [name, value]))
    const own = substituteOptions(cx, options, values, scope)
    return {
      job: at.text,
      wanted: explicitName(cx, own) ?? memberName(at.text, values),
      at,
      options: own,
      matrix: { values, alias },
    }
  })
}

/** The Cartesian product; the first parameter varies slowest. */
const combine = (cx: Compiling, parameters: MapNode): Combination[] => {
  let combinations: Combination[] = [new Map()]
  for (const [name, { key, value }] of parameters.entries) {
    if (isNull(value)) {
      const message = `"${name.slice(0, 80)}" has no value here; the matrix makes no jobs`
      cx.problems.add('W_UNSET_VALUE', key, message)
      return []
    }
    const values = listOrOne(value)
    if (value.kind !== 'list')
      cx.problems.add(
        'W_DEPRECATED',
        value,
        `the values of "${name.slice(0, 80)}" are a list; one value is taken as a list of one`,
      )
    if (values.length === 0) cx.problems.add('E_MATRIX', value, `"${name.slice(0, 80)}" has no values`)
    if (combinations.length * values.length > limits.jobsMax) {
      cx.problems.add('E_TOO_MANY_JOBS', key, `the matrix makes more than ${limits.jobsMax} jobs`)
      return []
    }
    combinations = combinations.flatMap((before) =>
      values.map((item) => new Map(before).set(name, { key, value: item })),
    )
  }
  return combinations
}

/** In characters: each exclusion is compared with each combination. */
const comparisonCost = 16

/** An exclusion names a value for every parameter, compared with its type. */
const exclude = (
  cx: Compiling,
  matrix: MapNode,
  combinations: readonly Combination[],
): readonly Combination[] => {
  const node = entryOf(matrix, 'exclude')
  const exclusions = (node ? listOrOne(node) : []).flatMap(
    (item) => readMap(cx.problems, item, 'an entry of "exclude"') ?? [],
  )
  const hits = (exclusion: MapNode, combination: Combination): boolean =>
    exclusion.entries.size === combination.size &&
    [...combination].every(([name, { value }]) => {
      const other = exclusion.entries.get(name)
      return other !== undefined && isEqual(value, other.value)
    })
  for (const exclusion of exclusions) {
    if (!cx.work.spend(comparisonCost * combinations.length, exclusion)) return []
    if (combinations.length > 0 && !combinations.some((combination) => hits(exclusion, combination))) {
      const isPartial = exclusion.entries.size < (combinations[0]?.size ?? 0)
      const message = isPartial
        ? 'an exclusion names all parameters of the matrix'
        : 'no combination is equal to this one'
      cx.problems.add('W_MATRIX_EXCLUDE', exclusion, `${message}; it excludes nothing`)
    }
  }
  return combinations.filter((combination) => !exclusions.some((exclusion) => hits(exclusion, combination)))
}

/** Values in the order of their parameters' names, not of their declaration. */
const memberName = (job: string, values: Combination): string => {
  const names = [...values.keys()].sort((a, b) => (a < b ? -1 : 1))
  return [job, ...names.map((name) => valueName(values.get(name)?.value))].join('-')
}

const valueName = (node: SourceNode | undefined): string => {
  if (node?.kind === 'scalar') return node.text
  const name = node?.kind === 'map' ? entryOf(node, 'name') : null
  return name?.kind === 'scalar' ? name.text : 'list'
}

/** For display: scalars as they are, executors by name. */
export const matrixValues = (values: Combination): MatrixValues => {
  const out: Record<string, string | number | boolean> = Object.create(null)
  for (const [name, { value }] of values) {
    const scalar = value.kind === 'scalar' ? resolveScalar(value) : null
    const isPlain = scalar?.type === 'integer' || scalar?.type === 'boolean'
    out[name] = isPlain ? scalar.value : valueName(value)
  }
  return out
}

/** The same name several times becomes `name-1`, `name-2` …, in the order of the list. */
const numberRepeats = (members: readonly Unnamed[]): readonly Member[] => {
  const count = new Map<string, number>()
  for (const { wanted } of members) count.set(wanted, (count.get(wanted) ?? 0) + 1)
  const taken = new Set([...count].filter(([, n]) => n === 1).map(([name]) => name))
  const next = new Map<string, number>()
  return members.map((member) => {
    if (count.get(member.wanted) === 1) return { ...member, name: member.wanted }
    let number = next.get(member.wanted) ?? 1
    while (taken.has(`${member.wanted}-${number}`)) number++
    next.set(member.wanted, number + 1)
    const name = `${member.wanted}-${number}`
    taken.add(name)
    return { ...member, name }
  })
}
