// The two steps that the bodies of our built-in orbs are made of (built-in-orbs.ts): to choose by the paths that changed, and
// to continue. Their names mean something in these bodies only, and they do something in a setup configuration only.
import type { PlanSetupStep, PlanStep } from '../../../protocol/plan.ts'
import { entryOf, type SourceNode } from '../../source/node.ts'
import { isName, readText } from '../../source/read.ts'
import { builtInPath } from './built-in-orbs.ts'
import type { Compiling } from './compiling.ts'

const kinds = { 'filter-paths': 'filter-paths', 'continue-with': 'continue' } as const
const isSetupName = (name: string): name is keyof typeof kinds => Object.hasOwn(kinds, name)

const refusal = 'only the jobs of a configuration with "setup: true" continue a run'

/** null: no step of ours. */
export const readSetupStep = (
  cx: Compiling,
  name: string,
  at: SourceNode,
  node: SourceNode | null,
): PlanStep | null => {
  if (!at.file.path.startsWith(builtInPath) || node?.kind !== 'map') return null
  if (name === 'merge-configs') return refused(cx, at, 'generate-config', mergedLater)
  if (!isSetupName(name)) return null
  const text = (key: string): string => {
    const value = entryOf(node, key)
    return (value && readText(cx.problems, value, `"${key}"`)) ?? ''
  }
  const step = kinds[name] === 'continue' ? continueStep(cx, at, text) : filterStep(cx, at, text)
  if (cx.isSetup || step.kind === 'filter-paths') {
    cx.setup.push({ at, step })
    return step
  }
  return refused(cx, at, 'continue', refusal)
}

const mergedLater = 'files are not made into one here: what a mapping names is continued with together'

const refused = (cx: Compiling, at: SourceNode, what: string, reason: string): PlanStep => {
  cx.problems.add('W_STEP_REFUSED', at, `"${what}" is not carried out here; the job will stop there`)
  return { kind: 'refused', name: what, when: 'on_success', what, reason }
}

type TextOf = (key: string) => string

const filterStep = (cx: Compiling, at: SourceNode, text: TextOf): PlanSetupStep => ({
  kind: 'filter-paths',
  name: 'Set parameters by the paths that changed',
  when: 'on_success',
  base: text('base'),
  onBase: text('same-base') === 'false' ? 'nothing' : 'parent',
  mapping: text('mapping'),
  exclude: text('exclude'),
  parametersPath: pathOf(cx, at, text('parameters')),
  filesPath: pathOf(cx, at, text('files')),
})

const continueStep = (cx: Compiling, at: SourceNode, text: TextOf): PlanSetupStep => ({
  kind: 'continue',
  name: 'Continue the run',
  when: 'on_success',
  path: pathOf(cx, at, text('path')),
  filesPath: text('files') === '' ? null : pathOf(cx, at, text('files')),
  parameters: text('parameters'),
})

const pathOf = (cx: Compiling, at: SourceNode, written: string): string => {
  const path = written.trim()
  return isName(cx.problems, at, path, 'a path') ? path : '.'
}
