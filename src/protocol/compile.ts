// What the compile program reads on stdin and writes on stdout, one JSON document each. Between them lies a sandbox:
// the request holds a repository's hostile text, and the answer is as hostile as that text.

import type { Parsed, Position, Problem } from '../base/problem.ts'
import {
  either,
  integer,
  list,
  nullable,
  object,
  oneOf,
  optional,
  parseShape,
  type Shape,
  text,
} from '../base/shape.ts'
import { type Construct, verdicts } from './constructs.ts'
import type { Origin, Origins, Plan, PlanInputs, RunFacts } from './plan.ts'
import { plainValues, plan, runEvent, runFacts } from './plan-parse.ts'

/** Written when everything is loaded and warm, before anything is read. */
export const compileReadyLine = 'ready\n'
export const compileRequestBytesMax = 16 * 1024 * 1024
export const compileAnswerBytesMax = 16 * 1024 * 1024
/** Files that a run is continued with, together. */
export const continuationFilesMax = 64
/** Paths of one question about a mapping. */
export const changedPathsMax = 100_000
/** Of one report. */
export const constructsMax = 100_000

export type CompileRequest = {
  readonly v: 1
  /** Path in the repository → text. */
  readonly files: Readonly<Record<string, string>>
  readonly event: PlanInputs['event']
  readonly parameters: PlanInputs['parameters']
  readonly untrustedInScripts?: true
  readonly run?: RunFacts
  /** Registry orbs by exact id. */
  readonly orbs?: Readonly<Record<string, string>>
  /** Say of every construct what became of it. */
  readonly constructs?: true
  /** What the jobs of the setup configuration came to; `parameters` is JSON. */
  readonly continuedWith?: { readonly sources: readonly SourceText[]; readonly parameters: string }
}

/** What a mapping of path filtering chooses: its expressions and the paths are both somebody's text. */
export type ChooseRequest = {
  readonly v: 1
  readonly choose: {
    readonly mapping: string
    readonly exclude: string
    readonly changed: readonly string[]
  }
}

/** Several files as one configuration. */
export type MergeRequest = { readonly v: 1; readonly merge: { readonly sources: readonly SourceText[] } }
/** The source of an orb, before it is put into a store. */
export type OrbRequest = { readonly v: 1; readonly orb: SourceText }
export type SourceText = { readonly path: string; readonly text: string }

/** `words`: what is wrong, with places and lines. */
export type OrbAnswer = { readonly ok: true } | { readonly ok: false; readonly words: string }

export type MergeAnswer =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problems: readonly Problem[] }

export type ChooseAnswer =
  | {
      readonly ok: true
      readonly parameters: PlanInputs['parameters']
      readonly files: readonly string[]
      /** The lines that count, each with the first path that it covers. */
      readonly hits: readonly { readonly line: string; readonly path: string }[]
    }
  | { readonly ok: false; readonly problems: readonly Problem[] }

export type CompileAnswer = {
  readonly problems: readonly Problem[]
  /** When they were asked for. */
  readonly constructs?: readonly Construct[]
} & ({ readonly ok: true; readonly plan: Plan; readonly origins: Origins } | { readonly ok: false })

export const parseCompileRequest = (
  json: unknown,
): Parsed<CompileRequest | ChooseRequest | MergeRequest | OrbRequest> =>
  parseShape(
    either(has('choose'), choose, either(has('merge'), merge, either(has('orb'), orb, request))),
    json,
  )
export const parseCompileAnswer = (json: unknown): Parsed<CompileAnswer> => parseShape(answer, json)
export const parseChooseAnswer = (json: unknown): Parsed<ChooseAnswer> => parseShape(chosen, json)
export const parseMergeAnswer = (json: unknown): Parsed<MergeAnswer> => parseShape(merged, json)
export const parseOrbAnswer = (json: unknown): Parsed<OrbAnswer> => parseShape(checkedOrb, json)

