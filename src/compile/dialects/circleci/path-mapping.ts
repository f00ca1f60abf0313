// Path filtering (config-dialects.md §2.7): each line of a mapping is a regular expression, a parameter with its JSON value
// and perhaps a file; or an expression and a file. It counts when it covers the whole of a path that changed.
import { createPatterns } from '../../pattern/pattern.ts'
import type { Problems } from '../../problems.ts'
import { createSourceFile, type Spot } from '../../source/file.ts'

export type Value = string | number | boolean

export type PathMapping = { readonly mapping: string; readonly exclude: string }

export type Chosen = {
  /** The last line that counts decides each. */
  readonly parameters: ReadonlyMap<string, Value>
  readonly files: readonly string[]
  /** The lines that count, each with the first path that it covers; null when nobody knows what changed. */
  readonly hits: readonly { readonly line: string; readonly path: string | null }[]
}

type Choosing = {
  readonly problems: Problems
  /** Where a line stands. */
  readonly spotOf: (line: string) => Spot
}

/** `changed` null: nobody knows, so every line counts. */
export const chooseByPaths = (
  { problems, spotOf }: Choosing,
  { mapping, exclude }: PathMapping,
  changed: readonly string[] | null,
): Chosen => {
  const patterns = createPatterns(problems)
  const patternOf = (line: string, source: string) => patterns.read(source, spotOf(line))
  const excluded = linesOf(exclude).flatMap((line) => patternOf(line, line) ?? [])
  const kept = changed?.filter((path) => !excluded.some((pattern) => pattern.matchesWhole(path))) ?? null
  const [parameters, files, hits] = [
    new Map<string, Value>(),
    new Set<string>(),
    [] as Chosen['hits'][number][],
  ]
  for (const line of linesOf(mapping)) {
    const [source = '', ...rest] = line.split(/\s+/)
    const path = firstHit(patternOf(line, source), kept)
    if (path === undefined) continue
    hits.push({ line, path })
    const choice = readChoice(rest)
    if (choice === null) problems.add('E_VALUE', spotOf(line), notAValue(rest[0] ?? ''))
    if (choice?.file !== undefined) files.add(choice.file)
    if (choice?.parameter !== undefined) parameters.set(...choice.parameter)
  }
  return { parameters, files: [...files], hits }
}

/** The same of texts that stand in no configuration. */
export const chooseByText = (
  problems: Problems,
  mapping: PathMapping,
  changed: readonly string[],
): Chosen => {
  const file = createSourceFile('mapping', mapping.mapping)
  const spotOf = (line: string): Spot => {
    const start = Math.max(0, file.text.indexOf(line))
    return { file, start, end: start + line.length }
  }
  return chooseByPaths({ problems, spotOf }, mapping, changed)
}

const linesOf = (text: string): readonly string[] =>
  text.split('\n').flatMap((written) => {
    const line = written.trim()
    return line === '' || line.startsWith('#') ? [] : [line]
  })

/** undefined: the line does not count. */
const firstHit = (
  pattern: { matchesWhole(text: string): boolean } | null,
  changed: readonly string[] | null,
): string | null | undefined => {
  if (pattern === null) return undefined
  return changed === null ? null : changed.find((path) => pattern.matchesWhole(path))
}

type Choice = { readonly parameter?: readonly [name: string, value: Value]; readonly file?: string }

/** null: its value is none. */
const readChoice = ([first, json, file]: readonly string[]): Choice | null => {
  if (first === undefined) return {}
  if (json === undefined) return { file: first }
  // What is no JSON is a text, as it stands.
  const value = parseJson(json) ?? (json === 'null' ? null : json)
  if (!isValue(value)) return null
  return { parameter: [first, value], ...(file === undefined ? {} : { file }) }
}

const notAValue = (name: string): string =>
  `the value of "${name.slice(0, 80)}" in the mapping is not a text, a whole number or a boolean`

export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const isValue = (value: unknown): value is Value =>
  (typeof value === 'string' && value.isWellFormed() && !value.includes('\0')) ||
  typeof value === 'boolean' ||
  Number.isSafeInteger(value)
