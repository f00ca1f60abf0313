// When a workflow runs: logic statements, and what none of them is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeCompile } from '../../../../test/support/damaged-configurations.ts'
import { type ProblemCode, problemCodes } from '../../index.ts'
import { limits } from '../../limits.ts'

const compiled = (conditions: string) =>
  judgeCompile(
    `version: 2.1\njobs: {a: {type: no-op}}\nworkflows: {always: {jobs: [a]}, w: {${conditions}, jobs: [a]}}\n`,
  )
const runs = (conditions: string): boolean => {
  const result = compiled(conditions)
  assert.ok(result.ok, `${conditions} ${JSON.stringify(result.problems)}`)
  return result.plan.workflows.length === 2
}
const check = (isMet: boolean, conditions: readonly string[]) => {
  for (const condition of conditions) {
    assert.equal(runs(`when: ${condition}`), isMet, `when ${condition}`)
    assert.equal(runs(`unless: ${condition}`), !isMet, `unless ${condition}`)
  }
}
const refused = (symbol: ProblemCode, conditions: readonly string[]) => {
  for (const condition of conditions) {
    const codes = compiled(condition).problems.map(({ code }) => code)
    assert.ok(codes.includes(problemCodes[symbol].number), `${condition}: ${codes}`)
  }
}

test('"and", "or" and "not" judge what is below them', () => {
  check(true, ['{and: [true, x, 1]}', '{or: [false, x]}', '{not: false}', '{not: ""}'])
  check(false, ['{and: [true, false]}', '{and: [false, true]}', '{or: [false, "", 0]}', '{not: true}'])
  check(true, [
    '{and: [{or: [false, true]}, {not: {and: [true, false]}}]}',
    'true',
    '1',
    `'"false" == "false"'`,
  ])
  check(false, ['{or: [{and: [true, false]}, {not: true}]}', 'false', '0', `'"false" != "false"'`])
})

test('"equal" compares by type and value, lists and maps as well; an executor is its name', () => {
  check(true, ['{equal: [42, 42]}', '{equal: [a, a, a]}', '{equal: [a]}', '{equal: [[a, b], [a, b]]}'])
  check(false, ['{equal: [42, "42"]}', '{equal: [a, a, b]}', '{equal: [a, b, a]}', '{equal: [true, "true"]}'])
  check(false, [
    '{equal: [[a, b], [a]]}',
    '{equal: [[a], [a, b]]}',
    '{equal: [[a, b], [b, a]]}',
    '{equal: [[a], a]}',
  ])
  check(true, ['{equal: [{a: 1, b: 2}, {b: 2, a: 1}]}', '{equal: [{name: x}, x]}', '{equal: [x, {name: x}]}'])
  check(false, [
    '{equal: [{a: 1}, {a: 1, b: 2}]}',
    '{equal: [{a: 1, b: 2}, {a: 1}]}',
    '{equal: [{a: 1}, {b: 1}]}',
  ])
  check(false, ['{equal: [{a: 1}, {a: 2}]}', '{equal: [{name: x, a: 1}, x]}', '{equal: [{a: x}, x]}'])
  check(false, [
    '{equal: [[a, b], [a, c]]}',
    '{equal: [{a: 1, b: 2}, {a: 1, b: 3}]}',
    '{equal: [x, ""]}',
    '{equal: ["", x]}',
  ])
  check(false, ['{equal: [x, << pipeline.git.tag >>]}', '{equal: [<< pipeline.git.tag >>, x]}'])
  check(true, ['{equal: [main, << pipeline.git.branch >>]}', '{equal: [<< pipeline.git.tag >>, ""]}'])
})

test('"matches" is about the whole of a value', () => {
  check(true, ['{matches: {pattern: "^f.*$", value: fix}}', '{matches: {pattern: "1.", value: 12}}'])
  check(false, ['{matches: {pattern: i, value: fix}}', '{matches: {pattern: fi, value: fix}}'])
})

test('what is no condition is said, and is not met', () => {
  refused('E_CONDITION', [
    ...['when: {and: []}', 'when: {or: []}', 'when: {equal: []}', 'when: {nand: [true]}', 'when: [true]'],
    ...['when: {and: [true], or: [true]}', 'when: {}', 'when: {and: [[true]]}', 'when: true, unless: false'],
    ...['when: {matches: {pattern: x}}', 'when: {matches: {value: x}}', 'when: {constructor: [true]}'],
  ])
  refused('E_TYPE', ['when: {and: true}', 'when: {matches: x}'])
  refused('E_EXPRESSION', ['when: always on', 'when: nothing', 'when: 1 < x'])
  refused('E_PATTERN', ['when: {matches: {pattern: (, value: x}}'])
})

test('an argument is a value and no expression: as a text it is true, whatever it says', () => {
  const steps = (condition: string, argument: string) => {
    const when = `{when: {condition: ${condition}, steps: [run: it is]}}`
    const result = judgeCompile(`version: 2.1
commands: {maybe: {parameters: {p: {type: string}}, steps: [${when}, run: end]}}
jobs: {build: {docker: [{image: i}], steps: [{maybe: {p: '${argument}'}}]}}
`)
    assert.ok(result.ok, JSON.stringify(result.problems))
    return result.plan.workflows[0]?.jobs[0]?.spec?.steps.length
  }
  assert.equal(steps('<< parameters.p >>', 'pipeline.git.branch == "dev"'), 2)
  assert.equal(steps('parameters.p', 'pipeline.git.branch == "dev"'), 2)
  assert.equal(steps('<< parameters.p >>', ''), 1)
  assert.equal(steps('""', 'x'), 1)
  assert.equal(steps('pipeline.git.branch == "dev"', 'x'), 1)
  assert.equal(runs('when: << pipeline.trigger_source >> == "api"'), true, 'a text with a value in it')
})

test('conditions are nested as deeply as maps are, and no deeper', () => {
  const nested = (depth: number) => `${'{not: '.repeat(depth)}true${'}'.repeat(depth)}`
  const most = limits.depthMax - 3
  assert.equal(runs(`when: ${nested(most - (most % 2))}`), true)
  refused('E_YAML_TOO_DEEP', [`when: ${nested(limits.depthMax)}`])
})