const has =
  (member: string) =>
  (json: unknown): boolean =>
    typeof json === 'object' && json !== null && member in json

const textMax = 4 * 1024 * 1024
const entriesMax = 1_000_000

export const recordOf =
  <T>(item: Shape<T>): Shape<Readonly<Record<string, T>>> =>
  (value, path, report) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return report(path, 'must be an object')
    const entries = Object.entries(value)
    if (entries.length > entriesMax) return report(path, `has more than ${entriesMax} members`)
    const out: Record<string, T> = Object.create(null)
    for (const [key, member] of entries) {
      const parsed = item(member, `${path}.${key.slice(0, 64)}`, report)
      if (parsed !== undefined) out[key] = parsed
    }
    return out
  }

const source: Shape<SourceText> = object({ path: text({ max: 1024 }), text: text({ max: textMax, min: 0 }) })
const sources: Shape<readonly SourceText[]> = list(source, { max: continuationFilesMax, min: 1 })

const request: Shape<CompileRequest> = object({
  v: oneOf(1),
  files: recordOf(text({ max: textMax, min: 0 })),
  event: runEvent,
  parameters: plainValues,
  untrustedInScripts: optional(oneOf(true)),
  run: optional(runFacts),
  orbs: optional(recordOf(text({ max: textMax, min: 0 }))),
  constructs: optional(oneOf(true)),
  continuedWith: optional(object({ sources, parameters: text({ max: textMax, min: 0 }) })),
})

const merge: Shape<MergeRequest> = object({ v: oneOf(1), merge: object({ sources }) })

const orb: Shape<OrbRequest> = object({ v: oneOf(1), orb: source })

const path = text({ max: 4096 })
const choose: Shape<ChooseRequest> = object({
  v: oneOf(1),
  choose: object({
    mapping: text({ max: textMax, min: 0 }),
    exclude: text({ max: textMax, min: 0 }),
    changed: list(path, { max: changedPathsMax }),
  }),
})

const count = integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const file = text({ max: 1024 })
const message = text({ max: 64 * 1024 })

const position: Shape<Position> = object({ file, line: count, column: count, length: count })

const problem: Shape<Problem> = object({
  code: text({ max: 64, form: /^[A-Z0-9_]+$/ }),
  severity: oneOf('error', 'warning', 'note'),
  message,
  at: nullable(position),
  frame: list(object({ line: count, text: text({ max: 1024, min: 0 }) }), { max: 16 }),
  help: nullable(message),
})
export const problems = list(problem, { max: 1000 })

const construct: Shape<Construct> = object({
  what: message,
  verdict: oneOf(...verdicts),
  text: nullable(message),
  instead: nullable(message),
  at: position,
})
const constructs = optional(list(construct, { max: constructsMax }))

const place = object({ file, line: count, column: count })
export const origin: Shape<Origin> = object({
  file,
  line: count,
  column: count,
  via: list(place, { max: 200 }),
})

const hasFailed = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'ok' in value && value.ok === false

const answer: Shape<CompileAnswer> = either(
  hasFailed,
  object({ ok: oneOf(false), problems, constructs }),
  object({ ok: oneOf(true), plan, origins: recordOf(origin), problems, constructs }),
)

const chosen: Shape<ChooseAnswer> = either(
  hasFailed,
  object({ ok: oneOf(false), problems }),
  object({
    ok: oneOf(true),
    parameters: plainValues,
    files: list(file, { max: continuationFilesMax }),
    hits: list(object({ line: text({ max: textMax }), path: text({ max: 4096, min: 0 }) }), { max: 10_000 }),
  }),
)

const merged: Shape<MergeAnswer> = either(
  hasFailed,
  object({ ok: oneOf(false), problems }),
  object({ ok: oneOf(true), text: text({ max: textMax, min: 0 }) }),
)

const checkedOrb: Shape<OrbAnswer> = either(
  hasFailed,
  object({ ok: oneOf(false), words: message }),
  object({ ok: oneOf(true) }),
)
