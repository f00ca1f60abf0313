// Everything that has a code, as one list: faults of the world, and problems of a configuration.
import { faultExplanations } from '../../base/fault-explanations.ts'
import { catalogue, type FaultCode } from '../../base/faults.ts'
import type { Severity } from '../../base/problem.ts'
import {
  type Explanation,
  nearest,
  type ProblemCode,
  problemCodes,
  problemExplanations,
} from '../../compile/index.ts'

export type CodePage = {
  readonly number: string
  readonly symbol: string
  readonly kind: Severity | 'fault'
  readonly title: string
  readonly why: string
  readonly mend: string
  readonly example: Explanation['example']
}

/** In the order of their numbers. */
export const codePages = (): readonly CodePage[] => {
  const explanations = problemExplanations()
  const ofProblems = Object.entries(problemCodes).map(([symbol, { number, severity, title }]) => ({
    ...{ number, symbol, kind: severity, title },
    ...explanations[symbol as ProblemCode],
  }))
  const ofFaults = Object.entries(catalogue).map(([symbol, { number, title }]) => ({
    ...{ number, symbol, kind: 'fault' as const, title },
    ...faultExplanations[symbol as FaultCode],
    example: null,
  }))
  return [...ofProblems, ...ofFaults].sort((a, b) => (a.number < b.number ? -1 : 1))
}

/** By number or symbol, however it is written: `MF2107`, `mf2107`, `2107`, `e_requires_unknown`. */
export const findCodePage = (pages: readonly CodePage[], written: string): CodePage | null => {
  const word = written.trim().toUpperCase()
  return pages.find(({ number, symbol }) => [number, number.slice(2), symbol].includes(word)) ?? null
}

export const nearestCode = (pages: readonly CodePage[], written: string): string | null =>
  nearest(
    written.trim().toUpperCase(),
    pages.flatMap(({ number, symbol }) => [number, symbol]),
  )
