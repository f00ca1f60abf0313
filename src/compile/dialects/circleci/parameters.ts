// Parameters of jobs, commands, executors and the pipeline (config-dialects.md §2.3): their declarations, and binding
// arguments to them with their types. A bound value is a node that stands for itself: nothing in it is scanned again.

import {
  enumWords,
  parameterWords,
  pipelineLabel,
  shownText,
  tooLong,
  unknownArgument,
  wrongArgument,
} from '../../../protocol/pipeline-parameters.ts'
import { limits } from '../../limits.ts'
import type { Spot } from '../../source/file.ts'
import {
  computedNode,
  describe,
  type Entry,
  entryOf,
  isNull,
  type MapNode,
  resolveBoolean,
  resolveScalar,
  type ScalarNode,
  type SourceNode,
} from '../../source/node.ts'
import { listOrOne, readMap, readOneOf, readText, warnUnknownKeys } from '../../source/read.ts'
import { didYouMean } from '../../suggest.ts'
import type { Compiling, Reading } from './compiling.ts'
import { createKeeper } from './keeper.ts'
import { pipelineScope, substitute } from './substitute.ts'

export const parameterTypes = [
  'string',
  'boolean',
  'integer',
  'enum',
  'executor',
  'steps',
  'env_var_name',
] as const
export type ParameterType = (typeof parameterTypes)[number]

export type Owner = {
  readonly kind: 'pipeline' | 'job' | 'command' | 'executor'
  /** For messages: `job "test"`. */
  readonly label: string
}

export type Declaration = {
  readonly name: string
  readonly type: ParameterType
  readonly default: SourceNode | null
  readonly options: readonly string[]
  readonly description: SourceNode | null
}

export const allowedTypes: Readonly<Record<Owner['kind'], readonly ParameterType[]>> = {
  pipeline: ['string', 'boolean', 'integer', 'enum'],
  job: parameterTypes,
  command: parameterTypes,
  executor: ['string', 'boolean', 'integer', 'enum', 'env_var_name'],
}

/** In an invocation these keep their workflow meaning, so a job cannot have parameters of these names. */
export const reservedJobParameters: ReadonlySet<string> = new Set(
  'name requires context type filters pre-steps post-steps'.split(' '),
)
/** Its platform lets a job declare these; an invocation cannot pass them. */
const reservedSince: ReadonlySet<string> = new Set(['matrix', 'serial-group', 'override-with'])

export const declarationKeys = new Set(['type', 'default', 'description', 'enum'])

export type Arguments = ReadonlyMap<string, Entry>
export const noArguments: Arguments = new Map()

export type ArgumentsOf = {
  readonly args: Arguments
  readonly at: Spot
  /** The body that the arguments were written in. */
  readonly from: Compiling
}

/** Every declared parameter gets a value; what is missing or wrong is reported and bound to null. */
export const bindParameters = (
  cx: Compiling,
  owner: Owner,
  definition: MapNode,
  call: ArgumentsOf,
): Map<string, SourceNode> => {
  const declarations = declarationsOf(cx, owner, definition)
  const bound = new Map<string, SourceNode>()
  for (const declaration of declarations.values()) {
    const argument = call.args.get(declaration.name)?.value
    bound.set(
      declaration.name,
      argument ? accept(call.from, owner, declaration, argument) : byDefault(cx, owner, declaration, call.at),
    )
  }
  for (const [name, entry] of call.args) {
    if (declarations.has(name)) {
      if (owner.kind !== 'pipeline') cx.problems.constructs?.honour(entry, `argument ${name}`)
      continue
    }
    const message = unknownArgument(name, owner.label)
    cx.problems.add('E_ARGUMENT_UNEXPECTED', entry.key, message, () => helpFor(cx, owner, name, declarations))
  }
  return bound
}

/** Which types parameters may have differs by what declares them. */
const keptDeclarations = createKeeper<{
  readonly kind: Owner['kind']
  readonly byName: ReadonlyMap<string, Declaration>
}>()

export const declarationsOf = (
  cx: Compiling,
  owner: Owner,
  definition: MapNode,
): ReadonlyMap<string, Declaration> => {
  const { kind } = owner
  const read = () => ({ kind, byName: readDeclarations(cx, owner, definition) })
  return keptDeclarations(cx, definition, read, (known) => known.kind === kind)?.byName ?? new Map()
}

/** What an invocation may say besides arguments is as likely to be meant. */
const helpFor = (
  cx: Compiling,
  owner: Owner,
  name: string,
  declarations: ReadonlyMap<string, Declaration>,
): string | null => {
  const options = owner.kind === 'job' ? [...reservedJobParameters, ...reservedSince] : []
  if (!cx.interpolates && options.includes(name)) return `"${name}" needs version 2.1`
  return didYouMean(name, [...declarations.keys(), ...options])
}

