// What `mayfly lint` found, before it is written in one of its formats.
import type { Position, Problem, Severity } from '../../base/problem.ts'
import type { Construct } from '../../compile/index.ts'

/** A configuration that was checked. Problems may lie in other files: those of orbs. */
export type CheckedFile = {
  readonly path: string
  readonly problems: readonly Problem[]
  /** With --report. */
  readonly constructs?: readonly Construct[]
}

export type Findings = {
  readonly files: readonly CheckedFile[]
  /** Warnings fail as errors do. */
  readonly strict: boolean
}

export const allProblems = ({ files }: Findings): readonly Problem[] => files.flatMap((file) => file.problems)

export const countOf = (findings: Findings, severity: Severity): number =>
  allProblems(findings).filter((problem) => problem.severity === severity).length

export const isFailing = (findings: Findings, { severity }: Problem): boolean =>
  severity === 'error' || (findings.strict && severity === 'warning')

export const hasFailed = (findings: Findings): boolean =>
  allProblems(findings).some((problem) => isFailing(findings, problem))

/** The column after the last character; a position never leaves its line. */
export const endColumnOf = ({ column, length }: Position): number => column + length
