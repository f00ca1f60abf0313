// What is wrong with a configuration, as a log has it: one line each. Frames with carets are for the page, which gets the
// problems themselves.
import type { Problem } from '../base/problem.ts'

export const firstError = (problems: readonly Problem[]): string => {
  const first = problems.find((problem) => problem.severity === 'error')
  return first === undefined ? 'the configuration is not valid' : describeProblem(first)
}

export const describeProblem = ({ at, severity, code, message }: Problem): string =>
  `${at === null ? '' : `${at.file}:${at.line}:${at.column}: `}${severity}[${code}]: ${message}`
