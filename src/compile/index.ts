// The door of the compiler: configuration text in, a plan or problems out. Pure: it reads no file, no clock and no
// environment, and never throws over what somebody wrote. The same input gives the same plan, byte for byte.

import { utf8 } from '../base/bytes.ts'
import type { Problem } from '../base/problem.ts'
import { sha256Hex } from '../base/sha256.ts'
import type { ChooseAnswer, MergeAnswer, SourceText } from '../protocol/compile.ts'
import type { Dialect, Origins, Plan, PlanInputs, RunEvent, RunFacts } from '../protocol/plan.ts'
import { type Construct, createConstructs } from './constructs.ts'
import {
  type CircleciInput,
  type Compiled,
  type ContinuedWith,
  checkOrb as checkOrbBody,
  chooseByText,
  compileCircleci,
  compileContinuation,
  declaredParameterTypes,
  type OrbPin,
  orbPins,
  type PathMapping,
  readContinuation,
} from './dialects/circleci/index.ts'
import { limits } from './limits.ts'
import { createOriginMarks, type OriginMarks } from './plan/origins.ts'
import { createSelectionLog, type Selection } from './plan/selection.ts'
import { createWorkMeter } from './plan/work.ts'
import { createProblems, type Problems } from './problems.ts'
import { loadYaml } from './source/load.ts'
import type { SourceNode } from './source/node.ts'
import { writeYaml } from './source/write.ts'

export { type Explanation, problemExplanations } from '../protocol/explain/index.ts'
export { type ProblemCode, problemCodes, titleOf } from '../protocol/problem-codes.ts'
export { type Construct, type Verdict, verdicts } from './constructs.ts'
export type { OrbPin } from './dialects/circleci/index.ts'
export { circleciSchema as configSchema } from './dialects/circleci/schema.ts'
export { formatProblems, type ProblemLook, printable } from './format.ts'
export type { JobSelection, Selection, Why, WorkflowSelection } from './plan/selection.ts'
export { nearest } from './suggest.ts'

export type CompileInput = {
  /** Path in the repository → text as committed. More files than are needed do no harm. */
  readonly files: ReadonlyMap<string, string>
  readonly event: RunEvent
  readonly parameters: PlanInputs['parameters']
  /** The project lets text from outside with unsafe characters become part of scripts. */
  readonly untrustedInScripts?: boolean
  /** Of a setup configuration also the workflows that it goes on with, as far as that can be known before it runs. */
  readonly followSetup?: boolean
  /** Paths that changed since the base revision, to follow path filtering; left out when nobody knows. */
  readonly changed?: readonly string[]
  /** What the jobs of the setup configuration came to: the plan is the one the run goes on with. */
  readonly continuedWith?: ContinuedWith
  /** What `<< pipeline.number >>` and its like show; unset without it. */
  readonly run?: RunFacts
  /** Orbs that the installation has, text by exact id (`namespace/orb@1.2.3`) or address. */
  readonly orbs?: ReadonlyMap<string, string>
  /** Say of every workflow and job whether this event starts it, and why not. */
  readonly withSelection?: boolean
  /** Say of every construct what became of it. */
  readonly withConstructs?: boolean
}

export type CompileResult = {
  readonly problems: readonly Problem[]
  /** When it was asked for. */
  readonly constructs?: readonly Construct[]
} & (
  | {
      readonly ok: true
      readonly plan: Plan
      readonly origins: Origins
      /** When it was asked for. */
      readonly selection?: Selection
    }
  | { readonly ok: false }
)

type DialectRow = {
  readonly dialect: Dialect
  readonly path: string
  readonly compile: (input: CircleciInput) => Compiled
  readonly compileContinuation: typeof compileContinuation
  readonly parameterTypes: (document: SourceNode) => ReadonlyMap<string, string>
}

/** In order of preference. */
const dialects: readonly DialectRow[] = [
  {
    dialect: 'circleci',
    path: '.circleci/config.yml',
    compile: compileCircleci,
    compileContinuation,
    parameterTypes: declaredParameterTypes,
  },
]

/** The configuration itself. A planner fetches the directory around it as well, for the orbs a repository brings. */
export const configPaths: readonly string[] = dialects.map((row) => row.path)

/** Which of a tree's files is its configuration, or null. */
export const findConfig = (
  paths: Iterable<string>,
): { readonly path: string; readonly dialect: Dialect } | null => {
  const present = new Set(paths)
  const row = dialects.find(({ path }) => present.has(path))
  return row ? { path: row.path, dialect: row.dialect } : null
}

export const compile = (input: CompileInput): CompileResult => {
  if (input.withConstructs !== true) return compileWith(input, createProblems())
  const constructs = createConstructs()
  return { ...compileWith(input, createProblems(constructs)), constructs: constructs.list() }
}

