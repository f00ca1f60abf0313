// Real configurations, and 500 damaged ones. The corpus lies beside the repository on development machines and is no
// part of it; without it the damaged files are made from the golden cases alone, and the output says so.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { RunEvent } from '../protocol/plan.ts'
import { parsePlan } from '../protocol/plan-parse.ts'
import { type CompileResult, compile, problemCodes } from './index.ts'

const corpus = fileURLToPath(new URL('../../../shared/corpus/circleci/', import.meta.url))
const isAbsent = !existsSync(corpus)
if (isAbsent)
  console.log('the corpus of real files is absent (../shared/corpus/circleci): nothing of it is tested')
const skip = isAbsent && 'the corpus is absent'

const names = isAbsent ? [] : readdirSync(corpus).filter((name) => name.endsWith('.yml'))
const textOf = (name: string): string => readFileSync(corpus + name, 'utf8')

const goldenFolder = fileURLToPath(new URL('testdata/', import.meta.url))
const goldenTexts = readdirSync(goldenFolder).map((name) =>
  readFileSync(`${goldenFolder}${name}/input.yml`, 'utf8'),
)

const push = (branch: string | null, tag: string | null): RunEvent => ({
  kind: 'push',
  ref: tag === null ? `refs/heads/${branch}` : `refs/tags/${tag}`,
  commit: 'a'.repeat(40),
  branch,
  tag,
})

const compileText = (text: string, event = push('main', null)): CompileResult =>
  compile({ files: new Map([['.circleci/config.yml', text]]), event, parameters: {} })

const placeless: readonly string[] = [
  problemCodes.N_NOTHING_TO_RUN.number,
  problemCodes.N_MORE_PROBLEMS.number,
  problemCodes.E_PLAN_TOO_LARGE.number,
]

/** What holds for every input, however broken. */
const check = (text: string, event?: RunEvent): CompileResult => {
  const result = compileText(text, event)
  const lines = text.split('\n')
  for (const { at, code, message } of result.problems) {
    assert.ok(at !== null || placeless.includes(code), `${code} has no position: ${message}`)
    if (at === null) continue
    assert.ok(at.line >= 1 && at.line <= lines.length, `${code} at line ${at.line} of ${lines.length}`)
    assert.ok(
      at.column >= 1 && at.column <= (lines[at.line - 1]?.length ?? 0) + 2,
      `${code} at column ${at.column}`,
    )
  }
  assert.equal(result.ok, !result.problems.some(({ severity }) => severity === 'error'))
  if (!result.ok) return result
  const parsed = parsePlan(JSON.parse(JSON.stringify(result.plan)))
  assert.ok(parsed.ok, `the plan is refused: ${parsed.problems[0]?.message}`)
  return result
}

/** Errors that real files have for reasons of their own: a name to fill in; no configuration at all; no such job. */
const ownErrors: Readonly<Record<string, readonly string[]>> = {
  'CircleCI-Public__path-filtering-orb@2021.yml': [problemCodes.E_ORB_REFERENCE.number],
  'circleci__circleci-docs__factory-bot.yml': [
    problemCodes.E_VERSION.number,
    problemCodes.E_NO_WORKFLOW.number,
  ],
  'cypress-io__cypress-example-kitchensink@2023.yml': [problemCodes.E_REQUIRES_UNKNOWN.number],
}

/** A registry orb that is not here, or an element of the empty stand-in for the orb that a file tests. */
const ofOrbs: readonly string[] = [problemCodes.E_ORB_MISSING.number, problemCodes.E_ORB_ELEMENT.number]

test('every real file compiles, or names the orb that is missing', { skip }, () => {
  for (const name of names)
    for (const event of [push('main', null), push('feature/x', null), push(null, 'v1.2.3')]) {
      const errors = check(textOf(name), event).problems.filter(({ severity }) => severity === 'error')
      const own = new Set(errors.map(({ code }) => code).filter((code) => !ofOrbs.includes(code)))
      assert.deepEqual([...own].toSorted(), ownErrors[name] ?? [], `${name}: ${JSON.stringify(errors)}`)
    }
})

test('the same text gives the same answer, byte for byte', { skip }, () => {
  for (const name of names.slice(0, 10))
    assert.equal(JSON.stringify(compileText(textOf(name))), JSON.stringify(compileText(textOf(name))))
})

const jobsOf = (count: number): string => {
  const jobs = Array.from(
    { length: count },
    (_, i) => `  j${i}: {docker: [{image: a}], steps: [checkout, {run: x}]}\n`,
  )
  const entries = Array.from(
    { length: count },
    (_, i) => `      - j${i}: {requires: [${i === 0 ? '' : `j${i - 1}`}]}\n`,
  )
  return `version: 2.1\njobs:\n${jobs.join('')}workflows:\n  w:\n    jobs:\n${entries.join('')}`
}

const fastest = (text: string): number => {
  const times = Array.from({ length: 5 }, () => {
    const started = performance.now()
    compileText(text)
    return performance.now() - started
  })
  return Math.min(...times)
}

test('ten times the text takes little more than ten times the time', () => {
  fastest(jobsOf(50))
  const small = fastest(jobsOf(100))
  const large = fastest(jobsOf(1000))
  assert.ok(large < 30 * small, `${small} ms became ${large} ms`)
})

/** mulberry32: small, and the same everywhere. */
const createRandom = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const fragments = [
  ...[
    '<<',
    '>>',
    '<< parameters.x >>',
    '<<# parameters.x >>',
    '\\<<',
    '&a ',
    '*a',
    '<<: *a\n',
    '[',
    ']',
    '{',
    '}',
    '- ',
  ],
  ...[
    ': ',
    '? ',
    '|',
    '>-\n',
    '!!int ',
    '!x ',
    '"',
    "'",
    '#',
    '\t',
    '\0',
    '\r',
    '\uFEFF',
    '\uD800',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
  ],
  ...[
    '~',
    'null',
    'true',
    '-1',
    '1e999',
    '__proto__: 1\n',
    'constructor',
    'steps:\n',
    'jobs:\n',
    'when:\n',
    'matrix:\n',
  ],
  ...['version: 2\n', 'requires: [x]\n', 'filters: /(/\n', 'parallelism: 0\n', '  ', '\n', '\n\n  '],
]

const damage = (text: string, random: (below: number) => number): string => {
  let damaged = text
  for (let times = 1 + random(4); times > 0; times--) {
    const at = random(damaged.length + 1)
    const length = random(40)
    const kind = random(4)
    if (kind === 0) damaged = damaged.slice(0, at) + damaged.slice(at + length)
    else if (kind === 1)
      damaged = damaged.slice(0, at) + fragments[random(fragments.length)] + damaged.slice(at)
    else if (kind === 2)
      damaged = damaged.slice(0, at) + fragments[random(fragments.length)] + damaged.slice(at + length)
    else
      damaged =
        damaged.slice(0, at) + damaged.slice(random(damaged.length + 1)).slice(0, 2000) + damaged.slice(at)
  }
  return damaged
}

test('500 damaged files never throw, and every problem has its place', () => {
  const texts = [...goldenTexts, ...names.map(textOf).filter((text) => text.length < 20_000)]
  for (let seed = 1; seed <= 500; seed++) {
    const random = createRandom(seed)
    const text = damage(texts[random(texts.length)]!, random)
    try {
      check(text)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
})
