// Values for pipeline parameters from the command line. There everything is text; the declaration says what is meant, and
// where nobody knows it, whoever types: `count:=3` is JSON.
import { fault } from '../../base/faults.ts'
import type { PlanInputs } from '../../protocol/plan.ts'

/** What does not fit its type stays text: the compiler says what is wrong with it. */
export const readParameters = (
  words: readonly string[],
  types: ReadonlyMap<string, string>,
): PlanInputs['parameters'] => {
  const values = Object.create(null) as Record<string, string | number | boolean>
  for (const word of words) {
    const equals = word.indexOf('=')
    if (equals < 1) throw fault('E_INPUT', { public: `--parameter ${word}: write NAME=VALUE` })
    const isJson = word[equals - 1] === ':'
    const name = word.slice(0, isJson ? equals - 1 : equals)
    if (isJson) values[name] = jsonValue(word, word.slice(equals + 1))
    else values[name] = typedValue(word.slice(equals + 1), types.get(name))
  }
  return values
}

const jsonValue = (word: string, text: string): string | number | boolean => {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value))
      // SAFE: a safe integer is a number.
      return value as string | number | boolean
  } catch {
    // Told below.
  }
  throw fault('E_INPUT', {
    public: `--parameter ${word}: after := stands text in quotes, true, false or an integer`,
  })
}

const typedValue = (text: string, type: string | undefined): string | number | boolean => {
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (type === 'integer' && /^[-+]?\d{1,15}$/.test(text)) return Number(text)
  return text
}
