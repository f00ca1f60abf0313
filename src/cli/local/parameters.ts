// Values for pipeline parameters from the command line. There everything is text; the declaration says what is meant.
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
    const name = word.slice(0, equals)
    values[name] = typedValue(word.slice(equals + 1), types.get(name))
  }
  return values
}

const typedValue = (text: string, type: string | undefined): string | number | boolean => {
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (type === 'integer' && /^[-+]?\d{1,15}$/.test(text)) return Number(text)
  return text
}
