// Configurations that somebody names on the command line: a file, whatever its name, or a directory that holds one.
// What the compiler says about them is shown with paths from where the person stands.
import { stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fault } from '../../base/faults.ts'
import type { Problem } from '../../base/problem.ts'
import {
  type CompileInput,
  type CompileResult,
  compile,
  configPaths,
  findConfig,
  type OrbPin,
  orbReferences,
  pipelineParameterTypes,
} from '../../compile/index.ts'
import type { ChangeFacts, RunEvent } from '../../protocol/plan.ts'
import type { WorkTree } from '../git/work-tree.ts'
import type { Surroundings } from '../surroundings.ts'
import { findProjectRoot, localEvent, readConfiguration, readText } from './configuration.ts'
import { compileWithOrbs } from './orbs.ts'
import { readParameters } from './parameters.ts'
import { localRunFacts, noRun } from './run-facts.ts'

/** The paths that were given, else the project around. */
export const givenPaths = (
  around: Surroundings,
  tree: WorkTree | null,
  paths: readonly string[],
): readonly string[] =>
  paths.length > 0 ? paths.map((path) => resolve(around.cwd, path)) : [findProjectRoot(around.cwd, tree)]

export type Given = {
  /** Where the configuration was read from. */
  readonly file: string
  /** The problems of another text in its place, with the compiler's own names of files. */
  readonly check: (text: string) => readonly Problem[]
  /** The configuration's path as a person would type it here. */
  readonly shown: string
  readonly text: string
  readonly result: CompileResult
  /** What the configuration's references to orbs mean. */
  readonly pins: () => readonly OrbPin[]
  /** The same for any file that the compiler names. */
  readonly shownOf: (name: string) => string
}

export type Wish = {
  readonly event?: RunEvent
  /** What is told beside it. */
  readonly change?: ChangeFacts | null
  /** `NAME=VALUE` */
  readonly parameters?: readonly string[]
  readonly more?: Pick<CompileInput, 'withSelection' | 'withConstructs' | 'changed'>
}

export const compileGiven = async (
  around: Surroundings,
  tree: WorkTree | null,
  path: string,
  wish: Wish = {},
): Promise<Given> => {
  const { root, config, file, files } = await readGiven(around, path)
  const parameters = readParameters(wish.parameters ?? [], pipelineParameterTypes(files))
  const event = wish.event ?? localEvent(tree)
  const facts = await localRunFacts(around, { tree, root, id: noRun })
  const run = wish.change ? { ...facts, change: wish.change } : facts
  const input = { files, event, parameters, run, followSetup: true, ...wish.more }
  const { result: compiled, orbs } = await compileWithOrbs(around, input)
  const shownOf = (name: string): string => {
    if (!files.has(name)) return name
    return relative(around.cwd, name === config ? file : join(root, name))
  }
  const show = (problem: Problem): Problem =>
    problem.at ? { ...problem, at: { ...problem.at, file: shownOf(problem.at.file) } } : problem
  const result = { ...compiled, problems: compiled.problems.map(show) }
  const check = (text: string): readonly Problem[] =>
    compile({ ...input, files: new Map(files).set(config, text), orbs }).problems.filter(
      ({ at }) => at === null || at.file === config,
    )
  const pins = () => orbReferences(files, orbs)
  const [shown, text] = [relative(around.cwd, file), files.get(config) ?? '']
  return { file, check, pins, shown, text, result, shownOf }
}

type Read = {
  readonly root: string
  /** The name the compiler knows the configuration by, and the file it was read from. */
  readonly config: string
  readonly file: string
  readonly files: ReadonlyMap<string, string>
}

const readGiven = async (around: Surroundings, path: string): Promise<Read> => {
  const found = await stat(path).catch((cause: unknown) => {
    throw fault('E_NOT_FOUND', { public: `there is no ${relative(around.cwd, path)}`, cause })
  })
  const [first = ''] = configPaths
  if (found.isDirectory()) {
    const files = await readConfiguration(path)
    const config = findConfig(files.keys())?.path ?? first
    return { root: path, config, file: join(path, config), files }
  }
  // A file beside the real one may use the orbs that lie there.
  const inProject = basename(dirname(path)) === dirname(first)
  const root = inProject ? dirname(dirname(path)) : dirname(path)
  const beside = inProject ? await readConfiguration(root) : new Map<string, string>()
  return {
    root,
    config: first,
    file: path,
    files: new Map([...beside, [first, await readText(path)]]),
  }
}