export type Parameters = ReadonlyMap<string, SourceNode>
export const noParameters: Parameters = new Map()

/** Binds and makes the scope of a body in one. */
export const scopeOf = (cx: Compiling, owner: Owner, definition: MapNode, call: ArgumentsOf) => ({
  parameters: bindParameters(cx, owner, definition, call),
  matrix: null,
})

const unbound = (at: Spot): ScalarNode => computedNode(at, { type: 'null', value: null })

const byDefault = (cx: Compiling, owner: Owner, declaration: Declaration, at: Spot): SourceNode => {
  // In the default of a pipeline parameter there are pipeline values, and no parameters yet.
  if (declaration.default)
    return accept(cx, owner, declaration, substitute(cx, declaration.default, pipelineScope))
  // Reported where it is declared.
  if (owner.kind === 'pipeline') return unbound(at)
  const message = `${owner.label} needs the argument "${declaration.name}"`
  cx.problems.add('E_ARGUMENT_MISSING', at, message, `it is of type ${declaration.type}`)
  return unbound(at)
}

/** `cx` is the body that the value was written in. */
const accept = (cx: Compiling, owner: Owner, declaration: Declaration, node: SourceNode): SourceNode => {
  const value = convert(declaration, node)
  if (value)
    return declaration.type === 'steps' || declaration.type === 'executor' ? atHome(cx, value, node) : value
  const wanted = declaration.type === 'enum' ? enumWords(declaration.options) : wantedWords[declaration.type]
  const message = wrongArgument(declaration.name, owner.label, wanted, shown(node))
  const quote = declaration.type === 'string' && node.kind === 'scalar' && !node.computed && !isNull(node)
  cx.problems.add('E_ARGUMENT_TYPE', node, message, quote ? `put it in quotes: "${node.text}"` : null)
  return unbound(node)
}

/** A copy, because the same node may be passed from elsewhere too, by an alias. */
const atHome = (cx: Compiling, value: SourceNode, written: SourceNode): SourceNode => {
  const own = { ...value }
  cx.homes.set(own, cx.homes.get(written) ?? cx)
  const callers = cx.callers.get(written)
  if (callers) cx.callers.set(own, callers)
  return own
}

const shown = (node: SourceNode): string => {
  if (node.kind !== 'scalar' || isNull(node)) return describe(node)
  return shownText(describe(node), node.text, resolveScalar(node).type === 'string')
}

const wantedWords: Readonly<Record<ParameterType, string>> = {
  ...parameterWords,
  enum: 'one of its values',
  executor: 'the name of an executor, or a map with "name"',
  steps: 'a list of steps',
  env_var_name: 'the name of a variable (letters, digits and underscores)',
}

/** The value as the parameter's type has it, or null. Numbers and booleans are no texts, texts no numbers. */
export const convert = (declaration: Declaration, node: SourceNode): SourceNode | null => {
  const { type } = declaration
  if (type === 'steps') return node.kind === 'list' ? node : null
  if (type === 'executor' && node.kind === 'map') return entryOf(node, 'name') ? node : null
  if (node.kind !== 'scalar') return null
  const scalar = resolveScalar(node)
  const text = (value: string) => computedNode(node, { type: 'string', value }, node.untrusted)
  if (type === 'boolean') {
    const value = resolveBoolean(node)
    return value === null ? null : computedNode(node, { type: 'boolean', value })
  }
  if (type === 'integer') return scalar.type === 'integer' ? computedNode(node, scalar) : null
  if (type === 'enum') return declaration.options.includes(node.text) ? text(node.text) : null
  // A pipeline value that is not set for this event is the empty text.
  if (type === 'string' && (node.computed?.type === 'null' || node.ofPipeline)) return text(node.text)
  if (scalar.type !== 'string') return null
  if (type === 'env_var_name' && !/^[A-Za-z_][A-Za-z0-9_]*$/.test(scalar.value)) return null
  return text(scalar.value)
}

export const readDeclarations = (
  cx: Reading,
  owner: Owner,
  definition: MapNode,
): ReadonlyMap<string, Declaration> => {
  const declarations = new Map<string, Declaration>()
  const node = cx.interpolates ? entryOf(definition, 'parameters') : null
  const map = node && readMap(cx.problems, node, `"parameters" of ${owner.label}`)
  for (const entry of map?.entries.values() ?? []) {
    checkName(cx, owner, entry.key)
    const declaration = readDeclaration(cx, owner, entry)
    if (declaration) declarations.set(declaration.name, declaration)
  }
  return declarations
}

