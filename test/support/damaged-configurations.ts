// Damaged configurations: real files and golden cases with pieces cut out, doubled, and put where they do not belong.
// A seed gives the same text everywhere. `judgeCompile` is what holds for every input, however broken.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type CompileInput, type CompileResult, compile, problemCodes } from '../../src/compile/index.ts'
import type { RunEvent } from '../../src/protocol/plan.ts'
import { parsePlan } from '../../src/protocol/plan-parse.ts'
import { createRandom } from './random.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The real files lie beside the repository on development machines and are no part of it. */
export const corpusFolder = at('../../../shared/corpus/circleci/')
export const corpusNames: readonly string[] = existsSync(corpusFolder)
  ? readdirSync(corpusFolder).filter((name) => name.endsWith('.yml'))
  : []
export const corpusText = (name: string): string => readFileSync(corpusFolder + name, 'utf8')

/** The definitions of a file again and again under other names: anchors and jobs grow, what is invoked does not. */
export const repeatedConfiguration = (text: string, times: number): string =>
  Array.from({ length: times }, (_, i) =>
    i === 0
      ? text
      : text.replace(/^([A-Za-z_][\w-]*):/gm, `$1-${i}:`).replace(/([&*])([A-Za-z_][\w-]*)/g, `$1$2-${i}`),
  ).join('\n')

const goldenFolder = at('../../src/compile/testdata/')
export const goldenTexts = (): readonly string[] =>
  readdirSync(goldenFolder).map((name) => readFileSync(`${goldenFolder}${name}/input.yml`, 'utf8'))

export const pushOf = (branch: string | null, tag: string | null = null): RunEvent => ({
  kind: 'push',
  ref: tag === null ? `refs/heads/${branch}` : `refs/tags/${tag}`,
  commit: 'a'.repeat(40),
  branch,
  tag,
})

const placeless: readonly string[] = [
  problemCodes.N_NOTHING_TO_RUN.number,
  problemCodes.N_MORE_PROBLEMS.number,
  problemCodes.E_PLAN_TOO_LARGE.number,
]

/** Every problem has its place, no plan with an error, and a plan that its own parser takes. */
export const judgeCompile = (text: string, more: Partial<CompileInput> = {}): CompileResult => {
  const files = new Map([['.circleci/config.yml', text]])
  const result = compile({ files, event: pushOf('main'), parameters: {}, ...more })
  const lines = text.split('\n')
  for (const { at: place, code, message } of result.problems) {
    assert.ok(place !== null || placeless.includes(code), `${code} has no position: ${message}`)
    if (place === null || place.file !== '.circleci/config.yml') continue
    assert.ok(
      place.line >= 1 && place.line <= lines.length,
      `${code} at line ${place.line} of ${lines.length}`,
    )
    const width = lines[place.line - 1]?.length ?? 0
    assert.ok(place.column >= 1 && place.column <= width + 2, `${code} at column ${place.column}`)
  }
  assert.equal(result.ok, !result.problems.some(({ severity }) => severity === 'error'))
  if (!result.ok) return result
  const plan = JSON.stringify(result.plan)
  assert.doesNotMatch(plan, /(?<!\\)(\\\\)*\\u(d[89a-f]|0000)/, 'the plan has no digest, or is not stored')
  const parsed = parsePlan(JSON.parse(plan))
  assert.ok(parsed.ok, `the plan is refused: ${parsed.problems[0]?.message}`)
  return result
}

const fragments: readonly string[] = [
  ...[
    '<<',
    '>>',
    '<< parameters.x >>',
    '<<# parameters.x >>',
    '<</ parameters.x >>',
    '\\<<',
    '<< pipeline.number >>',
  ],
  ...[
    '&a ',
    '*a',
    '<<: *a\n',
    '[',
    ']',
    '{',
    '}',
    '- ',
    ': ',
    '? ',
    '|',
    '>-\n',
    '!!int ',
    '!x ',
    '"',
    "'",
    '#',
  ],
  ...[
    '\t',
    '\0',
    '\r',
    '\uFEFF',
    '\uD800',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '~',
    'null',
    'true',
    '-1',
    '1e999',
  ],
  ...['__proto__: 1\n', '__proto__: {polluted: yes}\n', 'constructor', 'prototype: {}\n', 'toString'],
  ...['steps:\n', 'jobs:\n', 'when:\n', 'matrix:\n', 'orbs: {a: {orbs: {a: {}}}}\n', 'a/b', 'setup: true\n'],
  ...[
    'version: 2\n',
    'requires: [x]\n',
    'filters: /(/\n',
    'filters: /(?=a)(a|a)*b/\n',
    'parallelism: 0\n',
    '  ',
    '\n',
  ],
]

export const damage = (text: string, random: (below: number) => number): string => {
  let damaged = text
  for (let times = 1 + random(4); times > 0; times--) {
    const from = random(damaged.length + 1)
    const length = random(40)
    const kind = random(4)
    const piece =
      kind === 3
        ? damaged.slice(random(damaged.length + 1)).slice(0, 2000)
        : fragments[random(fragments.length)]
    damaged =
      damaged.slice(0, from) +
      (kind === 0 ? '' : piece) +
      damaged.slice(kind === 1 || kind === 3 ? from : from + length)
  }
  return damaged
}

const inherited = (): string =>
  [Object, Array, Map, String, Number, Function]
    .map(({ prototype }) => Reflect.ownKeys(prototype).map(String).join())
    .join(';')

/** Throws for the first seed whose text crashes the compiler, takes longer than the limit, or leaves a trace. */
export const compileDamaged = (
  texts: readonly string[],
  seeds: readonly [from: number, to: number],
  limitMs = 5_000,
): number => {
  const untouched = inherited()
  let slowestMs = 0
  for (let seed = seeds[0]; seed <= seeds[1]; seed++) {
    const random = createRandom(seed)
    const text = damage(texts[random(texts.length)] ?? '', random)
    const started = performance.now()
    try {
      judgeCompile(text)
      assert.equal(inherited(), untouched, 'a prototype was changed')
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause })
    }
    const ms = performance.now() - started
    assert.ok(ms < limitMs, `seed ${seed} took ${Math.round(ms)} ms`)
    slowestMs = Math.max(slowestMs, ms)
  }
  return slowestMs
}
