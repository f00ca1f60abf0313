// What the words of `npm run bench fleet` ask for. Pure.
import { parseArgs } from 'node:util'

const defaults = {
  runners: 20,
  jobs: 2000,
  speed: 10,
  slots: 50,
  projects: 200,
  lines: 20,
  followers: 200,
  organisations: 1,
  replicas: 1,
} as const

type SizeName = keyof typeof defaults

export type Size = Readonly<Record<Exclude<SizeName, 'replicas'>, number>> & {
  readonly replicas: 1 | 2
  readonly withFaults: boolean
}

/** null: these are no sizes. */
export const parseSize = (words: readonly string[]): Size | 'help' | null => {
  const values = valuesOf(words)
  if (values === null || values.help === true) return values === null ? null : 'help'
  const numbers = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [name, Number(values[name] ?? value)]),
  ) as Record<SizeName, number>
  const { replicas, organisations, projects } = numbers
  const isWhole = Object.values(numbers).every((value) => Number.isSafeInteger(value) && value >= 0)
  const isPossible = organisations >= 1 && organisations <= projects && (replicas === 1 || replicas === 2)
  return isWhole && isPossible ? { ...numbers, replicas, withFaults: values.faults === true } : null
}

const valuesOf = (
  words: readonly string[],
): Readonly<Record<string, string | boolean | undefined>> | null => {
  const text = { type: 'string' } as const
  const flags = { faults: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const
  const sizes = Object.fromEntries(Object.keys(defaults).map((name) => [name, text]))
  try {
    return parseArgs({ args: [...words], options: { ...sizes, ...flags } }).values
  } catch {
    return null
  }
}