const compileWith = (input: CompileInput, problems: Problems): CompileResult => {
  const row = dialects.find(({ path }) => input.files.has(path))
  const text = row && input.files.get(row.path)
  if (!row || text === undefined) {
    const help = `add one of: ${configPaths.join(', ')}`
    problems.add('E_CONFIG_MISSING', null, 'there is no configuration file in this repository', help)
    return { ok: false, problems: problems.list() }
  }
  const origins = createOriginMarks()
  const allowed = input.untrustedInScripts === true ? ({ untrustedInScripts: true } as const) : {}
  const given: PlanInputs = { event: input.event, parameters: input.parameters, ...allowed }
  const { run, continuedWith: continued } = input
  const work = createWorkMeter(problems)
  const shown = new Set<string>()
  const selection = input.withSelection === true ? createSelectionLog() : null
  const inputs = run ? { ...given, run } : given
  const common = {
    problems,
    origins,
    work,
    shown,
    selection,
    inputs,
    files: input.files,
    orbs: input.orbs ?? new Map(),
  }
  const compiled = continued
    ? row.compileContinuation(common, continued)
    : compileDocument(row, text, { ...common, ...pathsOf(input) })
  if (compiled === null || problems.hasErrors()) return { ok: false, problems: problems.list() }
  const { workflows, parameters, schedules, takes } = compiled
  const texts = [...(continued?.sources ?? [{ path: row.path, text }]), ...compiled.orbs]
  const source = texts.map((file) => ({ path: file.path, sha256: sha256Hex(file.text) }))
  // A plan that shows nothing of its run serves every run of the same event.
  const isOfRun = run !== undefined && shown.size > 0
  const plan: Plan = {
    ...{ v: 1, dialect: row.dialect, source },
    inputs: { ...given, parameters, ...(isOfRun ? { run } : {}) },
    workflows,
    ...(compiled.isSetup ? { setup: true } : {}),
    ...(schedules.length > 0 && input.event.kind === 'push' ? { schedules } : {}),
    ...(takes === null ? {} : { takes }),
  }
  if (work.spent() * jsonGrowthMax > limits.planBytesMax) checkSize(plan, problems)
  checkTexts(plan, origins, problems)
  if (workflows.length === 0)
    problems.add('N_NOTHING_TO_RUN', null, 'no workflow of this file applies to this event')
  if (problems.hasErrors()) return { ok: false, problems: problems.list() }
  const selected = selection ? { selection: selection.list() } : {}
  return { ok: true, plan, origins: origins.collect(plan), ...selected, problems: problems.list() }
}

const compileDocument = (
  row: DialectRow,
  text: string,
  input: Omit<CircleciInput, 'document'>,
): Compiled | null => {
  const document = loadYaml(row.path, text, input.problems)
  return document && row.compile({ ...input, document })
}

const pathsOf = ({ followSetup, changed }: CompileInput) => ({
  followsSetup: followSetup === true,
  changed: changed ?? null,
})

/** A character becomes at most six (`\\u0000`); writing a plan out to measure it is only worth it near the limit. */
const jsonGrowthMax = 6

/** What a mapping of path filtering chooses by the paths that changed. */
export const choosePaths = (mapping: PathMapping, changed: readonly string[]): ChooseAnswer => {
  const problems = createProblems()
  const { parameters, files, hits } = chooseByText(problems, mapping, changed)
  if (problems.hasErrors()) return { ok: false, problems: problems.list() }
  return {
    ...{ ok: true, parameters: Object.fromEntries(parameters), files },
    hits: hits.map(({ line, path }) => ({ line, path: path ?? '' })),
  }
}

/** Several files as one text, a later one in place of an earlier one where both say something. */
export const mergeConfigs = (sources: readonly SourceText[]): MergeAnswer => {
  const problems = createProblems()
  const root = readContinuation(problems, sources)
  const text = root && writeYaml(root)
  if (text === null && root !== null)
    problems.add(
      'E_YAML_TOO_LARGE',
      root,
      `together they are larger than ${limits.fileBytesMax / 1024 / 1024} MiB`,
    )
  return text === null || problems.hasErrors() ? { ok: false, problems: problems.list() } : { ok: true, text }
}

/** `elements`: `command x`, `job y` … */
export type CheckedOrb =
  | { readonly ok: true; readonly elements: readonly string[] }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Whether a text is an orb, and what is wrong in it whoever uses it. `path` is for positions. */
export const checkOrb = ({ path, text }: SourceText): CheckedOrb => {
  const problems = createProblems()
  const document = loadYaml(path, text, problems)
  const elements = document === null ? [] : checkOrbBody({ problems, interpolates: true }, document)
  return problems.hasErrors() ? { ok: false, problems: problems.list() } : { ok: true, elements }
}

/** What references of the configuration to orbs mean with these sources; empty when it cannot be read. */
export const orbReferences = (
  files: CompileInput['files'],
  orbs: NonNullable<CompileInput['orbs']>,
): readonly OrbPin[] => {
  const row = dialects.find(({ path }) => files.has(path))
  const document = row && loadYaml(row.path, files.get(row.path) ?? '', createProblems())
  return document ? orbPins(document, files, orbs) : []
}

/** The types of the parameters that a pipeline takes, by name: for callers that have nothing but texts. */
export const pipelineParameterTypes = (files: ReadonlyMap<string, string>): ReadonlyMap<string, string> => {
  const row = dialects.find(({ path }) => files.has(path))
  const document = row && loadYaml(row.path, files.get(row.path) ?? '', createProblems())
  return document ? row.parameterTypes(document) : new Map()
}

/** Escapes bring these. A plan with half a character has no canonical form, and so no digest; one with a NUL is not stored. */
const checkTexts = (plan: Plan, origins: OriginMarks, problems: Problems): void =>
  origins.eachText(plan, (text, at) => {
    const what = text.includes('\0')
      ? 'a NUL character'
      : text.isWellFormed()
        ? null
        : 'half a surrogate pair'
    if (what === null) return
    const help = 'between single quotes a backslash is a backslash'
    problems.add('E_VALUE', at, `a text here contains ${what}`, help)
  })

const checkSize = (plan: Plan, problems: Problems): void => {
  const bytes = utf8(JSON.stringify(plan)).length
  if (bytes <= limits.planBytesMax) return
  const mebibytes = limits.planBytesMax / 1024 / 1024
  problems.add('E_PLAN_TOO_LARGE', null, `the plan has ${bytes} bytes, more than ${mebibytes} MiB`)
}
