// Where a job runs: `docker`, `machine`, `macos` or `windows` on the job or on the executor it names, with the
// environment, shell, directory and resource class that both contribute (config-dialects.md §2.8).

import type { JobSpec } from '../../../protocol/plan.ts'
import { classOfSize, foreignNeed, sizeWords } from '../../../protocol/resource-class.ts'
import type { Spot } from '../../source/file.ts'
import {
  type Entry,
  entryOf,
  isNull,
  type MapNode,
  resolveBoolean,
  type ScalarNode,
  type SourceNode,
} from '../../source/node.ts'
import {
  isName,
  listOrOne,
  readMap,
  readName,
  readText,
  warnUnknownKeys,
  wrongType,
} from '../../source/read.ts'
import { didYouMean } from '../../suggest.ts'
import { followAlias } from './alias.ts'
import type { Compiling, Element } from './compiling.ts'
import { type Containers, hostTools, readDocker } from './docker.ts'
import { type EnvMap, readEnvironment, toEnv } from './environment.ts'
import { scopeOf } from './parameters.ts'
import { parseShell, splitWords } from './shell.ts'
import { substitute } from './substitute.ts'

export type Execution = {
  readonly image: JobSpec['image']
  readonly services: JobSpec['services']
  readonly resourceClass: string | null
  readonly workdir: string
  readonly env: JobSpec['env']
  readonly shell: Shell | null
}

/** `untrusted`: the text of it, if any, that holds an outside value with unsafe characters. */
export type Shell = { readonly words: readonly string[]; readonly untrusted: ScalarNode | null }

const kinds = ['docker', 'machine', 'macos', 'windows'] as const
const contributed = [...kinds, 'shell', 'working_directory', 'resource_class'] as const
export const executorKeys: ReadonlySet<string> = new Set([
  ...contributed,
  'environment',
  'parameters',
  'description',
])

/** `body` is the job with its `<< >>` substituted. null: reported. */
export const readExecution = (cx: Compiling, label: string, body: MapNode, at: Spot): Execution | null => {
  const executorNode = entryOf(body, 'executor')
  const executor = executorNode ? resolveExecutor(cx, executorNode) : null
  if (executorNode && !executor) return null
  const keys = overlay(executor, body)
  const present = kinds.filter((kind) => keys.has(kind))
  const [kind, another] = present
  if (!kind || another) {
    const message = kind
      ? `${label} has both "${kind}" and "${another}"`
      : `${label} does not say where it runs`
    cx.problems.add('E_JOB_KIND', at, message, kind ? null : 'add "docker", "machine", "macos" or "executor"')
    return null
  }
  const place = readPlace(cx, kind, keys)
  if (!place) return null
  const env: EnvMap = new Map(place.env)
  if (executor) readEnvironment(cx, entryOf(executor, 'environment'), env)
  readEnvironment(cx, entryOf(body, 'environment'), env)
  const shellNode = keys.get('shell') ?? place.shell
  const { resourceClass } = place
  return {
    image: place.image,
    services: place.services,
    resourceClass: resourceClass ? readClass(cx, resourceClass, place.image.kind) : null,
    workdir: readWorkdir(cx, keys.get('working_directory')),
    env: toEnv(env),
    shell: shellNode ? readShell(cx, shellNode) : null,
  }
}

/** The executor's keys, each replaced as a whole by the job's. A kind on the job replaces the executor's kind. */
const overlay = (executor: MapNode | null, body: MapNode): Map<string, SourceNode> => {
  const keys = new Map<string, SourceNode>()
  const ownKind = kinds.some((kind) => entryOf(body, kind) !== null)
  for (const [source, skipsKinds] of [
    [executor, ownKind],
    [body, false],
  ] as const)
    for (const name of contributed) {
      const value = source && entryOf(source, name)
      if (value && !(skipsKinds && (kinds as readonly string[]).includes(name))) keys.set(name, value)
    }
  return keys
}

