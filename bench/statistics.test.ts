import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drift, growthExponent, median, summarise } from './statistics.ts'

test('a summary interpolates between the two nearest samples', () => {
  assert.deepEqual(summarise([4, 1, 3, 2]), { median: 2.5, q1: 1.75, q3: 3.25, min: 1, max: 4, n: 4 })
  assert.deepEqual(summarise([7]), { median: 7, q1: 7, q3: 7, min: 7, max: 7, n: 1 })
})

test('the order of samples changes nothing but the drift', () => {
  const values = [9, 10, 11, 19, 20, 21]
  assert.equal(median(values.toReversed()), median(values))
  assert.equal(drift(values), 2)
  assert.equal(drift(values.toReversed()), 2)
  assert.equal(drift([10, 20, 20, 10]), 1)
})

test('the middle sample of an odd series belongs to both halves', () => {
  assert.equal(drift([10, 20, 40]), 2)
  assert.equal(drift([10]), 1)
})

test('growth is found as a power of the size', () => {
  const grow = (power: number) => [1, 2, 5, 10].map((size) => ({ size, value: 3 * size ** power }))
  for (const power of [0, 1, 2, -0.5]) assert.ok(Math.abs(growthExponent(grow(power)) - power) < 1e-9)
})

test('an empty series has no middle', () => {
  assert.throws(() => summarise([]), /no samples/)
})
