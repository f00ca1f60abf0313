// Regular expressions of a configuration, in linear time: hostile patterns must not hang a compile. The dialects use
// Java's flavour; RE2 reads nearly all of it. What it cannot read is a problem, never a silent non-match.

import { RE2JS } from 're2js'
import { limits } from './limits.ts'
import type { Problems } from './problems.ts'
import type { Spot } from './source/file.ts'

export type Pattern = { matchesWhole(text: string): boolean }

/** The pattern must cover the whole of a text. */
export const compilePattern = (source: string): Pattern | { readonly wrong: string } => {
  if (source.length > limits.patternLengthMax)
    return { wrong: `it is longer than ${limits.patternLengthMax} characters` }
  try {
    const compiled = RE2JS.compile(source)
    return { matchesWhole: (text) => compiled.matches(text) }
  } catch (error) {
    return { wrong: reasonOf(source, error) }
  }
}

const reasonOf = (source: string, error: unknown): string => {
  if (/\(\?<?[=!]/.test(source)) return 'look-ahead and look-behind are not supported'
  if (/\\[1-9]/.test(source)) return 'back-references are not supported'
  const message = error instanceof Error ? error.message : 'it is malformed'
  return message.replace('error parsing regexp: ', '').slice(0, 200)
}

export interface Patterns {
  /** null: reported. The same pattern is compiled once. */
  read(source: string, at: Spot): Pattern | null
}

export const createPatterns = (problems: Problems): Patterns => {
  const compiled = new Map<string, ReturnType<typeof compilePattern>>()
  return {
    read: (source, at) => {
      const pattern = compiled.get(source) ?? compilePattern(source)
      compiled.set(source, pattern)
      if ('matchesWhole' in pattern) return pattern
      const help = pattern.wrong.startsWith('look')
        ? 'say it with "only" and "ignore", or with an expression'
        : null
      problems.add('E_PATTERN', at, `the regular expression cannot be used: ${pattern.wrong}`, help)
      return null
    },
  }
}
