// Small files that would become large plans or long compiles. Each must be refused, or done, in bounded time.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spentMs } from '../../test/support/hostile.ts'
import { compile, type ProblemCode, problemCodes } from './index.ts'

const deadlineMs = 3000

const codesOf = (text: string): readonly string[] => {
  const started = spentMs()
  const result = compile({
    files: new Map([['.circleci/config.yml', text]]),
    event: { kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null },
    parameters: {},
  })
  const took = spentMs() - started
  assert.ok(took < deadlineMs, `took ${Math.round(took)} ms`)
  assert.ok(JSON.stringify(result.problems).length < 2_000_000, 'the problems themselves became large')
  return result.problems.filter(({ severity }) => severity === 'error').map(({ code }) => code)
}

const refused = (text: string, symbol: ProblemCode): void => {
  const codes = codesOf(text)
  assert.ok(codes.includes(problemCodes[symbol].number), `expected ${symbol}, found ${codes.slice(0, 5)}`)
}

const job = '{docker: [{image: a}], steps: [checkout]}'
const steps = (text: string) => `jobs: {build: {docker: [{image: a}], steps: [${text}]}}\n`

test('commands that double at every level end as too large', () => {
  const commands = Array.from({ length: 40 }, (_, i) => `  c${i + 1}: {steps: [c${i}, c${i}]}\n`).join('')
  refused(
    `version: 2.1\ncommands:\n  c0: {steps: [{run: x}]}\n${commands}${steps('c40')}`,
    'E_PLAN_TOO_LARGE',
  )
})

test('a huge command used often ends as too large', () => {
  const body = 'x << parameters.p >> '.repeat(50_000)
  const commands = `commands: {c: {parameters: {p: {type: string}}, steps: [{run: "${body}"}]}}\n`
  refused(`version: 2.1\n${commands}${steps(Array(3000).fill('{c: {p: y}}').join(', '))}`, 'E_PLAN_TOO_LARGE')
})

test('a huge branch that is never taken costs bounded work', () => {
  const body = 'x << parameters.p >> '.repeat(50_000)
  const never = `{when: {condition: false, steps: [{run: "${body}"}]}}`
  const commands = `commands: {c: {parameters: {p: {type: string}}, steps: [${never}]}}\n`
  refused(`version: 2.1\n${commands}${steps(Array(3000).fill('{c: {p: y}}').join(', '))}`, 'E_PLAN_TOO_LARGE')
})

test('a plan beyond its limit in bytes is refused even when it is quick to make', () => {
  refused(
    `version: 2\n${steps(`&s {run: "${'\\u0007'.repeat(20_000)}"}${', *s'.repeat(40)}`)}`,
    'E_PLAN_TOO_LARGE',
  )
})

test('a matrix of many dimensions is refused before it is built', () => {
  const values = Array.from({ length: 12 }, (_, i) => `p${i}: [1, 2, 3, 4, 5, 6, 7, 8]`).join(', ')
  refused(
    `version: 2.1\njobs: {a: ${job}}\nworkflows: {w: {jobs: [{a: {matrix: {parameters: {${values}}}}}]}}\n`,
    'E_TOO_MANY_JOBS',
  )
})

test('a thousand jobs that need each other are fine, and twice as many are not', () => {
  const text = (count: number) =>
    `version: 2\njobs: {a: ${job}}\nworkflows:\n  w:\n    jobs:\n${Array.from({ length: count }, (_, i) => `      - a: {name: n${i}, requires: [${i ? `n${i - 1}` : ''}]}\n`).join('')}`
  assert.deepEqual(codesOf(text(1000)), [])
  refused(text(2000), 'E_TOO_MANY_JOBS')
})

test('deep sections, expressions, conditions and recursions are refused', () => {
  const declared = 'parameters: {x: {type: boolean, default: true}}\n'
  const open = '<<# pipeline.parameters.x >>'.repeat(60)
  refused(`version: 2.1\n${declared}${steps(`{run: "${open}"}`)}`, 'E_TAG_UNCLOSED')
  const flow = `jobs: {a: ${job}}\nworkflows: {w: {when: "${'not '.repeat(2000)}true", jobs: [a]}}\n`
  refused(`version: 2.1\n${flow}`, 'E_EXPRESSION')
  refused(`version: 2.1\ncommands: {a: {steps: [b]}, b: {steps: [a]}}\n${steps('a')}`, 'E_COMMAND_RECURSION')
})

test('patterns cannot be made to run long', () => {
  const filtered = (pattern: string) =>
    `version: 2\njobs: {a: ${job}}\nworkflows: {w: {jobs: [{a: {filters: {branches: {only: "/${pattern}/"}}}}]}}\n`
  assert.deepEqual(codesOf(filtered('((a*)*)*b')), [])
  assert.deepEqual(codesOf(filtered('(x+x+)+\\\\1')), [])
  const value = `${'a'.repeat(60)}b`
  const matching = (pattern: string) =>
    `version: 2.1\njobs: {a: ${job}}\nworkflows: {w: {when: {matches: {pattern: '${pattern}', value: ${value}}}, jobs: [a]}}\n`
  refused(matching('(?=a)((a+)+)+c'), 'E_PATTERN')
  refused(filtered('a'.repeat(3000)), 'E_PATTERN')
  refused(filtered('((a{999}){999}){999}'), 'E_PATTERN')
})

