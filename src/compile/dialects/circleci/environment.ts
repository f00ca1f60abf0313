// `environment` of jobs, steps and containers in all the forms that real files use: a map, a list of one-key maps,
// a list of `KEY=VALUE` texts, one such text. Values are texts and never expanded.

import type { Env } from '../../../protocol/plan.ts'
import { type Entry, isNull, resolveScalar, type ScalarNode, type SourceNode } from '../../source/node.ts'
import { listOrOne, readMap, wrongType } from '../../source/read.ts'
import type { Compiling } from './compiling.ts'

const nameForm = /^[A-Za-z_][A-Za-z0-9_]*$/
const nameMax = 1024

export type EnvMap = Map<string, readonly [name: string, value: string]>

/** A later assignment of the same name wins, in place of the first. */
export const readEnvironment = (cx: Compiling, node: SourceNode | null, into: EnvMap = new Map()): EnvMap => {
  if (node === null) return into
  if (node.kind === 'map') {
    for (const entry of node.entries.values()) assign(cx, into, entry)
    return into
  }
  for (const item of listOrOne(node)) {
    if (item.kind === 'scalar') assignText(cx, into, item)
    else
      for (const entry of readMap(cx.problems, item, 'an entry of "environment"')?.entries.values() ?? [])
        assign(cx, into, entry)
  }
  return into
}

export const toEnv = (env: EnvMap): Env => [...env.values()]

const assign = (cx: Compiling, into: EnvMap, { key, value }: Entry): void => {
  if (value.kind !== 'scalar') {
    wrongType(cx.problems, value, `the value of "${key.text.slice(0, 80)}"`, 'a text')
    return
  }
  if (value.computed?.type === 'null')
    cx.problems.add(
      'W_UNSET_VALUE',
      value,
      `the value of "${key.text}" is not set for this event; it becomes empty`,
    )
  setVariable(cx, into, { at: key, name: key.text, value: environmentText(value) })
}

const assignText = (cx: Compiling, into: EnvMap, node: ScalarNode): void => {
  if (isNull(node)) return
  const equals = node.text.indexOf('=')
  if (equals === -1) {
    cx.problems.add('E_VALUE', node, 'a variable written as text has the form NAME=VALUE')
    return
  }
  setVariable(cx, into, { at: node, name: node.text.slice(0, equals), value: node.text.slice(equals + 1) })
}

const setVariable = (
  cx: Compiling,
  into: EnvMap,
  variable: { at: ScalarNode; name: string; value: string },
): void => {
  const { at, name, value } = variable
  if (!nameForm.test(name) || name.length > nameMax) {
    const help = 'use letters, digits and underscores, not starting with a digit'
    cx.problems.add('W_ENV_NAME', at, `"${name.slice(0, 80)}" cannot name a variable; it is left out`, help)
  } else if (value.includes('\0'))
    cx.problems.add('E_VALUE', at, `the value of "${name}" contains a NUL character`)
  else if (cx.work.spend(name.length + value.length + 20, at))
    into.set(name, cx.origins.mark([name, value] as const, at))
}

/** Booleans and integers in their plain form, floats in their shortest: unquoted `1.10` is the number 1.1. */
const environmentText = (node: ScalarNode): string => {
  const { value } = resolveScalar(node)
  return value === null ? '' : String(value)
}
