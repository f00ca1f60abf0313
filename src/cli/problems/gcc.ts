// One line a problem, as compilers have written them for decades: editors and scripts know how to read it.
import type { Problem } from '../../base/problem.ts'
import { printable } from '../../compile/index.ts'
import type { Findings } from './findings.ts'

export const toGcc = ({ files }: Findings): string =>
  files.flatMap(({ path, problems }) => problems.map((problem) => linesOf(path, problem))).join('')

const linesOf = (path: string, { at, severity, message, code, help }: Problem): string => {
  const place = at ? `${at.file}:${at.line}:${at.column}` : path
  const line = (word: string, text: string) => `${printable(`${place}: ${word}: ${text}`)}\n`
  return line(severity, `${message} [${code}]`) + (help === null ? '' : line('note', help))
}
