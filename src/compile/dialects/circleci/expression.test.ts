// What infix expressions come to, rule by rule.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../../limits.ts'
import { type ExpressionValue, evaluate, isFault, parseExpression } from './expression.ts'

const values: Readonly<Record<string, ExpressionValue>> = {
  branch: 'main',
  number: 7,
  yes: true,
  no: false,
  unset: null,
}
const resultOf = (source: string) => {
  const parsed = parseExpression(source)
  return isFault(parsed) ? parsed : evaluate(parsed.expression, (name) => values[name])
}
const check = (cases: Readonly<Record<string, ExpressionValue>>) => {
  for (const [source, expected] of Object.entries(cases)) assert.equal(resultOf(source), expected, source)
}
const refused = (fault: string, sources: readonly string[]) => {
  for (const source of sources) {
    const value = resultOf(source)
    assert.equal(isFault(value) ? value.fault : value, fault, source)
  }
}

test('weakest first: or, and, equality, texts, order, not; brackets go before all of them', () => {
  check({
    'yes or yes and no': true,
    'no and no or yes': true,
    '(yes or yes) and no': false,
    'no and no == no': false,
    'yes == branch starts-with "ma"': true,
    'yes == branch matches /m.*/': true,
    'yes == 1 < 2': true,
    'not no == yes': true,
    'not yes or yes': true,
    '!no': true,
    'not not !yes': false,
  })
})

test('"and" and "or" answer with an operand, and look at no more than they have to', () => {
  check({
    'yes and "x"': 'x',
    'no or "x"': 'x',
    'unset or 0': 0,
    '0 and "x"': 0,
    '"" or unset': null,
    '"false" and 1': 1,
    'true and 1': 1,
    'false or 2': 2,
    'yes or 1 > "x"': true,
    'no and 1 > "x"': false,
  })
})

test('values are equal by type and value; numbers have an order', () => {
  check({
    'number == 7': true,
    'number != 7': false,
    'number == "7"': false,
    'number != "7"': true,
    '1 < 2': true,
    '2 < 2': false,
    '2 <= 2': true,
    '3 <= 2': false,
    '2 > 1': true,
    '2 > 2': false,
    '2 >= 2': true,
    '1 >= 2': false,
    '-3 < -2': true,
  })
})

test('what is not set is false, and so is every comparison with it', () => {
  check({
    unset: null,
    'not unset': true,
    'unset == unset': false,
    'unset != "x"': false,
    '"x" != unset': false,
    'unset < 1': false,
    '1 > unset': false,
    'unset starts-with "x"': false,
    'unset matches /.*/': false,
  })
})

test('a text begins with another, or a pattern covers the whole of it', () => {
  check({
    'branch starts-with "ma"': true,
    'branch starts-with "in"': false,
    'branch matches /m.*/': true,
    'branch matches /ai/': false,
    '"a/b" matches /a\\/b/': true,
    '"a\\"b\\\\" == "a\\"b\\\\"': true,
    '"a\\"b" matches /a"b/': true,
    '"\\n" matches /.n/': true,
  })
})

test('what is no expression, or compares what cannot be compared, says so', () => {
  refused('type', [
    '1 > "x"',
    '"x" > 1',
    '"a" < "b"',
    '1 starts-with "x"',
    '"x" starts-with 1',
    '1 matches /1/',
    'not 1 starts-with "x"',
    '(1 > "x") and yes',
    '(1 > "x") == 1',
    '1 == (1 > "x")',
    '(1 > "x") matches /x/',
    `"${'a'.repeat(60)}" matches /(?=.)((a+)+)+b/`,
  ])
  refused('syntax', [
    ...['', 'and', 'or yes', 'not', 'yes and', 'yes yes', 'yes == == yes', '(yes', 'yes)', '()', '/x/'],
    ...['"open', '1x', '1.5', 'branch matches "x"', 'branch matches', 'branch matches /(/', 'yes & no'],
  ])
  refused('unknown-variable', [
    'nothing',
    'not nothing',
    'nothing == 1',
    '1 == nothing',
    'nothing matches /x/',
  ])
})

test('what is too long or nested too deeply is refused, what is just short enough is not', () => {
  const nested = (depth: number) => `${'('.repeat(depth - 1)}yes${')'.repeat(depth - 1)}`
  check({
    [nested(limits.expressionDepthMax)]: true,
    [`yes${' '.repeat(limits.expressionLengthMax - 3)}`]: true,
  })
  check({
    [Array(2 * limits.expressionDepthMax)
      .fill('yes')
      .join(' and ')]: true,
  })
  const long = ` yes${' '.repeat(limits.expressionLengthMax - 3)}`
  refused('syntax', [
    nested(limits.expressionDepthMax + 1),
    `${'!'.repeat(limits.expressionDepthMax)}yes`,
    long,
  ])
})
