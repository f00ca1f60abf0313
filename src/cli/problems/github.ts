// Workflow commands of GitHub Actions: each problem becomes an annotation in the diff.
import type { Problem, Severity } from '../../base/problem.ts'
import { titleOf } from '../../compile/index.ts'
import { endColumnOf, type Findings } from './findings.ts'

export const toGithub = ({ files }: Findings): string =>
  files.flatMap(({ path, problems }) => problems.map((problem) => commandOf(path, problem))).join('')

const commands: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', note: 'notice' }

const commandOf = (path: string, { at, severity, message, code, help }: Problem): string => {
  const place = at
    ? { file: at.file, line: at.line, endLine: at.line, col: at.column, endColumn: endColumnOf(at) }
    : { file: path }
  const properties = Object.entries({ ...place, title: `${code}: ${titleOf(code)}` })
    .map(([name, value]) => `${name}=${escapeProperty(String(value))}`)
    .join(',')
  const text = help === null ? message : `${message}\n${help}`
  return `::${commands[severity]} ${properties}::${escapeData(text)}\n`
}

// SAFE: a line break is what would let hostile text begin a command of its own.
const escapeData = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')

const escapeProperty = (text: string): string =>
  escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