const checkName = (cx: Reading, owner: Owner, key: ScalarNode): void => {
  const taken =
    (owner.kind === 'job' && reservedJobParameters.has(key.text)) ||
    (owner.kind === 'executor' && key.text === 'name')
  const message = `a parameter of a ${owner.kind} cannot be named "${key.text}": the word has a meaning of its own`
  if (taken) cx.problems.add('E_PARAMETER_DECLARATION', key, message)
  else if (owner.kind === 'job' && reservedSince.has(key.text)) cx.problems.add('W_JOB_NAME', key, message)
}

const readDeclaration = (cx: Reading, owner: Owner, { key, value }: Entry): Declaration | null => {
  const what = `the parameter "${key.text.slice(0, 80)}"`
  const map = readMap(cx.problems, value, what)
  if (!map) return null
  cx.problems.constructs?.honour({ key, value }, `parameter ${key.text}`)
  warnUnknownKeys(cx.problems, map, declarationKeys, what)
  const typeNode = entryOf(map, 'type')
  if (!typeNode) {
    cx.problems.add('E_PARAMETER_DECLARATION', key, `${what} has no "type"`)
    return null
  }
  const type = readOneOf(cx.problems, typeNode, `the type of ${what}`, allowedTypes[owner.kind])
  if (!type) return null
  const enumNode = entryOf(map, 'enum')
  const options = (enumNode ? listOrOne(enumNode) : []).flatMap(
    (item) => readText(cx.problems, item, `a value of ${what}`) ?? [],
  )
  const written = map.entries.get('default')?.value ?? null
  const declaration: Declaration = {
    ...{ name: key.text, type, default: absentDefault(type, written), options },
    description: entryOf(map, 'description'),
  }
  if (type === 'enum') checkEnum(cx, what, key, declaration)
  if (owner.kind === 'pipeline' && declaration.default === null)
    cx.problems.add('E_PARAMETER_DECLARATION', key, `${what} of a pipeline needs a "default"`)
  return declaration
}

/** `default:` with nothing after it declares none, except for a text, where it is the empty one. */
const absentDefault = (type: ParameterType, written: SourceNode | null): SourceNode | null => {
  if (written === null || !isNull(written)) return written
  return type === 'string' ? computedNode(written, { type: 'string', value: '' }) : null
}

const checkEnum = (cx: Reading, what: string, key: ScalarNode, declaration: Declaration): void => {
  const value = declaration.default
  if (declaration.options.length === 0)
    cx.problems.add('E_PARAMETER_DECLARATION', key, `${what} needs "enum", the list of its values`)
  else if (value?.kind === 'scalar' && !value.templated && !declaration.options.includes(value.text))
    cx.problems.add('E_PARAMETER_DECLARATION', value, `the default of ${what} is not in its "enum"`)
}

/** Of the pipeline, as written: what is wrong with them is the compiler's business. */
export const declaredParameterTypes = (root: SourceNode): ReadonlyMap<string, string> => {
  const types = new Map<string, string>()
  const map = root.kind === 'map' ? entryOf(root, 'parameters') : null
  for (const [name, { value }] of map?.kind === 'map' ? map.entries : []) {
    const type = value.kind === 'map' ? entryOf(value, 'type') : null
    if (type?.kind === 'scalar') types.set(name, type.text)
  }
  return types
}

export const pipelineOwner: Owner = { kind: 'pipeline', label: pipelineLabel }

/** Declared defaults, overridden by the values a run was started with. Added to `values` as `pipeline.parameters.x`. */
export const addPipelineParameters = (
  cx: Compiling,
  values: Map<string, SourceNode>,
  given: Readonly<Record<string, string | number | boolean>>,
): void => {
  const top: Spot = entryOf(cx.root, 'parameters') ?? cx.root
  const args = new Map<string, Entry>()
  for (const [name, value] of Object.entries(given)) {
    if (name.length > limits.parameterNameMax || String(value).length > limits.parameterValueMax)
      cx.problems.add('E_ARGUMENT_UNEXPECTED', top, tooLong(name))
    else
      args.set(name, {
        key: computedNode(top, { type: 'string', value: name }),
        value: givenNode(top, value),
      })
  }
  if (args.size > limits.pipelineParametersMax)
    cx.problems.add(
      'E_ARGUMENT_UNEXPECTED',
      top,
      `more than ${limits.pipelineParametersMax} parameters were given`,
    )
  for (const [name, value] of bindParameters(cx, pipelineOwner, cx.root, { args, at: top, from: cx }))
    values.set(`pipeline.parameters.${name}`, value)
}

const givenNode = (at: Spot, value: string | number | boolean): ScalarNode => {
  if (typeof value === 'string') return computedNode(at, { type: 'string', value })
  return typeof value === 'number'
    ? computedNode(at, { type: Number.isInteger(value) ? 'integer' : 'float', value })
    : computedNode(at, { type: 'boolean', value })
}
