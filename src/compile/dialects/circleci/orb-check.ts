// What can be said of the source of an orb before anybody uses it: whether it is one, and what is wrong in it whatever
// arguments it is given. What depends on arguments, or on other orbs, is said where it is used (orbs.ts).

import { type Entry, entryOf, isNull, type SourceNode } from '../../source/node.ts'
import { readList, readMap } from '../../source/read.ts'
import { isAlias } from './alias.ts'
import { findBuiltin } from './builtin-steps.ts'
import { type Definitions, type ElementKind, type Reading, readDefinitions } from './compiling.ts'
import { elementsOf, plurals, reportForeignKeys } from './orbs.ts'
import { readDeclarations } from './parameters.ts'
import { type Call, readCall, reportUnknownStep } from './steps.ts'

/** `command x`, `job y` …; none when it is no orb, which is reported. */
export const checkOrb = (reading: Reading, document: SourceNode): readonly string[] => {
  const { problems } = reading
  const body = isNull(document) ? null : readMap(problems, document, 'the orb')
  if (body) reportForeignKeys(problems, body)
  const definitions = (key: string): Definitions =>
    body === null ? new Map() : readDefinitions(problems, body, key)
  const commands = definitions('commands')
  for (const [kind, key] of kinds)
    for (const entry of definitions(key).values()) checkElement({ ...reading, commands }, kind, entry)
  const elements = elementsOf(document)
  if (elements.length === 0 && !problems.hasErrors())
    problems.add('E_KEY_MISSING', document, 'this is no orb: it has no commands, jobs or executors')
  return elements
}

// SAFE: the keys of that table are its kinds.
const kinds = Object.entries(plurals) as [ElementKind, (typeof plurals)[ElementKind]][]

type Checking = Reading & { readonly commands: Definitions }

const checkElement = (checking: Checking, kind: ElementKind, entry: Entry): void => {
  const { problems } = checking
  const { key, value } = entry
  // What another orb or executor has is not looked at either.
  if (
    isAlias(checking, entry) &&
    value.kind === 'scalar' &&
    (kind === 'executor' || value.text.includes('/'))
  )
    return
  const label = `${kind} "${key.text.slice(0, 80)}"`
  const definition = readMap(problems, value, label)
  if (!definition) return
  readDeclarations(checking, { kind, label }, definition)
  if (kind === 'executor') return
  const steps = entryOf(definition, 'steps')
  if (steps) checkSteps(checking, steps, label)
  else if (kind === 'command') problems.add('E_KEY_MISSING', key, `${label} needs "steps"`)
  else if (!definition.entries.has('type')) problems.add('E_STEPS_EMPTY', key, `${label} has no steps`)
}

const checkSteps = (checking: Checking, steps: SourceNode, label: string): void => {
  if (isOpen(steps)) return
  for (const node of readList(checking.problems, steps, `"steps" of ${label}`)?.items ?? []) {
    const call = isOpen(node) ? null : readCall(checking, node)
    if (call && !isOpen(call.at)) checkCall(checking, call, label)
  }
}

/** Its value is that of an argument. */
const isOpen = (node: SourceNode): boolean => node.kind === 'scalar' && node.templated

const checkCall = (checking: Checking, call: Call, label: string): void => {
  const inner = call.node?.kind === 'map' ? entryOf(call.node, 'steps') : null
  if (call.name === 'when' || call.name === 'unless' || call.name === 'with_tool_cache') {
    if (inner) checkSteps(checking, inner, `"${call.name}" in ${label}`)
  } else if (call.name !== 'steps' && !isKnown(checking, call.name)) reportUnknownStep(checking, call)
}

/** What another orb has is not looked at: it may be put here later. */
const isKnown = ({ commands }: Checking, name: string): boolean =>
  name.includes('/') || commands.has(name) || findBuiltin(name) !== null
