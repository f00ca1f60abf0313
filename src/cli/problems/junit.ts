// JUnit XML: a suite per configuration, a case per problem. What does not fail the check is a passing case with words.
import type { Problem } from '../../base/problem.ts'
import { formatProblems, titleOf } from '../../compile/index.ts'
import { allProblems, type CheckedFile, type Findings, isFailing } from './findings.ts'

export const toJunit = (findings: Findings): string => {
  const failures = (problems: readonly Problem[]) =>
    problems.filter((problem) => isFailing(findings, problem)).length
  const suite = ({ path, problems }: CheckedFile): string[] => [
    `  <testsuite ${attributes({ name: path, tests: Math.max(1, problems.length), failures: failures(problems), errors: 0 })}>`,
    ...(problems.length === 0
      ? [`    <testcase ${attributes({ classname: path, name: 'no problems' })}/>`]
      : []),
    ...problems.flatMap((problem) => caseOf(path, problem, isFailing(findings, problem))),
    '  </testsuite>',
  ]
  const tests = findings.files.reduce((sum, file) => sum + Math.max(1, file.problems.length), 0)
  const total = { name: 'mayfly lint', tests, failures: failures(allProblems(findings)), errors: 0 }
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${attributes(total)}>`,
    ...findings.files.flatMap(suite),
    '</testsuites>',
    '',
  ].join('\n')
}

const caseOf = (path: string, problem: Problem, fails: boolean): string[] => {
  const { at, code, severity, message } = problem
  const place = at ? { classname: at.file, file: at.file, line: at.line } : { classname: path, file: path }
  const name = `${code} ${titleOf(code)}${at ? ` (${at.line}:${at.column})` : ''}`
  const text = escapeXml(formatProblems([problem]))
  return [
    `    <testcase ${attributes({ ...place, name })}>`,
    fails
      ? `      <failure ${attributes({ type: severity, message })}>${text}</failure>`
      : `      <system-out>${text}</system-out>`,
    '    </testcase>',
  ]
}

const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(
      ([name, value]) =>
        `${name}="${escapeXml(String(value)).replaceAll('"', '&quot;').replaceAll('\n', '&#10;')}"`,
    )
    .join(' ')

/** What XML 1.0 cannot hold, even escaped, is replaced. */
const escapeXml = (text: string): string =>
  text
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