test('a large map that is merged thousands of times is refused before it is copied', () => {
  const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join(', ')
  const merges = '{<<: *base}, '.repeat(5000)
  refused(`version: 2.1\nbase: &base {${keys}}\nall: [${merges}]\n${steps('checkout')}`, 'E_YAML_EXPANSION')
})

test('a requirement of many jobs, repeated by many, ends as too large', () => {
  const matrix = (name: string) =>
    `matrix: {alias: ${name}, parameters: {n: [${Array.from({ length: 500 }, (_, i) => i)}]}}`
  const entry = (name: string, more: string) =>
    `{a: {name: "${name}-<< matrix.n >>", ${matrix(name)}${more}}}`
  const jobs = `jobs: {a: {parameters: {n: {type: integer}}, machine: true, steps: [checkout]}}`
  const all = `, requires: [${Array(300).fill('x')}]`
  refused(
    `version: 2.1\n${jobs}\nworkflows: {w: {jobs: [${entry('x', '')}, ${entry('y', all)}]}}\n`,
    'E_PLAN_TOO_LARGE',
  )
})

test('what is done for each of many patterns, exclusions and jobs is counted', () => {
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
  const large = (i: number) => `\\w{1000}`.repeat(200) + i
  const invoked = (more: string) =>
    `version: 2.1\njobs: {a: {parameters: {n: {type: integer}}, machine: true, steps: [checkout]}}\n` +
    `workflows: {w: {jobs: [{a: {matrix: {parameters: {n: [${numbers(1000)}]}${more}]}}\n`
  const only = (patterns: readonly string[]) =>
    `}, filters: {branches: {only: [${patterns.map((pattern) => `'/${pattern}/'`)}]}}}}`
  refused(invoked(only(numbers(30).map(large))), 'E_PLAN_TOO_LARGE')
  refused(invoked(only(numbers(3000).map((i) => `a.*${i}`))), 'E_PLAN_TOO_LARGE')
  const expression = `pipeline.git.branch matches /${large(0)}/`
  refused(invoked(`}, filters: '${expression}'}}`), 'E_PLAN_TOO_LARGE')
  const conditional = numbers(30).map(
    (i) => `{when: {condition: '${expression} and ${i} == 1', steps: [checkout]}}`,
  )
  refused(`version: 2.1\n${steps(`${conditional}`)}`, 'E_PLAN_TOO_LARGE')
  refused(invoked(`, exclude: [${numbers(5000).map((i) => `{n: ${i + 2000}}`)}]}}}`), 'E_PLAN_TOO_LARGE')
})

test('what was meant is looked for as often as it is shown', () => {
  const names = (count: number, word: string) =>
    Array.from({ length: count }, (_, i) => `${word.repeat(9)}${i}`)
  const commands = names(1000, 'abc').map((name) => `${name}: {steps: [checkout]}`)
  refused(`version: 2.1\ncommands: {${commands}}\n${steps(`${names(5000, 'xyz')}`)}`, 'E_COMMAND_UNKNOWN')
})

test('an error is shown however many warnings come before it', () => {
  const keys = Array.from({ length: 500 }, (_, i) => `nothing${i}: 1`).join(', ')
  const text = (command: string) => `version: 2\n${steps(`{run: {command: ls, ${keys}}}, ${command}`)}`
  refused(text('nothing'), 'E_COMMAND_UNKNOWN')
  assert.deepEqual(codesOf(text('checkout')), [])
})

test('thousands of problems are counted, not shown', () => {
  const unknown = Array.from({ length: 5000 }, (_, i) => `nothing${i}`).join(', ')
  assert.ok(codesOf(`version: 2\n${steps(unknown)}`).length <= 201)
})

test('inherited names are names like any other', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
  for (const name of names) {
    assert.deepEqual(codesOf(`version: 2\njobs: {${name}: ${job}}\nworkflows: {w: {jobs: [${name}]}}\n`), [])
    refused(`version: 2.1\n${steps(name)}`, 'E_COMMAND_UNKNOWN')
    refused(
      `version: 2\njobs: {a: ${job}}\nworkflows: {w: {jobs: [{a: {requires: [{a: ${name}}]}}]}}\n`,
      'E_REQUIRES_STATUS',
    )
    refused(
      `version: 2.1\njobs: {a: ${job}}\nworkflows: {w: {when: {${name}: [1]}, jobs: [a]}}\n`,
      'E_CONDITION',
    )
  }
})
