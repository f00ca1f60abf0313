// SARIF 2.1.0, the exchange format of static analysis: code hosts and editors show it beside the code.
import type { Position, Problem } from '../../base/problem.ts'
import { codePages, findCodePage } from './code-pages.ts'
import { allProblems, endColumnOf, type Findings } from './findings.ts'

export const toSarif = (findings: Findings, version: string): string => {
  const problems = allProblems(findings)
  const codes = [...new Set(problems.map((problem) => problem.code))].sort()
  const run = {
    tool: { driver: { name: 'mayfly', semanticVersion: version, rules: rulesOf(codes) } },
    columnKind: 'utf16CodeUnits',
    artifacts: findings.files.map(({ path }) => ({ location: { uri: uriOf(path) } })),
    results: findings.files.flatMap(({ path, problems: own }) =>
      own.map((problem) => resultOf(path, problem, codes.indexOf(problem.code))),
    ),
  }
  const log = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] }
  return `${JSON.stringify(log, null, 2)}\n`
}

const rulesOf = (codes: readonly string[]) => {
  const pages = codePages()
  return codes.map((id) => {
    const page = findCodePage(pages, id)
    return {
      id,
      ...(page && { name: page.symbol, shortDescription: { text: page.title } }),
      ...(page && { fullDescription: { text: page.why }, help: { text: page.mend } }),
    }
  })
}

const resultOf = (path: string, problem: Problem, ruleIndex: number) => ({
  ruleId: problem.code,
  ruleIndex,
  level: problem.severity,
  message: { text: problem.help === null ? problem.message : `${problem.message} (${problem.help})` },
  locations: [
    {
      physicalLocation: {
        artifactLocation: { uri: uriOf(problem.at?.file ?? path) },
        ...(problem.at ? { region: regionOf(problem.at) } : {}),
      },
    },
  ],
})

const regionOf = (at: Position) => ({
  startLine: at.line,
  startColumn: at.column,
  endLine: at.line,
  endColumn: endColumnOf(at),
})

/** A relative reference: whatever a file name holds, it is neither a scheme nor a query. */
const uriOf = (path: string): string => path.split('/').map(encodeURIComponent).join('/')
