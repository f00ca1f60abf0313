// Problems for people: `file:line:col: severity[code]: message`, the lines around it, a caret and the next step.
// Frames hold hostile text: what could move a terminal's cursor or turn text around is replaced.

import type { Problem } from '../base/problem.ts'

export const formatProblems = (problems: readonly Problem[]): string =>
  problems.map((problem) => `${formatProblem(problem)}\n`).join('')

const formatProblem = (problem: Problem): string => {
  const place = problem.at ? `${problem.at.file}:${problem.at.line}:${problem.at.column}: ` : ''
  const lines = [visible(`${place}${problem.severity}[${problem.code}]: ${problem.message}`)]
  const width = Math.max(5, String(problem.frame.at(-1)?.line ?? 0).length)
  for (const { line, text } of problem.frame) {
    lines.push(`${String(line).padStart(width)} | ${visible(text)}`.trimEnd())
    if (line === problem.at?.line) lines.push(caretLine(problem.at, text, width))
  }
  if (problem.help !== null) lines.push(`${' '.repeat(width)} = help: ${visible(problem.help)}`)
  return lines.join('\n')
}

const caretLine = (at: { column: number; length: number }, text: string, width: number): string => {
  const room = Math.max(1, text.length - at.column + 1)
  return `${' '.repeat(width)} | ${' '.repeat(at.column - 1)}${'^'.repeat(Math.min(at.length, room))}`
}

/** One column for one character; tabs become a space, so that the caret stands below what it means. */
const visible = (text: string): string =>
  text.replaceAll('\t', ' ').replaceAll(/[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu, '\uFFFD')
