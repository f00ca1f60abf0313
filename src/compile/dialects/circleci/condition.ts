// Conditions (config-dialects.md §2.9): logic statements (`and`, `or`, `not`, `equal`, `matches`) on substituted
// nodes, and the texts that workflows and filters may use instead, which are expressions unless they hold a `<<`.

import { limits } from '../../limits.ts'
import {
  entryOf,
  type MapNode,
  resolveBoolean,
  resolveScalar,
  type ScalarNode,
  type SourceNode,
} from '../../source/node.ts'
import { readList, readMap, readText } from '../../source/read.ts'
import { didYouMean } from '../../suggest.ts'
import type { Compiling } from './compiling.ts'
import { evaluate, isFault, isTruthy, type ParsedExpression } from './expression.ts'
import { noParameters, type Parameters } from './parameters.ts'
import { showPipelineValue, warnUnknownValue } from './pipeline.ts'
import { pipelineScope, substitute } from './substitute.ts'

/** A logic statement whose `<< >>` are substituted. A malformed one is reported and false. */
export const isConditionTrue = (cx: Compiling, node: SourceNode, depth = 0): boolean => {
  if (node.kind === 'scalar') return resolveBoolean(node) ?? isTruthy(resolveScalar(node).value)
  if (depth > limits.expressionDepthMax) return malformed(cx, node, 'conditions are nested too deeply')
  if (node.kind === 'list')
    return malformed(cx, node, 'a condition cannot be a list', 'use "and" or "or" with the list')
  const [entry, more] = [...node.entries.values()]
  if (!entry || more) return malformed(cx, node, 'a condition has exactly one operator')
  const operator = operators[entry.key.text]
  if (operator && Object.hasOwn(operators, entry.key.text)) {
    cx.problems.constructs?.honour(entry.key, `condition ${entry.key.text}`)
    return operator(cx, entry.value, depth + 1)
  }
  const help = didYouMean(entry.key.text, Object.keys(operators))
  const message = `there is no operator "${entry.key.text.slice(0, 80)}"`
  if (depth === 0 || entry.value.kind !== 'scalar' || help !== null)
    return malformed(cx, entry.key, message, help)
  // Seen in configurations that work: inside another condition such a map is a value, and no map is false.
  cx.problems.add('W_CONDITION_VALUE', entry.key, `${message}; here it is a value, which counts as true`)
  return true
}

const malformed = (cx: Compiling, at: SourceNode, message: string, help: string | null = null): false => {
  cx.problems.add('E_CONDITION', at, message, help)
  return false
}

type Operator = (cx: Compiling, node: SourceNode, depth: number) => boolean

const operands = (cx: Compiling, node: SourceNode, name: string): readonly SourceNode[] => {
  const list = readList(cx.problems, node, `"${name}"`)
  if (list?.items.length === 0) malformed(cx, list, `"${name}" needs at least one value`)
  return list?.items ?? []
}

const operators: Readonly<Record<string, Operator>> = {
  and: (cx, node, depth) => {
    const values = operands(cx, node, 'and').map((item) => isConditionTrue(cx, item, depth))
    return values.length > 0 && values.every(Boolean)
  },
  or: (cx, node, depth) =>
    operands(cx, node, 'or')
      .map((item) => isConditionTrue(cx, item, depth))
      .some(Boolean),
  not: (cx, node, depth) => !isConditionTrue(cx, node, depth),
  equal: (cx, node) => {
    const [first, ...rest] = operands(cx, node, 'equal')
    return first !== undefined && rest.every((item) => isEqual(first, item))
  },
  matches: (cx, node) => {
    const map = readMap(cx.problems, node, '"matches"')
    return map !== null && matchesPattern(cx, map)
  },
}

const matchesPattern = (cx: Compiling, map: MapNode): boolean => {
  const [patternNode, valueNode] = [entryOf(map, 'pattern'), map.entries.get('value')?.value]
  if (!patternNode || !valueNode) return malformed(cx, map, '"matches" needs "pattern" and "value"')
  const source = readText(cx.problems, patternNode, '"pattern"')
  const value = readText(cx.problems, valueNode, '"value"')
  const pattern = source === null ? null : cx.patterns.read(source, patternNode)
  return value !== null && pattern?.matchesWhole(value) === true
}

export const operatorNames: readonly string[] = Object.keys(operators)

/** By type and value: 42 is not "42". A map with only a "name" equals that name (executors are written both ways). */
export const isEqual = (a: SourceNode, b: SourceNode): boolean => {
  if (a.kind === 'scalar' && b.kind === 'scalar') return isSameValue(a, b)
  if (a.kind === 'list' && b.kind === 'list')
    return a.items.length === b.items.length && a.items.every((item, i) => isEqual(item, b.items[i] ?? item))
  if (a.kind === 'map' && b.kind === 'map')
    return (
      a.entries.size === b.entries.size &&
      [...a.entries].every(([name, { value }]) => {
        const other = b.entries.get(name)
        return other !== undefined && isEqual(value, other.value)
      })
    )
  return isNameOf(a, b) || isNameOf(b, a)
}

