// Regular expressions of a configuration: hostile patterns must not hang a compile. The dialects use Java's flavour;
// RE2 reads nearly all of it, in linear time. What it cannot read (look-around, back-references, possessive groups) is
// matched by trying, with a limit. What neither reads is a problem, and so is a match that was given up: never a silent
// non-match.

import { RE2JS } from 're2js'
import { limits } from '../limits.ts'
import type { WorkMeter } from '../plan/work.ts'
import type { Problems } from '../problems.ts'
import type { Spot } from '../source/file.ts'
import { compileBacktracker } from './backtrack.ts'

export type Pattern = {
  /** Steps of its program: making and matching it take about as long. */
  readonly size: number
  /** null: it was given up, because it takes too long. */
  matchesWhole(text: string): boolean | null
}

/** The pattern must cover the whole of a text. */
export const compilePattern = (source: string): Pattern | { readonly wrong: string } => {
  if (source.length > limits.patternLengthMax)
    return { wrong: `it is longer than ${limits.patternLengthMax} characters` }
  if (plain.test(source)) return { size: 1, matchesWhole: (text) => text === source }
  if (source === '.*' || source === '.+') {
    const least = source === '.+' ? 1 : 0
    return { size: 1, matchesWhole: (text) => text.length >= least && !text.includes('\n') }
  }
  try {
    const compiled = RE2JS.compile(source)
    return { size: compiled.programSize(), matchesWhole: (text) => compiled.matches(text) }
  } catch (error) {
    if (!beyondRe2.test(source)) return { wrong: reasonOf(error) }
    const backtracker = compileBacktracker(source)
    return 'wrong' in backtracker ? backtracker : { size: source.length, matchesWhole: backtracker }
  }
}

/** Means itself; like `.*` too common to compile anything for. */
const plain = /^[\w/-]*$/

/** Look-around, atomic groups, possessive repetitions, back-references, `\h`, `\Z`, and classes that are joined. */
const beyondRe2 = /\(\?<?[=!]|\(\?>|[*+?}]\+|\\[1-9hHvVZke]|&&|\[[^\]]*\[/

const reasonOf = (error: unknown): string => {
  const message = error instanceof Error ? error.message : 'it is malformed'
  return message.replace('error parsing regexp: ', '').slice(0, 200)
}

export const tooManySteps = 'matching takes too many steps'

export interface Patterns {
  /** null: reported. The same pattern is compiled once, and matched once with the same text. */
  read(source: string, at: Spot): { matchesWhole(text: string): boolean } | null
}

/** In characters: one step of a program that is made and kept, and what the smallest has besides its steps. */
export const stepCost = 32
const leastSteps = 100

/** Without a meter a file has few of them, or whoever asks has a deadline. */
export const createPatterns = (problems: Problems, work: WorkMeter | null = null): Patterns => {
  const compiled = new Map<string, ReturnType<typeof compilePattern>>()
  const answers = new Map<string, { readonly text: string; readonly matches: boolean }>()
  const report = (at: Spot, why: string) =>
    problems.add('E_PATTERN', at, `the regular expression cannot be used: ${why}`)
  return {
    read: (source, at) => {
      if (work?.spend(stepCost, at) === false) return null
      const pattern = compiled.get(source) ?? compilePattern(source)
      if (!compiled.has(source) && 'size' in pattern) work?.spend(stepCost * (leastSteps + pattern.size), at)
      compiled.set(source, pattern)
      if ('wrong' in pattern) {
        report(at, pattern.wrong)
        return null
      }
      return {
        matchesWhole: (text) => {
          const known = answers.get(source)
          if (known?.text === text) return known.matches
          if (work?.spend(pattern.size * text.length, at) === false) return false
          const answer = pattern.matchesWhole(text)
          if (answer === null) report(at, tooManySteps)
          else answers.set(source, { text, matches: answer })
          return answer === true
        },
      }
    },
  }
}
