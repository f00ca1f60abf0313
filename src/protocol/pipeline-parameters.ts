// Values for the parameters of a pipeline, judged against what it declares. The compiler says these words when it refuses a
// value; a form and a command say them before anything is sent. They may say them of text from outside: for eyes only.
import type { PlanParameter } from './plan.ts'

type Value = string | number | boolean
/** Of a plan, or as the API tells it. */
type Takes = readonly (Pick<PlanParameter, 'name' | 'type'> & {
  readonly options?: readonly string[] | undefined
})[]

/** A schema that is larger is not part of a plan. */
export const takesMax = {
  parameters: 100,
  name: 128,
  value: 512,
  options: 200,
  description: 500,
  /** Characters of all texts together. */
  text: 32_768,
} as const

/** As the API takes names. */
export const givableName: RegExp = /^[A-Za-z_][A-Za-z0-9_-]{0,127}$/

export const pipelineLabel = 'this pipeline'

export const parameterWords: Readonly<Record<Exclude<PlanParameter['type'], 'enum'>, string>> = {
  string: 'a text',
  boolean: 'true or false',
  integer: 'an integer',
}

export const enumWords = (options: readonly string[]): string => `one of ${options.join(', ')}`

/** `shown`: kind and value, as in "an integer: 3". */
export const wrongArgument = (name: string, label: string, wanted: string, shown: string): string =>
  `the argument "${name}" of ${label} must be ${wanted}, but is ${shown}`

export const unknownArgument = (name: string, label: string): string =>
  `${label} has no parameter "${name.slice(0, 80)}"`

export const tooLong = (name: string): string => `the value given for "${name.slice(0, 80)}" is too long`

/** Kind and value; the rest of a long text is left out. */
export const shownText = (kind: string, text: string, isText: boolean): string =>
  `${kind}: ${isText ? JSON.stringify(text.slice(0, 80)) : text.slice(0, 80)}`

/** What the compiler would say of a value; null when it takes it. */
export const refusalOf = (takes: Takes, name: string, value: Value): string | null => {
  if (name.length > takesMax.name || String(value).length > takesMax.value) return tooLong(name)
  const declared = takes.find((each) => each.name === name)
  if (declared === undefined) return unknownArgument(name, pipelineLabel)
  const { type, options = [] } = declared
  if (fits(type, options, value)) return null
  const wanted = type === 'enum' ? enumWords(options) : parameterWords[type]
  return wrongArgument(name, pipelineLabel, wanted, shownValue(value))
}

/** Of all given values, in their order. */
export const refusalsOf = (
  takes: Takes,
  given: Readonly<Record<string, Value>>,
): readonly { readonly name: string; readonly words: string }[] =>
  Object.entries(given).flatMap(([name, value]) => {
    const words = refusalOf(takes, name, value)
    return words === null ? [] : [{ name, words }]
  })

const fits = (type: PlanParameter['type'], options: readonly string[], value: Value): boolean => {
  if (type === 'enum') return options.includes(String(value))
  return type === 'integer' ? Number.isInteger(value) : typeof value === type
}

const shownValue = (value: Value): string => {
  if (typeof value === 'string') return shownText('a text', value, true)
  return shownText(typeof value === 'boolean' ? 'a boolean' : 'an integer', String(value), false)
}