/** The definition with its parameters bound and its `<< >>` substituted. */
const resolveExecutor = (cx: Compiling, node: SourceNode): MapNode | null => {
  const call = readExecutorCall(cx, node)
  // A name that was passed as an argument means what it means where it was written.
  const found = call && findExecutor(cx.homes.get(call.at) ?? cx.homes.get(node) ?? cx, call)
  if (!found) return null
  const label = `executor "${call.name}"`
  const map = readMap(cx.problems, found.entry.value, label)
  if (!map) return null
  cx.problems.constructs?.honour(found.entry, label)
  warnUnknownKeys(cx.problems, map, executorKeys, 'an executor')
  const scope = scopeOf(found.cx, { kind: 'executor', label }, map, { args: call.args, at: node, from: cx })
  const body = substitute(found.cx, map, scope)
  return body.kind === 'map' ? body : null
}

const findExecutor = (cx: Compiling, { name, at }: ExecutorCall): Element | null => {
  const own = cx.executors.get(name)
  const found = own ? followAlias(cx, 'executor', own) : cx.orbs.find('executor', name, at)
  if (found === 'reported') return null
  if (found) return found
  const help = () => didYouMean(name, cx.executors.keys(), (near) => cx.executors.get(near)?.key ?? null)
  cx.problems.add('E_EXECUTOR_UNKNOWN', at, `there is no executor "${name}"`, help)
  return null
}

type ExecutorCall = {
  readonly name: string
  readonly at: SourceNode
  readonly args: ReadonlyMap<string, Entry>
}

/** `name`, `{name: n, arg: v}`, or the legacy `{n: {arg: v}}`. */
const readExecutorCall = (cx: Compiling, node: SourceNode): ExecutorCall | null => {
  if (node.kind === 'scalar') return { name: node.text, at: node, args: new Map() }
  if (node.kind === 'list') return wrongType(cx.problems, node, '"executor"', 'a name or a map')
  const nameNode = entryOf(node, 'name')
  if (nameNode) {
    const name = readName(cx.problems, nameNode, 'the name of the executor')
    const args = new Map([...node.entries].filter(([key]) => key !== 'name'))
    return name === null ? null : { name, at: nameNode, args }
  }
  const [only, more] = [...node.entries.values()]
  if (only && !more && (only.value.kind === 'map' || isNull(only.value)))
    return {
      name: only.key.text,
      at: only.key,
      args: only.value.kind === 'map' ? only.value.entries : new Map(),
    }
  cx.problems.add('E_KEY_MISSING', node, '"executor" needs a "name"')
  return null
}

const machineKeys = new Set(['image', 'xcode', 'shell', 'resource_class', 'enabled'])

/** What a runner of this version makes of it (runner/sandbox-spec.ts). */
const judgeMachine = (
  { problems }: Compiling,
  { kind, system }: { readonly kind: string; readonly system: 'machine' | 'macos' | 'windows' },
  node: SourceNode,
): void => {
  const { constructs } = problems
  if (system !== 'machine') {
    const name = system === 'macos' ? 'macOS' : 'Windows'
    const message = `no runner of this version has ${name}; the job fails before it begins, and says so`
    problems.add('W_STEP_REFUSED', node, message)
  }
  if (constructs === null) return
  for (const [name, entry] of node.kind === 'map' ? node.entries : [])
    if (machineKeys.has(name)) constructs.honour(entry, `${name} of "${kind}"`)
    else constructs.judge(entry.key, 'ignored', 'it changes nothing here')
  if (system === 'machine') constructs.judge(node, 'translated', hostTools)
}

type Place = Containers & { readonly shell: SourceNode | null; readonly resourceClass: SourceNode | null }

