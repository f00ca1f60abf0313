// Orbs (config-dialects.md §2.7). The body of an orb is a small configuration of its own: its commands, jobs and
// executors see each other and the orbs it imports, never those of the project that uses it. So each body gets a
// Compiling of its own, made when an element of it is first used. Orbs that are not here are reported once each, with
// everything a project needs from them.

import type { Problems } from '../../problems.ts'
import { lineOf, type Spot } from '../../source/file.ts'
import { loadYaml } from '../../source/load.ts'
import { type Entry, entryOf, type MapNode, type SourceNode } from '../../source/node.ts'
import { readMap } from '../../source/read.ts'
import { didYouMean } from '../../suggest.ts'
import { builtInOrb } from './built-in-orbs.ts'
import {
  type Compiling,
  type Definitions,
  type ElementKind,
  noOrbs,
  type OrbTable,
  readDefinitions,
} from './compiling.ts'
import {
  exactOrbId,
  type OrbReference,
  type OrbSource,
  type OrbText,
  parseOrbReference,
  vendoredOrbPath,
} from './orb-source.ts'
import { pipelineScope, substitute } from './substitute.ts'

/** What one compile knows of orbs: shared by the tables of all bodies. */
export interface OrbLibrary {
  /** The orbs that the project's file declares. */
  table(cx: Omit<Compiling, 'orbs'>): OrbTable
  /** Registry orbs that were opened, in the order of their ids. */
  opened(): readonly OrbText[]
  /** One problem for each declared orb that is missing, and for those of the project that are not used. */
  report(problems: Problems): void
}

type Orb = {
  readonly at: Spot
  /** For messages: `the orb "node" (circleci/node@5.1)`. */
  readonly what: string
  readonly ofProject: boolean
  readonly uses: Map<string, Spot>
  /** null: reported as malformed where it is declared. */
  readonly body: { readonly open: () => Compiling | null } | { readonly missing: string } | null
}

type Library = {
  readonly source: OrbSource
  /** Pipeline values without the project's parameters: an orb does not see those. */
  readonly pipeline: ReadonlyMap<string, SourceNode>
  /** By exact id. */
  readonly bodies: Map<string, Compiling | null>
  readonly opened: Map<string, OrbText>
  readonly declared: Orb[]
}

