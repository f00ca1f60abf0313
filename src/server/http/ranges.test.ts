import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../../test/support/random.ts'
import { isSameAs, rangeOf } from './ranges.ts'

const check = (header: string | undefined, total: number, expected: ReturnType<typeof rangeOf>) =>
  assert.deepEqual(rangeOf(header, total), expected, `${header} of ${total}`)

test('a part from, up to, and of the end', () => {
  check('bytes=0-4', 10, { first: 0, last: 4 })
  check('bytes=4-', 10, { first: 4, last: 9 })
  check('bytes=-3', 10, { first: 7, last: 9 })
  check('bytes=-30', 10, { first: 0, last: 9 })
  check('bytes=8-99', 10, { first: 8, last: 9 })
  check('Bytes= 9-9 ', 10, { first: 9, last: 9 })
})

test('what does not exist is refused, what is not understood is answered whole', () => {
  for (const header of ['bytes=10-', 'bytes=99-100', 'bytes=-0']) check(header, 10, 'unsatisfiable')
  check('bytes=0-', 0, 'unsatisfiable')
  for (const header of [
    undefined,
    '',
    'bytes=-',
    'bytes=5-4',
    'lines=1-2',
    'bytes=0-1,3-4',
    'bytes=x-1',
    'bytes=1e3-',
  ])
    check(header, 10, 'whole')
})

test('whatever is asked, a part lies within and is not empty', () => {
  const random = createRandom(416)
  const letters = 'bytes=0123456789-, '
  for (let round = 0; round < 5_000; round++) {
    const tail = Array.from({ length: random(12) }, () => letters[random(letters.length)]).join('')
    const total = random(50)
    const part = rangeOf(`bytes=${tail}`, total)
    if (typeof part === 'string') continue
    assert.ok(part.first >= 0 && part.first <= part.last && part.last < total, `${tail} of ${total}`)
  }
})

test('a part goes on only in the very bytes it began in', () => {
  assert.ok(isSameAs(undefined, '"a"') && isSameAs('"a"', '"a"'))
  for (const other of ['"b"', 'W/"a"', 'Sun, 22 Nov 2026 09:00:00 GMT']) assert.ok(!isSameAs(other, '"a"'))
})