const readPlace = (
  cx: Compiling,
  kind: (typeof kinds)[number],
  keys: ReadonlyMap<string, SourceNode>,
): Place | null => {
  const node = keys.get(kind)
  if (!node) return null
  if (kind === 'docker') {
    const containers = readDocker(cx, node)
    return containers && { ...containers, shell: null, resourceClass: keys.get('resource_class') ?? null }
  }
  const map = node.kind === 'map' ? node : null
  const refKey = kind === 'macos' ? 'xcode' : 'image'
  const refNode = map
    ? entryOf(map, refKey)
    : node.kind === 'scalar' && resolveBoolean(node) === null
      ? node
      : null
  if (node.kind === 'list') return wrongType(cx.problems, node, `"${kind}"`, 'a map')
  const ref = refNode && readName(cx.problems, refNode, `"${refKey}"`)
  const resourceClass = keys.get('resource_class') ?? (map && entryOf(map, 'resource_class'))
  const says = [ref, resourceClass?.kind === 'scalar' ? resourceClass.text : null]
  const isWindows =
    kind === 'windows' || (kind === 'machine' && says.some((word) => word?.startsWith('windows')))
  const system = isWindows ? 'windows' : kind
  judgeMachine(cx, { kind, system }, node)
  return {
    image: cx.origins.mark({ kind: system, ref }, node),
    services: [],
    env: new Map(),
    shell: map && entryOf(map, 'shell'),
    resourceClass,
  }
}

/**
 * `namespace/name` is somebody's own runner; of any other word that is no size one had better know before the job waits.
 * The platform's own sizes of another system say nothing beside that system: any runner can tell that it is not one.
 */
const readClass = (cx: Compiling, node: SourceNode, kind: JobSpec['image']['kind']): string | null => {
  const word = readName(cx.problems, node, '"resource_class"')
  if (word !== null && (kind === 'macos' || kind === 'windows') && !word.includes('/')) return null
  const size = word === null ? null : classOfSize(word)
  if (size !== null && size !== word)
    cx.problems.constructs?.judge(node, 'translated', `${word} means the class ${size} here`)
  if (word === null || word.includes('/') || size !== null) return word
  const unarmed = word.startsWith('arm.') ? word.slice('arm.'.length) : ''
  const help = sizeWords.includes(unarmed)
    ? `write ${JSON.stringify(unarmed)} if the job does not need an ARM processor`
    : (didYouMean(word, sizeWords) ?? `the sizes are ${sizeWords.join(', ')}`)
  const need = foreignNeed(word)
  const becomes =
    need === null
      ? 'is not a size; the job needs a runner that offers a class of this name'
      : `needs ${need}; unless a runner offers a class of this name, the job fails before it begins, and says so`
  const message = `"resource_class" ${JSON.stringify(word.slice(0, 80))} ${becomes}`
  cx.problems.add('W_CLASS_UNKNOWN', node, message, help)
  return word
}

const readWorkdir = (cx: Compiling, node: SourceNode | undefined): string => {
  const text = node ? readName(cx.problems, node, '"working_directory"') : null
  if (text === null) return '~/project'
  // A relative directory of a job is below the home of the step user, where the platform starts.
  return /^(\/|~$|~\/)/.test(text) ? text : `~/${text}`
}

/** A text is split into words; a list is taken as it is. */
export const readShell = (cx: Compiling, node: SourceNode): Shell | null => {
  const words =
    node.kind === 'list'
      ? node.items.map((item) => readText(cx.problems, item, 'a word of "shell"') ?? '')
      : splitWords(readText(cx.problems, node, '"shell"') ?? '')
  if (words === null || words.length === 0) {
    const message = words === null ? '"shell" has a quote that is not closed' : '"shell" is empty'
    cx.problems.add('E_VALUE', node, message)
    return null
  }
  const areNames = words.every((word) => isName(cx.problems, node, word, 'a word of "shell"'))
  if (!areNames) return null
  const isUntrusted = (word: SourceNode): word is ScalarNode =>
    word.kind === 'scalar' && word.untrusted !== undefined
  return { words: parseShell(words), untrusted: listOrOne(node).find(isUntrusted) ?? null }
}
