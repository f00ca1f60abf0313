// The steps of our own that the bodies of our built-in orbs are made of (built-in-orbs.ts): to choose by the paths that
// changed, to make one configuration of several, and to continue. Their names mean something in these bodies only.
import type {
  PlanContinueStep,
  PlanFilterStep,
  PlanMergeStep,
  PlanSetupStep,
  PlanStep,
  StepWhen,
} from '../../../protocol/plan.ts'
import { entryOf, type SourceNode } from '../../source/node.ts'
import { isName, readText } from '../../source/read.ts'
import { builtInPath } from './built-in-orbs.ts'
import type { Compiling } from './compiling.ts'
import { readWhen } from './run-step.ts'

const refusal = 'only the jobs of a configuration with "setup: true" continue a run'

/** null: no step of ours. */
export const readSetupStep = (
  cx: Compiling,
  name: string,
  at: SourceNode,
  node: SourceNode | null,
): PlanStep | null => {
  const read = Object.hasOwn(readers, name) ? readers[name] : undefined
  if (!at.file.path.startsWith(builtInPath) || node?.kind !== 'map' || !read) return null
  const text = (key: string): string => {
    const value = entryOf(node, key)
    return (value && readText(cx.problems, value, `"${key}"`)) ?? ''
  }
  const path = (key: string): string => {
    const written = text(key).trim()
    return isName(cx.problems, at, written, 'a path') ? written : '.'
  }
  const when = readWhen(cx, node)
  if (!cx.isSetup && name.startsWith('continue-')) return refused(cx, at, when)
  const step: PlanSetupStep = { ...read({ text, path }), when }
  cx.setup.push({ at, step })
  return step
}

const refused = (cx: Compiling, at: SourceNode, when: StepWhen): PlanStep => {
  cx.problems.add('W_STEP_REFUSED', at, '"continue" is not carried out here; the job will stop there')
  return { kind: 'refused', name: 'continue', when, what: 'continue', reason: refusal }
}

type Arguments = { readonly text: (key: string) => string; readonly path: (key: string) => string }
type Reader = (given: Arguments) => WithoutWhen<PlanSetupStep>
type WithoutWhen<S> = S extends unknown ? Omit<S, 'when'> : never

const readers: Readonly<Record<string, Reader>> = {
  'filter-paths': ({ text, path }): WithoutWhen<PlanFilterStep> => ({
    kind: 'filter-paths',
    name: 'Set parameters by the paths that changed',
    base: text('base'),
    onBase: text('same-base') === 'false' ? 'nothing' : 'parent',
    mapping: text('mapping'),
    exclude: text('exclude'),
    parametersPath: path('parameters'),
    filesPath: path('files'),
    file: path('file'),
    changedPath: path('changed'),
  }),
  'merge-configs': ({ path }): WithoutWhen<PlanMergeStep> => ({
    kind: 'merge-configs',
    name: 'Make one configuration of those that were chosen',
    filesPath: path('files'),
    path: path('path'),
  }),
  'continue-with': ({ text, path }): WithoutWhen<PlanContinueStep> => ({
    kind: 'continue',
    name: 'Continue the run',
    path: path('path'),
    filesPath: text('files') === '' ? null : path('files'),
    parameters: text('parameters'),
    ...(text('changed-parameter') === ''
      ? {}
      : { changed: { parameter: text('changed-parameter'), path: path('changed') } }),
  }),
  'continue-with-nothing': (): WithoutWhen<PlanContinueStep> => ({
    ...{ kind: 'continue', name: 'Finish the run', path: null, filesPath: null, parameters: '{}' },
  }),
}
