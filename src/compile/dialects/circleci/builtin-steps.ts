// The steps that the platform itself knows. What Mayfly cannot carry out yet is planned honestly: as a note where its
// absence changes no verdict (signing bundles), as a refusal where the job needs it.

import type { PlanCheckoutStep, PlanNoteStep, PlanRefusedStep } from '../../../protocol/plan.ts'
import { entryOf } from '../../source/node.ts'
import { readInteger, readMap, readName, readOneOf, readTexts, warnUnknownKeys } from '../../source/read.ts'
import {
  attachWorkspace,
  type Builtin,
  persistToWorkspace,
  restoreCache,
  saveCache,
  storeArtifacts,
  storeTestResults,
} from './file-steps.ts'
import { readRunStep, readStepName, readWhen } from './run-step.ts'

export type { StepJob } from './file-steps.ts'

const noted =
  (name: string, text: string): Builtin =>
  (cx, { at, node }) => {
    const map = node && readMap(cx.problems, node, `"${name}"`)
    cx.problems.add('W_NOT_CARRIED_OUT', at, `"${name}" is not carried out yet; the job goes on without it`)
    const step: PlanNoteStep = {
      kind: 'note',
      name: readStepName(cx, map) ?? name,
      when: readWhen(cx, map),
      text,
    }
    return step
  }

/** A job with it is refused by a runner before anything of it begins (runner/sandbox-spec.ts). */
const remoteDocker: Builtin = (cx, { at, node }) => {
  const what = 'setup_remote_docker'
  const map = node?.kind === 'map' ? node : null
  const message = `"${what}" is not carried out yet; the job fails before it begins, and says so`
  const help = 'build images with a tool that needs no Docker engine, or leave the step out'
  cx.problems.add('W_STEP_REFUSED', at, message, help)
  const name = readStepName(cx, map) ?? what
  const reason = later('remote Docker engines are')
  const step: PlanRefusedStep = { kind: 'refused', name, when: readWhen(cx, map), what, reason }
  return step
}

export const checkoutKeys = new Set(['path', 'method', 'depth', 'name', 'when'])

const checkout: Builtin = (cx, { node }) => {
  const map = node && readMap(cx.problems, node, '"checkout"')
  if (map) warnUnknownKeys(cx.problems, map, checkoutKeys, '"checkout"')
  const path = map && entryOf(map, 'path')
  const method = map && entryOf(map, 'method')
  const depth = map && entryOf(map, 'depth')
  const step: PlanCheckoutStep = {
    kind: 'checkout',
    name: readStepName(cx, map) ?? 'checkout',
    when: readWhen(cx, map),
    path: (path && readName(cx.problems, path, '"path"')) ?? '.',
    method: (method && readOneOf(cx.problems, method, '"method"', ['full', 'blobless', 'shallow'])) ?? 'full',
    depth: depth && readInteger(cx.problems, depth, '"depth"', { min: 1, max: 1_000_000 }),
  }
  return step
}

/** Deprecated: on one copy of a job it is `run`; of several the first one does it, when the others have passed. */
const deploy: Builtin = (cx, call) => {
  const isShared = call.job.shards > 1
  const how = isShared
    ? 'the first copy of the job carries it out, and begins when the others have passed'
    : 'it is carried out as "run"'
  const help = isShared ? 'put it into a job of its own that requires this one' : 'write "run"'
  cx.problems.add('W_DEPRECATED', call.at, `"deploy" is deprecated; ${how}`, help)
  const step = run(cx, call)
  return isShared && step?.kind === 'run' ? { ...step, firstShardOnly: true } : step
}

const run: Builtin = (cx, { at, node, job }) => {
  if (node) return readRunStep(cx, node, job.shell)
  cx.problems.add('E_KEY_MISSING', at, '"run" needs a "command"')
  return null
}

/** `MD5:aa:bb…`, `aa:bb…` or `SHA256:…`; without any, all keys of the project. */
const addSshKeys: Builtin = (cx, { node }) => {
  const map = node && readMap(cx.problems, node, '"add_ssh_keys"')
  if (map) warnUnknownKeys(cx.problems, map, new Set(['fingerprints', 'name', 'when']), '"add_ssh_keys"')
  const given = map && entryOf(map, 'fingerprints')
  const fingerprints = given
    ? readTexts(cx.problems, given, '"fingerprints"').filter((text) => text !== '')
    : []
  return {
    kind: 'ssh-keys',
    name: readStepName(cx, map) ?? 'add_ssh_keys',
    when: readWhen(cx, map),
    fingerprints: fingerprints.length === 0 ? null : fingerprints.slice(0, fingerprintsMax),
  }
}

const fingerprintsMax = 100

const later = (what: string) => `${what} not carried out yet by this version of Mayfly`

const builtins: Readonly<Record<string, Builtin>> = {
  run,
  checkout,
  deploy,
  save_cache: saveCache,
  restore_cache: restoreCache,
  store_artifacts: storeArtifacts,
  store_test_results: storeTestResults,
  install_signing_bundle: noted('install_signing_bundle', later('signing bundles are')),
  persist_to_workspace: persistToWorkspace,
  attach_workspace: attachWorkspace,
  setup_remote_docker: remoteDocker,
  add_ssh_keys: addSshKeys,
}

export const builtinNames = Object.keys(builtins)

/** What the first files of version 2 called them; some still do. */
const oldNames: ReadonlyMap<string, string> = new Map([
  ['cache_save', 'save_cache'],
  ['cache_restore', 'restore_cache'],
  ['artifacts_store', 'store_artifacts'],
  ['test_results_store', 'store_test_results'],
])

/** Hyphens and underscores are the same in the names of built-in steps. */
export const findBuiltin = (name: string): Builtin | null => {
  const written = name.replaceAll('-', '_')
  const key = oldNames.get(written) ?? written
  return (Object.hasOwn(builtins, key) ? builtins[key] : undefined) ?? null
}
