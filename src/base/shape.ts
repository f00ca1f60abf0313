// Hand-written parsing of JSON from outside, for the programs without libraries (vault, jailer, runner) and the wire
// shapes: small functions that take an unknown value and either give a typed one or report every problem with its path.
// Objects are closed: a member nobody named is refused. Messages never repeat the value, which may be a secret.
import { type Id, type IdKind, idPrefixes, parseId } from './ids.ts'
import type { Parsed, Problem } from './problem.ts'

type Report = (path: string, message: string) => undefined
/** undefined means that a problem was reported. */
export type Shape<T> = (value: unknown, path: string, report: Report) => T | undefined
type Optional<T> = { readonly optional: Shape<T> }
type Members = Readonly<Record<string, Shape<unknown> | Optional<unknown>>>
type OptionalNames<M extends Members> = {
  [K in keyof M]: M[K] extends Optional<unknown> ? K : never
}[keyof M]

/** What a shape gives. */
export type Shaped<S> = S extends Shape<infer T> ? T : S extends Optional<infer T> ? T : never
type ObjectOf<M extends Members> = {
  readonly [K in Exclude<keyof M, OptionalNames<M>>]: Shaped<M[K]>
} & { readonly [K in OptionalNames<M>]?: Shaped<M[K]> }

const problemsMax = 50

export const parseShape = <T>(shape: Shape<T>, value: unknown, code = 'E_INPUT'): Parsed<T> => {
  const problems: Problem[] = []
  const parsed = shape(value, '', (path, message) => {
    const text = path === '' ? message : `${path.slice(1)}: ${message}`
    if (problems.length < problemsMax)
      problems.push({ code, severity: 'error', message: text, at: null, frame: [], help: null })
    return undefined
  })
  if (problems.length > 0 || parsed === undefined) return { ok: false, problems }
  return { ok: true, value: parsed, problems }
}

export const optional = <T>(shape: Shape<T>): Optional<T> => ({ optional: shape })

export const object =
  <M extends Members>(members: M): Shape<ObjectOf<M>> =>
  (value, path, parentReport) => {
    const { report, hasFailed } = watched(parentReport)
    if (!isRecord(value)) return report(path, 'must be an object')
    const unknown = Object.keys(value).filter((name) => !Object.hasOwn(members, name))
    for (const name of unknown) report(path, `unknown member ${JSON.stringify(name.slice(0, 64))}`)
    const out: Record<string, unknown> = {}
    for (const [name, member] of Object.entries(members)) {
      const present = Object.hasOwn(value, name)
      const isOptional = typeof member !== 'function'
      if (!present && !isOptional) report(`${path}.${name}`, 'is missing')
      if (!present) continue
      out[name] = (isOptional ? member.optional : member)(value[name], `${path}.${name}`, report)
    }
    // SAFE: every named member was checked by its own shape, and nothing else was copied.
    return hasFailed() ? undefined : (out as ObjectOf<M>)
  }

export const text =
  (limits: { readonly max: number; readonly min?: number; readonly form?: RegExp }): Shape<string> =>
  (value, path, report) => {
    if (typeof value !== 'string') return report(path, 'must be text')
    if (value.length < (limits.min ?? 1)) return report(path, 'is too short')
    if (value.length > limits.max) return report(path, `is longer than ${limits.max} characters`)
    return limits.form === undefined || limits.form.test(value) ? value : report(path, 'has a wrong form')
  }

export const integer =
  (limits: { readonly min: number; readonly max: number }): Shape<number> =>
  (value, path, report) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= limits.min && value <= limits.max
      ? value
      : report(path, `must be an integer from ${limits.min} to ${limits.max}`)

export const oneOf =
  <const T extends string | number | boolean | null>(...values: readonly T[]): Shape<T> =>
  (value, path, report) =>
    // SAFE: found among the values, so it is one of them.
    values.includes(value as T)
      ? (value as T)
      : report(path, `must be ${values.map((candidate) => JSON.stringify(candidate)).join(' or ')}`)

export const list =
  <T>(item: Shape<T>, limits: { readonly max: number; readonly min?: number }): Shape<readonly T[]> =>
  (value, path, parentReport) => {
    const { report, hasFailed } = watched(parentReport)
    if (!Array.isArray(value)) return report(path, 'must be a list')
    if (value.length > limits.max) return report(path, `has more than ${limits.max} entries`)
    if (value.length < (limits.min ?? 0)) return report(path, `has fewer than ${limits.min} entries`)
    const out: T[] = []
    for (const [i, entry] of value.entries()) {
      const parsed = item(entry, `${path}.${i}`, report)
      if (parsed !== undefined) out.push(parsed)
    }
    return hasFailed() ? undefined : out
  }

export const id =
  <K extends IdKind>(kind: K): Shape<Id<K>> =>
  (value, path, report) =>
    parseId(kind, value) ?? report(path, `must be an id that starts with ${idPrefixes[kind]}_`)

/** The first shape decides when `when` holds, else the second; for tagged unions and `'*'` or a list. */
export const either =
  <A, B>(when: (value: unknown) => boolean, first: Shape<A>, second: Shape<B>): Shape<A | B> =>
  (value, path, report) =>
    (when(value) ? first : second)(value, path, report)

export const nullable =
  <T>(shape: Shape<T>): Shape<T | null> =>
  (value, path, report) =>
    value === null ? null : shape(value, path, report)

/** A further condition on a value that already has its shape. */
export const where =
  <T>(shape: Shape<T>, holds: (value: T) => boolean, message: string): Shape<T> =>
  (value, path, report) => {
    const parsed = shape(value, path, report)
    return parsed === undefined || holds(parsed) ? parsed : report(path, message)
  }

export const hasTag =
  (name: string, tag: string) =>
  (value: unknown): boolean =>
    isRecord(value) && value[name] === tag

/** Whether anything inside failed: then the whole is not given to a further condition. */
const watched = (parent: Report) => {
  let failed = false
  const report: Report = (path, message) => {
    failed = true
    return parent(path, message)
  }
  return { report, hasFailed: () => failed }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