/** A pipeline value that is not set is the empty text to its platform: a push of a branch has the tag "". */
const isSameValue = (a: ScalarNode, b: ScalarNode): boolean => {
  const [left, right] = [a, b].map((node) => resolveScalar(node).value)
  return left === right || (isUnset(a) && right === '') || (isUnset(b) && left === '')
}

const isUnset = ({ computed }: ScalarNode): boolean => computed?.type === 'null'

const isNameOf = (map: SourceNode, name: SourceNode): boolean => {
  const own = map.kind === 'map' && map.entries.size === 1 ? entryOf(map, 'name') : null
  return own !== null && name.kind === 'scalar' && isEqual(own, name)
}

/** As steps have it. A workflow has its condition right there: its platform takes this as a value, and no map is false. */
const isMisplaced = (cx: Compiling, node: SourceNode): boolean => {
  const [entry, more] = node.kind === 'map' ? node.entries.values() : []
  if (entry?.key.text !== 'condition' || more) return false
  const message =
    'what is below "condition" is not looked at here, as on its platform: the condition counts as true'
  cx.problems.add(
    'W_CONDITION_VALUE',
    entry.key,
    message,
    'leave "condition" out, and write what is below it in its place',
  )
  return true
}

/** `when` and `unless` of a workflow, and `filters` as text. */
export const isExpressionOrConditionTrue = (cx: Compiling, node: SourceNode): boolean => {
  if (isMisplaced(cx, node)) return true
  // `no` without quotes is a boolean, as anywhere else where one may stand.
  const isPlainWord = node.kind === 'scalar' && node.plain && resolveBoolean(node) !== null
  if (
    isPlainWord ||
    node.kind !== 'scalar' ||
    node.templated ||
    node.computed ||
    resolveScalar(node).type !== 'string'
  )
    return isConditionTrue(cx, substitute(cx, node, pipelineScope))
  return isExpressionTrue(cx, node, node.text)
}

export const isExpressionTrue = (cx: Compiling, at: SourceNode, text: string): boolean => {
  if (!cx.work.spend(text.length, at)) return false
  const parsed = cx.templates.expression(text)
  if (!isFault(parsed)) return isParsedTrue(cx, at, parsed, noParameters)
  cx.problems.add('E_EXPRESSION', at, `the expression cannot be evaluated: ${parsed.message}`)
  return false
}

const isParsedTrue = (
  cx: Compiling,
  at: SourceNode,
  { expression, variables, cost }: ParsedExpression,
  parameters: Parameters,
): boolean => {
  if (!cx.work.spend(cost, at)) return false
  const result = evaluate(expression, (name) => {
    const value = name.startsWith(ofBody)
      ? parameters.get(name.slice(ofBody.length))
      : showPipelineValue(cx, name)
    return value?.kind === 'scalar' ? resolveScalar(value).value : undefined
  })
  for (const name of variables) warnUnknownValue(cx, () => at, name)
  if (!isFault(result)) return isTruthy(result)
  const names = () => [...cx.pipeline.keys(), ...[...parameters.keys()].map((name) => `${ofBody}${name}`)]
  const help = () =>
    result.fault === 'unknown-variable' ? didYouMean(lastWord(result.message), names()) : null
  cx.problems.add('E_EXPRESSION', at, `the expression cannot be evaluated: ${result.message}`, help)
  return false
}

const ofBody = 'parameters.'

const lastWord = (message: string): string => /"([^"]*)"$/.exec(message)?.[1] ?? ''

/**
 * The condition of a step. A text is an expression when all its names are of the pipeline or of the body around the step, and
 * is true like any other text when it is none: `$BRANCH` is nobody's variable here.
 */
export const isStepConditionTrue = (cx: Compiling, node: SourceNode, parameters: Parameters): boolean => {
  const isText = node.kind === 'scalar' && !node.computed && resolveScalar(node).type === 'string'
  if (!isText || node.text.trim() === '' || (node.plain && resolveBoolean(node) !== null))
    return isConditionTrue(cx, node)
  if (!cx.work.spend(node.text.length, node)) return false
  const parsed = cx.templates.expression(node.text)
  const isExpression =
    !isFault(parsed) && parsed.variables.every((name) => /^(pipeline|parameters)\./.test(name))
  if (isExpression) return isParsedTrue(cx, node, parsed, parameters)
  const message = `"${node.text.trim().slice(0, 80)}" is no expression and no logic statement; as a text it counts as true`
  cx.problems.add('W_CONDITION_VALUE', node, message)
  return true
}
