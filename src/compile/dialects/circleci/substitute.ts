// `<< … >>` in a subtree replaced by the values of a scope. Each text of the file is substituted exactly once, when
// the body it stands in is instantiated; what comes out is never scanned again. A text that is one reference takes
// the value itself, with its type: an integer, a list of steps, an executor.

import {
  computedNode,
  type Entry,
  listNode,
  mapNode,
  resolveScalar,
  type ScalarNode,
  type ScalarValue,
  type SourceNode,
} from '../../source/node.ts'
import { didYouMean } from '../../suggest.ts'
import type { Compiling } from './compiling.ts'
import { type ExpressionValue, evaluate, isFault, isTruthy, type ParsedExpression } from './expression.ts'
import { showPipelineValue, warnUnknownValue } from './pipeline.ts'
import { tagSpot } from './tag-spot.ts'
import type { TemplatePart } from './template.ts'

/** What is visible inside a body. Scope is lexical: nothing is inherited from a caller. */
export type Scope = {
  readonly parameters: ReadonlyMap<string, SourceNode>
  /** Only inside a workflow's job invocation. */
  readonly matrix: ReadonlyMap<string, SourceNode> | null
}

export const pipelineScope: Scope = { parameters: new Map(), matrix: null }

export const substitute = (cx: Compiling, node: SourceNode, scope: Scope): SourceNode => {
  if (!cx.interpolates || !node.templated) return node
  if (!cx.work.spend(16, node)) return node
  if (node.kind === 'scalar') return substituteText(cx, node, scope)
  if (node.kind === 'list')
    return listNode(
      node,
      node.items.map((item) => substitute(cx, item, scope)),
    )
  const entries = new Map<string, Entry>()
  for (const { key, value } of node.entries.values()) {
    const newKey = key.templated ? substituteText(cx, key, scope) : key
    if (newKey.kind === 'scalar')
      entries.set(newKey.text, { key: newKey, value: substitute(cx, value, scope) })
    else cx.problems.add('E_YAML_KEY', key, 'a map key must be a text')
  }
  return mapNode(node, entries)
}

/** In characters: looking a value up costs about as much as copying this many. */
const partCost = 32

const substituteText = (cx: Compiling, node: ScalarNode, scope: Scope): SourceNode => {
  const template = cx.templates.parse(node.text)
  if ('wrong' in template) {
    cx.problems.add('E_TAG_UNCLOSED', tagSpot(node, template.at), template.wrong)
    return computedNode(node, { type: 'string', value: node.text })
  }
  const [only, more] = template.parts
  if (!cx.work.spend(partCost * template.parts.length, node)) return node
  if (only && !more && only.kind === 'reference') return typedReference(cx, node, scope, only)
  if (only && !more && only.kind === 'expression')
    return computedNode(node, typed(evaluateParsed(cx, node, scope, only)), taint(cx, scope, only))
  return render(cx, node, scope, template.parts)
}

const typedReference = (cx: Compiling, site: ScalarNode, scope: Scope, tag: NamedTag): SourceNode => {
  const { name } = tag
  const value = lookup(cx, site, scope, tag)
  if (value.kind !== 'scalar') return value
  // The value stands where it is asked for, so that a problem with it points at the reference.
  const made = computedNode(site, resolveScalar(value), value.untrusted)
  const isOfPipeline = name.startsWith('pipeline.') && !name.startsWith('pipeline.parameters.')
  const node: ScalarNode = isOfPipeline ? { ...made, ofPipeline: true } : made
  const home = cx.homes.get(value)
  if (home) cx.homes.set(node, home)
  return node
}

const render = (
  cx: Compiling,
  site: ScalarNode,
  scope: Scope,
  parts: readonly TemplatePart[],
): ScalarNode => {
  let untrusted: string | undefined
  const renderParts = (list: readonly TemplatePart[]): string =>
    list
      .map((part) => {
        if (part.kind === 'text') return part.text
        untrusted ??= taint(cx, scope, part)
        if (part.kind === 'section') return renderSection(part)
        if (part.kind === 'expression') return toText(evaluateParsed(cx, site, scope, part))
        return textOf(cx, site, part, lookup(cx, site, scope, part))
      })
      .join('')
  const renderSection = (part: Extract<TemplatePart, { kind: 'section' }>): string => {
    const value = lookup(cx, site, scope, part)
    const truthy = value.kind !== 'scalar' || isTruthy(resolveScalar(value).value)
    return truthy === part.inverted ? '' : renderParts(part.parts)
  }
  const text = renderParts(parts)
  cx.work.spend(text.length, site)
  return computedNode(site, { type: 'string', value: text }, untrusted)
}

