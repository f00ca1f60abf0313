// Variables of the platform that nothing here sets. A script that names one gets nothing, which nobody should have to find
// out from its log.
import type { Spot } from '../../source/file.ts'
import type { SourceNode } from '../../source/node.ts'
import type { Compiling } from './compiling.ts'

type Why = { readonly why: string; readonly help: string | null }

const ofVersion1: Why = { why: 'only version 1 of the platform had it', help: null }

const unset: ReadonlyMap<string, Why> = new Map(
  Object.entries({
    CIRCLE_PREVIOUS_BUILD_NUM: { why: 'its platform does not promise it either', help: null },
    CIRCLE_PR_NUMBER: {
      why: 'it is of pull requests from forks, which start no runs',
      help: 'CIRCLE_PULL_REQUEST ends with the number',
    },
    CIRCLE_PR_REPONAME: { why: 'it is of pull requests from forks, which start no runs', help: null },
    CIRCLE_PR_USERNAME: { why: 'it is of pull requests from forks, which start no runs', help: null },
    CIRCLE_COMPARE_URL: ofVersion1,
    CIRCLE_STAGE: ofVersion1,
    CIRCLE_TEST_REPORTS: { ...ofVersion1, help: 'write reports where "store_test_results" looks for them' },
    CIRCLE_ARTIFACTS: { ...ofVersion1, help: 'write files where "store_artifacts" looks for them' },
  }),
)

const names = new RegExp(`(?<![A-Za-z0-9_])(?:${[...unset.keys()].join('|')})(?![A-Za-z0-9_])`, 'g')

/** `at` is where the script stands. */
export const warnUnsetVariables = (cx: Compiling, at: SourceNode, script: string): void => {
  if (!script.includes('CIRCLE_')) return
  const named = new Set(script.match(names))
  for (const [name, { why, help }] of named.size === 0 ? [] : unset)
    if (named.has(name))
      cx.problems.add('W_VARIABLE_UNSET', spotOf(at, name), `"${name}" is not set here: ${why}`, help)
}

/** The word itself, where the file has it. */
const spotOf = (at: SourceNode, name: string): Spot => {
  const start = at.file.text.indexOf(name, at.start)
  return start === -1 || start + name.length > at.end
    ? at
    : { file: at.file, start, end: start + name.length }
}