export const createOrbLibrary = (
  source: OrbSource,
  pipeline: ReadonlyMap<string, SourceNode>,
): OrbLibrary => {
  const library: Library = { source, pipeline, bodies: new Map(), opened: new Map(), declared: [] }
  return {
    table: (cx) => createTable(library, { ...cx, orbs: noOrbs }, { enclosing: noOrbs, ofProject: true }),
    opened: () => [...library.opened.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    report: (problems) => {
      for (const orb of library.declared) reportOrb(problems, orb)
    },
  }
}

const createTable = (
  library: Library,
  cx: Compiling,
  { enclosing, ofProject }: { readonly enclosing: OrbTable; readonly ofProject: boolean },
): OrbTable => {
  const node = cx.interpolates ? entryOf(cx.root, 'orbs') : null
  const orbs = new Map<string, Orb>()
  const table: OrbTable = {
    find: (kind, name, at) => {
      const [orbName, element] = splitName(name)
      if (element === null || !cx.interpolates) return null
      const orb = orbs.get(orbName)
      if (!orb) return enclosing.find(kind, name, at) ?? reportUnknown(cx, name, at, orbs.keys())
      if (!orb.uses.has(name)) orb.uses.set(name, at)
      const body = openBody(orb)
      if (!body) return 'reported'
      const entry = body[plurals[kind]].get(element)
      return entry ? { cx: body, entry } : reportElement(cx, orb, { kind, name, at }, body)
    },
    replacement: (name, at) => {
      const [orbName, element] = splitName(name)
      const orb = orbs.get(orbName)
      if (!orb || element === null) return enclosing.replacement(name, at)
      if (!orb.uses.has(name)) orb.uses.set(name, at)
      const body = openBody(orb)
      const entry = body?.jobs.get(element)
      if (!body) return 'reported'
      return entry ? { cx: body, entry } : null
    },
    isIncomplete: () => library.declared.some(isMissed),
  }
  for (const { key, value } of (node && readMap(cx.problems, node, '"orbs"'))?.entries.values() ?? []) {
    const orb = declare(library, { ...cx, orbs: table }, { key, value }, ofProject)
    orbs.set(key.text, orb)
    library.declared.push(orb)
  }
  return table
}

const isMissed = ({ uses, body }: Orb): boolean => uses.size > 0 && body !== null && 'missing' in body

export const plurals = { command: 'commands', job: 'jobs', executor: 'executors' } as const

/** Of the source of an orb, as written: what is wrong with it is said where it is used. */
export const elementsOf = (document: SourceNode): readonly string[] =>
  Object.entries(plurals).flatMap(([kind, key]) => {
    const definitions = document.kind === 'map' ? entryOf(document, key) : null
    return definitions?.kind === 'map' ? [...definitions.entries.keys()].map((name) => `${kind} ${name}`) : []
  })

const splitName = (name: string): readonly [orb: string, element: string | null] => {
  const slash = name.indexOf('/')
  return slash < 1 ? [name, null] : [name.slice(0, slash), name.slice(slash + 1)]
}

const openBody = ({ body }: Orb): Compiling | null => (body !== null && 'open' in body ? body.open() : null)

/** `cx` is the file that declares the orb, its other orbs included: an inline orb may use those. */
const declare = (library: Library, cx: Compiling, { key, value }: Entry, ofProject: boolean): Orb => {
  const base = { at: key, ofProject, uses: new Map<string, Spot>() }
  cx.problems.constructs?.honour({ key, value }, `orb ${key.text}`)
  const name = key.text.slice(0, 80)
  if (value.kind === 'map') {
    let made: Compiling | null = null
    const open = () => {
      made ??= bodyOf(library, cx, value, cx.orbs)
      return made
    }
    return { ...base, what: `the inline orb "${name}"`, body: { open } }
  }
  const written = substitute(cx, value, pipelineScope)
  const text = written.kind === 'scalar' ? written.text : ''
  const what = `the orb "${name}" (${text.slice(0, 200)})`
  const reference = parseOrbReference(text)
  if (reference === null) return { ...base, what, body: reportReference(cx, written, what) }
  const found = builtInOrb(reference) ?? library.source.find(reference)
  if (found === null) return { ...base, what, body: { missing: helpFor(library.source, reference) } }
  return { ...base, what, body: { open: () => openRegistryOrb(library, cx, found) } }
}

const reportReference = (cx: Compiling, at: SourceNode, what: string): null => {
  const message = `${what} is neither "namespace/orb@version", an https address, nor the body of an orb`
  cx.problems.add('E_ORB_REFERENCE', at, message)
  return null
}

const helpFor = (source: OrbSource, reference: OrbReference): string => {
  const here = source.versionsOf(reference.name)
  const others = here.length === 0 ? '' : `; here are ${here.slice(0, 5).join(', ')}`
  const add = `mayfly orb add ${exactOrbId(reference)} FILE`
  return `${add}, or put its source into ${vendoredOrbPath(reference)}${others}`
}

/** Once for each exact version, however many files import it: what its names mean does not depend on who does. */
const openRegistryOrb = (library: Library, cx: Compiling, orb: OrbText): Compiling | null => {
  const known = library.bodies.get(orb.id)
  if (known !== undefined) return known
  library.opened.set(orb.id, orb)
  const document = orb.document?.() ?? loadYaml(orb.path, orb.text, cx.problems)
  const body = document && readMap(cx.problems, document, `the orb ${orb.id}`)
  const made = body && bodyOf(library, cx, body, noOrbs)
  library.bodies.set(orb.id, made)
  return made
}

/** What only a configuration has. */
export const reportForeignKeys = (problems: Problems, body: MapNode): void => {
  for (const key of ['workflows', 'parameters']) {
    const entry = body.entries.get(key)
    if (entry) problems.add('E_ORB_BODY', entry.key, `an orb has no "${key}"`)
  }
}

const bodyOf = (library: Library, outer: Compiling, body: MapNode, enclosing: OrbTable): Compiling => {
  reportForeignKeys(outer.problems, body)
  const inner: Compiling = {
    ...outer,
    root: body,
    jobs: readDefinitions(outer.problems, body, 'jobs'),
    commands: readDefinitions(outer.problems, body, 'commands'),
    executors: readDefinitions(outer.problems, body, 'executors'),
    groups: new Map(),
    pipeline: library.pipeline,
    orbs: noOrbs,
  }
  return { ...inner, orbs: createTable(library, inner, { enclosing, ofProject: false }) }
}

const reportUnknown = (cx: Compiling, name: string, at: Spot, declared: Iterable<string>): 'reported' => {
  const help = () => didYouMean(splitName(name)[0], declared)
  const shown = name.slice(0, 80)
  cx.problems.add('E_ORB_UNKNOWN', at, `"${shown}" names an orb that is not declared under "orbs"`, help)
  return 'reported'
}

const reportElement = (
  cx: Compiling,
  orb: Orb,
  { kind, name, at }: { readonly kind: ElementKind; readonly name: string; readonly at: Spot },
  body: Compiling,
): 'reported' => {
  const element = splitName(name)[1] ?? ''
  const definitions: Definitions = body[plurals[kind]]
  const help =
    body.root.entries.size === 0
      ? 'its body is empty here: tests of an orb put the packed orb in its place before they run'
      : () => didYouMean(element, definitions.keys(), (near) => definitions.get(near)?.key ?? null)
  cx.problems.add('E_ORB_ELEMENT', at, `${orb.what} has no ${kind} "${element.slice(0, 80)}"`, help)
  return 'reported'
}

const reportOrb = (problems: Problems, { at, what, ofProject, uses, body }: Orb): void => {
  if (uses.size === 0) {
    if (ofProject) problems.add('W_ORB_UNUSED', at, `${what} is declared and not used`)
    return
  }
  if (body === null || !('missing' in body)) return
  const places = [...uses].map(([use, place]) => `${use} (${placeOf(place, at)})`)
  const shown =
    places.length > usesShown ? [...places.slice(0, usesShown), `${places.length - usesShown} more`] : places
  problems.add('E_ORB_MISSING', at, `${what} is not here; it is used for ${shown.join(', ')}`, body.missing)
}

const usesShown = 8

const placeOf = (use: Spot, declared: Spot): string =>
  use.file === declared.file ? `line ${lineOf(use)}` : `${use.file.path}:${lineOf(use)}`
