import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatWaterfall } from './waterfall.ts'

test('parts stand below what they are parts of, in order, each where it was on the way', () => {
  const text = formatWaterfall([
    { id: 'c', parent: 'b', name: 'sandbox', start: 1040, end: 1045 },
    { id: 'a', parent: null, name: 'RUN demo', start: 1000, end: 1096 },
    { id: 'b', parent: 'a', name: 'build', start: 1010, end: 1096 },
    { id: 'd', parent: 'b', name: 'queue', start: 1010, end: 1040 },
  ])
  const rows = text.split('\n').map((line) => line.trim().split(/ {2,}/))
  assert.deepEqual(
    rows.map((row) => row.slice(0, 3)),
    [
      ['RUN demo', '+ 0', '96 ms'],
      ['build', '+10', '86 ms'],
      ['queue', '+10', '30 ms'],
      ['sandbox', '+40', '5 ms'],
    ],
  )
  assert.deepEqual(
    rows.map((row) => row.at(-1)?.length),
    [48, 43, 15, 3],
  )
})

test('what took no time can be seen, and a part without its whole is not lost', () => {
  const text = formatWaterfall([{ id: 'b', parent: 'gone', name: 'finish', start: 5, end: 5 }])
  assert.equal(text, 'finish  +0  0 ms  █')
})
