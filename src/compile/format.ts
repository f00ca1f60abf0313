// Problems for people: `file:line:col: severity[code]: message`, the lines around it, a caret and the next step.
// Frames hold hostile text: what could move a terminal's cursor or turn text around is replaced.

import type { Position, Problem, Severity } from '../base/problem.ts'

/** How it looks: colours by what a part is, and how many columns a line of a frame may take. */
export type ProblemLook = {
  readonly columns: number
  readonly paint: (part: Severity | 'rule' | 'message', text: string) => string
}

const plain: ProblemLook = { columns: Number.POSITIVE_INFINITY, paint: (_part, text) => text }

export const formatProblems = (problems: readonly Problem[], look: ProblemLook = plain): string =>
  problems.map((problem) => `${formatProblem(problem, look)}\n`).join('')

const formatProblem = (problem: Problem, { columns, paint }: ProblemLook): string => {
  const { at, severity, help } = problem
  const place = at ? `${printable(at.file)}:${at.line}:${at.column}: ` : ''
  const head = paint(severity, `${severity}[${problem.code}]`)
  const lines = [`${place}${head}: ${paint('message', printable(problem.message))}`]
  const width = Math.max(5, String(problem.frame.at(-1)?.line ?? 0).length)
  const rule = (number: string) => paint('rule', `${number.padStart(width)} |`)
  const cut = cutTo(at, columns - width - ' | '.length)
  for (const { line, text } of problem.frame) {
    lines.push(`${rule(String(line))} ${cut(printable(text))}`.trimEnd())
    if (line === at?.line)
      lines.push(`${rule('')} ${paint(severity, caretLine(at, text, cut(text).length, cut.from))}`)
  }
  if (help !== null) lines.push(`${' '.repeat(width)} ${paint('rule', '=')} help: ${printable(help)}`)
  return lines.join('\n')
}

const ellipsis = '…'

/** Long lines lose what is far from the marked place: a frame that wraps hides where its caret points. */
const cutTo = (at: Position | null, room: number) => {
  const end = at === null ? 0 : at.column - 1 + Math.min(at.length, room >> 1)
  const from = at === null || end < room ? 0 : Math.max(0, Math.min(at.column - 1, end - (room >> 1)))
  const cut = (text: string): string => {
    const rest = from > 0 && text.length > from ? ellipsis + text.slice(from + 1) : text.slice(from)
    return rest.length > room ? rest.slice(0, room - 1) + ellipsis : rest
  }
  return Object.assign(cut, { from })
}

const caretLine = (at: Position, text: string, shown: number, from: number): string => {
  const column = at.column - 1 - from
  const room = Math.max(1, Math.min(text.length - at.column + 1, shown - column))
  return `${' '.repeat(column)}${'^'.repeat(Math.min(at.length, room))}`
}

/** One column for one character; tabs become a space, so that the caret stands below what it means. */
export const printable = (text: string): string =>
  text.replaceAll('\t', ' ').replaceAll(/[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/gu, '\uFFFD')