/** Integers in decimal, booleans as words, unset values as nothing; a text as it was written. */
const textOf = (cx: Compiling, site: ScalarNode, { name, at }: NamedTag, value: SourceNode): string => {
  if (value.kind === 'scalar') return resolveScalar(value).type === 'null' ? '' : value.text
  cx.problems.add(
    'E_ARGUMENT_TYPE',
    tagSpot(site, at),
    `"${name}" is a ${value.kind} and cannot stand inside a text`,
  )
  return ''
}

const toText = (value: ExpressionValue): string => (value === null ? '' : String(value))

const typed = (value: ExpressionValue): ScalarValue => {
  if (value === null) return { type: 'null', value }
  if (typeof value === 'boolean') return { type: 'boolean', value }
  return typeof value === 'number' ? { type: 'integer', value } : { type: 'string', value }
}

/** A comparison shows nothing of the value it reads; an expression that answers with the value itself does. */
const taint = (cx: Compiling, scope: Scope, part: TemplatePart): string | undefined => {
  if (part.kind === 'reference') return untrustedOf(cx, scope, part.name)
  if (part.kind !== 'expression') return undefined
  const isUntrusted = (name: string) => untrustedOf(cx, scope, name) !== undefined
  if (!part.parsed.variables.some(isUntrusted)) return undefined
  const answer = evaluate(part.parsed.expression, (name) => scalarValue(cx, scope, name))
  const shown = part.parsed.variables.find(
    (name) => isUntrusted(name) && scalarValue(cx, scope, name) === answer,
  )
  return shown === undefined ? undefined : untrustedOf(cx, scope, shown)
}

const untrustedOf = (cx: Compiling, scope: Scope, name: string): string | undefined => {
  const value = find(cx, scope, name)
  return value?.kind === 'scalar' ? value.untrusted : undefined
}

const scalarValue = (cx: Compiling, scope: Scope, name: string): ExpressionValue | undefined => {
  const value = find(cx, scope, name)
  return value?.kind === 'scalar' ? resolveScalar(value).value : undefined
}

const evaluateParsed = (
  cx: Compiling,
  site: ScalarNode,
  scope: Scope,
  { parsed, at }: { readonly parsed: ParsedExpression; readonly at: number },
): ExpressionValue => {
  if (!cx.work.spend(parsed.cost, site)) return null
  const result = evaluate(parsed.expression, (name) => scalarValue(cx, scope, name))
  for (const name of parsed.variables) warnUnknownValue(cx, () => tagSpot(site, at), name)
  if (!isFault(result)) return result
  cx.problems.add('E_EXPRESSION', tagSpot(site, at), `the expression cannot be evaluated: ${result.message}`)
  return null
}

const find = (cx: Compiling, scope: Scope, name: string): SourceNode | undefined => {
  if (name.startsWith('parameters.')) return scope.parameters.get(name.slice('parameters.'.length))
  if (name.startsWith('matrix.')) return scope.matrix?.get(name.slice('matrix.'.length))
  return showPipelineValue(cx, name)
}

/** A part that names one value. */
type NamedTag = { readonly name: string; readonly at: number }

const lookup = (cx: Compiling, site: ScalarNode, scope: Scope, { name, at }: NamedTag): SourceNode => {
  const value = find(cx, scope, name)
  warnUnknownValue(cx, () => tagSpot(site, at), name)
  if (value !== undefined) return value
  const names = () => [
    ...[...scope.parameters.keys()].map((key) => `parameters.${key}`),
    ...[...(scope.matrix?.keys() ?? [])].map((key) => `matrix.${key}`),
    ...cx.pipeline.keys(),
  ]
  const message = name.startsWith('parameters.')
    ? `arguments referenced without declared parameters: ${name}`
    : `there is no value "${name}" here`
  cx.problems.add('E_PARAMETER_UNDECLARED', tagSpot(site, at), message, () => didYouMean(name, names()))
  return computedNode(site, { type: 'null', value: null })
}
