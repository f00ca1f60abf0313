// PF-22, compile, warm: text → plan with origins, in this process. The largest real file, and all of them; the baseline
// is parsing the same text with `yaml`. The corpus lies beside the repository on development machines.
import assert from 'node:assert/strict'
import { parseDocument } from 'yaml'
import { type CompileInput, compile } from '../../src/compile/index.ts'
import { corpusNames, corpusText, pushOf } from '../../test/support/damaged-configurations.ts'
import { startClock } from '../clock.ts'
import type { Scenario } from '../scenario.ts'

type State = { readonly texts: readonly string[] }

const inputOf = (text: string): CompileInput => ({
  files: new Map([['.circleci/config.yml', text]]),
  event: pushOf('main'),
  parameters: {},
})

const warmRounds = 10

const readCorpus = (choose: (texts: readonly string[]) => readonly string[]): State => {
  assert.ok(corpusNames.length > 0, 'the corpus of real files is absent (../shared/corpus/circleci)')
  const texts = choose(corpusNames.map(corpusText))
  for (let round = 0; round < warmRounds; round++)
    for (const text of texts) {
      compile(inputOf(text))
      parseDocument(text, { merge: true, uniqueKeys: false })
    }
  return { texts }
}

const largest = (texts: readonly string[]): readonly string[] => {
  const [first = ''] = [...texts].sort((a, b) => b.length - a.length)
  return [first]
}

/** The definitions of a file again and again under other names: anchors and jobs grow, what is invoked does not. */
const repeated = (text: string, times: number): string =>
  Array.from({ length: times }, (_, i) =>
    i === 0
      ? text
      : text.replace(/^([A-Za-z_][\w-]*):/gm, `$1-${i}:`).replace(/([&*])([A-Za-z_][\w-]*)/g, `$1$2-${i}`),
  ).join('\n')

const timed = (work: () => unknown): number => {
  const elapsed = startClock()
  work()
  return elapsed()
}

const scenario = (
  variant: string,
  title: string,
  choose: typeof largest,
  limits: Pick<Scenario<State>, 'goal' | 'gate'>,
): Scenario<State> => ({
  ...{ id: 'PF-22', variant, title, unit: 'ms', better: 'lower' },
  ...limits,
  setUp: async () => readCorpus(choose),
  baseline: async ({ texts }) =>
    timed(() => texts.map((text) => parseDocument(text, { merge: true, uniqueKeys: false }).errors.length)),
  subject: async ({ texts }) => timed(() => texts.map((text) => compile(inputOf(text)).problems.length)),
})

export const scenarios: readonly Scenario<State>[] = [
  {
    ...scenario(
      'largest',
      'largest real file → plan with origins; baseline `yaml` parseDocument of it',
      largest,
      {
        goal: { ratio: 1.4, value: 30 },
        gate: { ratio: 2 },
      },
    ),
    growth: {
      ...{ of: 'times the largest file', sizes: [1, 2, 5, 10], exponentMax: 1.12 },
      at: async ({ texts: [text = ''] }, size) => {
        const input = inputOf(repeated(text, size))
        compile(input)
        return timed(() => compile(input))
      },
    },
  },
  scenario(
    'corpus',
    'every real file → plan with origins; baseline `yaml` parseDocument of each',
    (texts) => texts,
    {
      goal: { ratio: 2, value: 1_000 },
      gate: { ratio: 2 },
    },
  ),
]
