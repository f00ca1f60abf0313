// docs/reference/errors.md: the catalogue of codes with an explanation of each. Rendered here, checked by test/tidy/.
import { faultExplanations } from '../src/base/fault-explanations.ts'
import { catalogue, type FaultCode } from '../src/base/faults.ts'
import {
  type Explanation,
  type ProblemCode,
  problemCodes,
  problemExplanations,
} from '../src/compile/index.ts'

const explanations = problemExplanations()

const section = (
  { number, symbol, title }: { readonly number: string; readonly symbol: string; readonly title: string },
  { why, mend, example }: Explanation,
): string[] => [
  `### ${number} ${title}`,
  '',
  `\`${symbol}\`. ${escapeText(why)}`,
  '',
  `**What to do.** ${escapeText(mend)}`,
  '',
  ...(example === null
    ? []
    : [
        example.branch === undefined
          ? 'For example:'
          : `For example, when the branch \`${example.branch}\` is pushed:`,
        '',
        '```yaml',
        example.text.trimEnd(),
        '```',
        '',
      ]),
]

/** `<< x >>` outside backquotes would be read as a tag of HTML. */
const escapeText = (text: string): string =>
  text
    .split('`')
    .map((part, i) => (i % 2 === 0 ? part.replaceAll('<', '&lt;') : part))
    .join('`')

export const errorsPage = (): string =>
  [
    '# Errors',
    '',
    'Everything that has a code, by number. `mayfly explain CODE` says the same in a terminal.',
    'Numbers: 1xxx machine and start, 2xxx configuration (`src/protocol/problem-codes.ts`), 3xxx sandbox and runner,',
    '4xxx API and access, 5xxx vault, 6xxx storage, 7xxx source hosts.',
    '',
    '| number | symbol | meaning | HTTP status | exit code | worth a retry |',
    '| --- | --- | --- | --- | --- | --- |',
    ...Object.entries(catalogue).map(
      ([code, row]) =>
        `| ${row.number} | \`${code}\` | ${row.title} | ${row.status} | ${row.exit} | ${row.retryable ? 'yes' : 'no'} |`,
    ),
    '',
    '## Problems in a configuration',
    '',
    '| number | symbol | severity | meaning |',
    '| --- | --- | --- | --- |',
    ...Object.entries(problemCodes).map(
      ([code, row]) => `| ${row.number} | \`${code}\` | ${row.severity} | ${row.title} |`,
    ),
    '',
    '## Each problem of a configuration',
    '',
    ...Object.entries(problemCodes).flatMap(([symbol, { number, title }]) =>
      section({ number, symbol, title }, explanations[symbol as ProblemCode]),
    ),
    '## Each fault',
    '',
    ...Object.entries(catalogue).flatMap(([symbol, { number, title }]) =>
      section({ number, symbol, title }, { ...faultExplanations[symbol as FaultCode], example: null }),
    ),
  ].join('\n')
