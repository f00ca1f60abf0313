import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changeOf } from './change.ts'

const rounds = (ratios: readonly number[]) => ratios.map((ratio) => ({ before: 20, now: 20 * ratio }))

test('a change that every round shows is said, and which way is better depends on the unit', () => {
  const less = rounds([0.8, 0.81, 0.79, 0.82, 0.8, 0.78])
  assert.equal(changeOf(less, 'lower').verdict, 'faster')
  assert.equal(changeOf(less, 'higher').verdict, 'slower')
  assert.equal(changeOf(rounds([1.2, 1.25, 1.3, 1.2, 1.22]), 'lower').verdict, 'slower')
})

test('rounds that disagree show nothing, whatever their middle is', () => {
  const { ratio, low, high, verdict } = changeOf(rounds([0.5, 1.6, 0.7, 1.4, 0.8]), 'lower')
  assert.equal(ratio, 0.8)
  assert.ok(low < 1 && high > 1)
  assert.equal(verdict, 'no difference shown')
})

test('what is surely different by less than three in a hundred is no difference', () => {
  const { low, verdict } = changeOf(rounds([1.02, 1.021, 1.019, 1.02]), 'lower')
  assert.ok(low > 1)
  assert.equal(verdict, 'no difference shown')
})

test('the interval holds the middle and narrows with more rounds that agree as much', () => {
  const few = [0.9, 1, 1.1, 0.95, 1.05]
  const many = Array.from({ length: 12 }, () => few).flat()
  const [a, b] = [changeOf(rounds(few), 'lower'), changeOf(rounds(many), 'lower')]
  for (const { low, ratio, high } of [a, b]) assert.ok(low <= ratio && ratio <= high)
  assert.ok(b.high - b.low < a.high - a.low)
  assert.deepEqual(changeOf(rounds(few), 'lower'), a)
})
