import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../../test/support/random.ts'
import { utf8 } from '../../base/bytes.ts'
import type { Query } from './search.ts'
import { createTextSearch, excerptChars } from './text-search.ts'

const words = (text: string, more: Partial<Query> = {}): Query => ({
  ...{ text, isRegex: false, matchCase: false },
  ...more,
})
const search = (query: Query, text: string, cuts: readonly number[] = [], linesMax = 100) => {
  const found = createTextSearch(query, linesMax)
  if (found === null) return null
  const bytes = utf8(text)
  let at = 0
  const parts = [...cuts, bytes.length].map((cut) => {
    const firstLine = 1 + utf8lines(bytes.subarray(0, at))
    const part = found.piece(2, firstLine, bytes.subarray(at, cut))
    at = cut
    return part
  })
  parts.push(found.end())
  return {
    count: parts.reduce((sum, { count }) => sum + count, 0),
    lines: parts.flatMap(({ lines }) => lines),
  }
}
const utf8lines = (bytes: Uint8Array): number => bytes.filter((byte) => byte === 10).length
const check = (query: Query, text: string, expected: readonly (readonly [number, string, string])[]) =>
  assert.deepEqual(
    search(query, text)?.lines.map(({ line, text, from, to }) => [line, text, text.slice(from, to)]),
    expected,
  )

test('lines are found by text, by case and by regular expression, and what is found is pointed at', () => {
  const log = 'one\nan Error here\nno error\n'
  check(words('error'), log, [
    [2, 'an Error here', 'Error'],
    [3, 'no error', 'error'],
  ])
  check(words('Error', { matchCase: true }), log, [[2, 'an Error here', 'Error']])
  check(words('^n. e', { isRegex: true }), log, [[3, 'no error', 'no e']])
  check(words('.', { isRegex: false }), log, [])
  assert.equal(search(words('(', { isRegex: true }), log), null)
})

test('a line is looked at as a terminal shows it: colours are no text, what was overwritten is gone', () => {
  check(words('fail'), '\u001b[31mfa\u001b[0mil\n', [[1, 'fail', 'fail']])
  check(words('10 %'), ' 10 %\r 90 %\n', [])
  check(words('90 %'), ' 10 %\r 90 %\n', [[1, ' 90 %', '90 %']])
})

test('of a long line what is near, of many matches so many, and all of them are counted', () => {
  const [line] = search(words('needle'), `${'x'.repeat(9_000)}needle${'y'.repeat(9_000)}`)!.lines
  assert.equal(line!.text.length, excerptChars)
  assert.equal(line!.text.slice(line!.from, line!.to), 'needle')
  const found = search(words('a'), 'a\n'.repeat(50), [], 3)!
  assert.deepEqual([found.count, found.lines.length], [50, 3])
})

test('wherever the pieces are cut, the same is found', () => {
  const random = createRandom(20_261_122)
  const text = 'first é line\nsecond ünd\n\nlast without end é'
  const bytes = utf8(text).length
  const whole = search(words('é'), text)
  assert.equal(whole?.count, 2)
  for (let round = 0; round < 200; round++) {
    const cuts = [random(bytes), random(bytes), random(bytes)].sort((a, b) => a - b)
    assert.deepEqual(search(words('é'), text, cuts), whole, `cut at ${cuts}`)
  }
})
