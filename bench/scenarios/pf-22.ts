// PF-22, compile, warm: text → plan with origins, in this process. The largest real file, the one that does worst, and all
// of them; the baseline is parsing the same text with `yaml`. Then the memory it takes, in a process of its own. The corpus
// lies beside the repository on development machines.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { type CompileInput, compile } from '../../src/compile/index.ts'
import { compilerFlags } from '../../src/runner/limits.ts'
import { run } from '../../src/sys/index.ts'
import {
  corpusNames,
  corpusText,
  pushOf,
  repeatedConfiguration,
} from '../../test/support/damaged-configurations.ts'
import { startClock } from '../clock.ts'
import type { Scenario } from '../scenario.ts'
import { median } from '../statistics.ts'

type State = { readonly texts: readonly string[] }
type Choose = (texts: readonly string[]) => readonly string[]

const inputOf = (text: string): CompileInput => ({
  files: new Map([['.circleci/config.yml', text]]),
  event: pushOf('main'),
  parameters: {},
})

const compileOnce = (text: string): number => timed(() => compile(inputOf(text)))
const parseOnce = (text: string): number =>
  timed(() => parseDocument(text, { merge: true, uniqueKeys: false }))

const timed = (work: () => unknown): number => {
  const elapsed = startClock()
  work()
  return elapsed()
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

const readCorpus = (): readonly string[] => {
  assert.ok(corpusNames.length > 0, 'the corpus of real files is absent (../shared/corpus/circleci)')
  return corpusNames.map(corpusText)
}

const largest: Choose = (texts) => texts.toSorted((a, b) => b.length - a.length).slice(0, 1)

/** The file that does worst against the parser alone, so that its row speaks for each of them. */
const worst: Choose = (texts) => {
  const ratioOf = (text: string): number => {
    warm([text], 10)
    return median(Array.from({ length: 5 }, () => compileOnce(text) / parseOnce(text)))
  }
  const ratios = new Map(texts.map((text) => [text, ratioOf(text)]))
  const [first = ''] = texts.toSorted((a, b) => (ratios.get(b) ?? 0) - (ratios.get(a) ?? 0))
  warm([first], 200)
  return [first]
}

const warm = (texts: readonly string[], rounds: number): void => {
  for (let round = 0; round < rounds; round++)
    for (const text of texts) {
      compileOnce(text)
      parseOnce(text)
    }
}

const scenario = (
  variant: string,
  title: string,
  choose: Choose,
  limits: Pick<Scenario<State>, 'goal' | 'gate'>,
): Scenario<State> => ({
  ...{ id: 'PF-22', variant, title, unit: 'ms', better: 'lower' },
  ...limits,
  setUp: async () => {
    const texts = choose(readCorpus())
    warm(texts, 10)
    return { texts }
  },
  baseline: async ({ texts }) => sum(texts.map(parseOnce)),
  subject: async ({ texts }) => sum(texts.map(compileOnce)),
})

const mebibyte = 1024 ** 2
const timesLargest = 10

const memory: Scenario<State> = {
  ...{ id: 'PF-22', variant: 'memory', unit: 'MiB', better: 'lower' },
  title: `memory that compiling ${timesLargest} times the largest real file takes at most; baseline the size of the text`,
  ...{ goal: { ratio: 100 }, gate: { ratio: 100 } },
  setUp: async () => ({
    texts: largest(readCorpus()).map((text) => repeatedConfiguration(text, timesLargest)),
  }),
  baseline: async ({ texts: [text = ''] }) => Buffer.byteLength(text) / mebibyte,
  subject: ({ texts: [text = ''] }) => memoryOf(text),
}

/** In a process as plans have it, that has compiled nothing large before. */
const memoryOf = async (text: string): Promise<number> => {
  const program = join(import.meta.dirname, '../compile-memory.ts')
  const { code, stdout, stderr } = await run(process.execPath, [...compilerFlags, program], {
    input: text,
    timeoutMs: 60_000,
  })
  if (code !== 0) throw new Error(`the compiling process ended with ${code}: ${stderr}`)
  return Number(stdout) / mebibyte
}

export const scenarios: readonly Scenario<State>[] = [
  {
    ...scenario(
      'largest',
      'largest real file → plan with origins; baseline `yaml` parseDocument of it',
      largest,
      { goal: { ratio: 1.4, value: 30 }, gate: { ratio: 2 } },
    ),
    growth: {
      ...{ of: 'times the largest file', sizes: [1, 2, 5, 10], exponentMax: 1.12 },
      at: async ({ texts: [text = ''] }, size) => {
        const input = repeatedConfiguration(text, size)
        compileOnce(input)
        return compileOnce(input)
      },
    },
  },
  scenario(
    'worst',
    'the real file that takes longest beside its parsing → plan with origins; baseline `yaml` parseDocument of it',
    worst,
    { goal: { ratio: 2 }, gate: { ratio: 2 } },
  ),
  scenario(
    'corpus',
    'every real file → plan with origins; baseline `yaml` parseDocument of each',
    (texts) => texts,
    { goal: { ratio: 2, value: 1_000 }, gate: { ratio: 2 } },
  ),
  memory,
]
