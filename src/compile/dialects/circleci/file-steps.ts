// The steps that carry files between jobs, runs and people: workspaces, caches, artifacts. Templates in keys stay as
// they are written: what they stand for is known when the step runs.
import type { PlanStep } from '../../../protocol/plan.ts'
import type { Spot } from '../../source/file.ts'
import { entryOf, type MapNode, type SourceNode } from '../../source/node.ts'
import { readMap, readName, readTexts, warnUnknownKeys } from '../../source/read.ts'
import type { Compiling } from './compiling.ts'
import type { Shell } from './execution.ts'
import { readStepName, readWhen } from './run-step.ts'

export type StepJob = { readonly shell: Shell | null; readonly shards: number }

/** `at` is the name of the step as written; `node` its argument, null when there is none. */
export type Builtin = (
  cx: Compiling,
  call: { at: Spot; node: SourceNode | null; job: StepJob },
) => PlanStep | null

/** The argument as a map with these keys, else the problem. */
const argument = (
  cx: Compiling,
  { at, node }: { at: Spot; node: SourceNode | null },
  step: string,
  { needs, takes = [] }: { readonly needs: readonly string[]; readonly takes?: readonly string[] },
): MapNode | null => {
  if (node === null) {
    cx.problems.add('E_KEY_MISSING', at, `"${step}" needs ${needs.map((key) => `"${key}"`).join(' and ')}`)
    return null
  }
  const map = readMap(cx.problems, node, `"${step}"`)
  if (map) warnUnknownKeys(cx.problems, map, new Set([...needs, ...takes, 'name', 'when']), `"${step}"`)
  return map
}

const required = (cx: Compiling, at: Spot, map: MapNode, step: string, key: string): string | null => {
  const node = entryOf(map, key)
  if (node) return readName(cx.problems, node, `"${key}"`)
  cx.problems.add('E_KEY_MISSING', at, `"${step}" needs "${key}"`)
  return null
}

const requiredTexts = (
  cx: Compiling,
  at: Spot,
  map: MapNode,
  step: string,
  key: string,
): readonly string[] | null => {
  const node = entryOf(map, key)
  const texts = node ? readTexts(cx.problems, node, `"${key}"`).filter((text) => text !== '') : []
  if (texts.length > 0) return texts
  if (!node) cx.problems.add('E_KEY_MISSING', at, `"${step}" needs "${key}"`)
  return null
}

export const persistToWorkspace: Builtin = (cx, call) => {
  const step = 'persist_to_workspace'
  const map = argument(cx, call, step, { needs: ['root', 'paths'], takes: ['path'] })
  if (!map) return null
  const root = required(cx, call.at, map, step, 'root')
  const key = entryOf(map, 'paths') || !entryOf(map, 'path') ? 'paths' : 'path'
  const paths = requiredTexts(cx, call.at, map, step, key)
  if (root === null || paths === null) return null
  return { kind: 'persist', name: readStepName(cx, map) ?? step, when: readWhen(cx, map), root, paths }
}

export const attachWorkspace: Builtin = (cx, call) => {
  const step = 'attach_workspace'
  const map = argument(cx, call, step, { needs: ['at'] })
  const at = map && required(cx, call.at, map, step, 'at')
  if (!map || !at) return null
  return { kind: 'attach', name: readStepName(cx, map) ?? step, when: readWhen(cx, map), at }
}

export const saveCache: Builtin = (cx, call) => {
  const step = 'save_cache'
  const map = argument(cx, call, step, { needs: ['key', 'paths'] })
  if (!map) return null
  const key = required(cx, call.at, map, step, 'key')
  const paths = requiredTexts(cx, call.at, map, step, 'paths')
  if (key === null || paths === null) return null
  return { kind: 'save-cache', name: readStepName(cx, map) ?? step, when: readWhen(cx, map), key, paths }
}

const keysMax = 20

export const restoreCache: Builtin = (cx, call) => {
  const step = 'restore_cache'
  const map = argument(cx, call, step, { needs: ['keys'], takes: ['key'] })
  if (!map) return null
  const nodes = [entryOf(map, 'key'), entryOf(map, 'keys')]
  const keys = nodes.flatMap((node) => (node ? readTexts(cx.problems, node, '"keys"') : []))
  if (keys.length === 0) {
    if (nodes.every((node) => !node))
      cx.problems.add('E_KEY_MISSING', call.at, `"${step}" needs "key" or "keys"`)
    return null
  }
  return {
    kind: 'restore-cache',
    name: readStepName(cx, map) ?? step,
    when: readWhen(cx, map),
    keys: keys.slice(0, keysMax),
  }
}

export const storeTestResults: Builtin = (cx, call) => {
  const step = 'store_test_results'
  const map = argument(cx, call, step, { needs: ['path'] })
  const path = map && required(cx, call.at, map, step, 'path')
  return map && path
    ? { kind: 'store-tests', name: readStepName(cx, map) ?? step, when: readWhen(cx, map, 'always'), path }
    : null
}

export const storeArtifacts: Builtin = (cx, call) => {
  const step = 'store_artifacts'
  const map = argument(cx, call, step, { needs: ['path'], takes: ['destination'] })
  const path = map && required(cx, call.at, map, step, 'path')
  if (!map || !path) return null
  const destination = entryOf(map, 'destination')
  return {
    kind: 'store-artifacts',
    name: readStepName(cx, map) ?? step,
    when: readWhen(cx, map, 'always'),
    path,
    destination: destination ? readName(cx.problems, destination, '"destination"') : null,
  }
}
