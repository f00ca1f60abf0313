import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSpacing } from './spacing.ts'

test('a few times at once, then one in each interval, and again at once after a pause', () => {
  const wait = createSpacing({ burst: 3, everyMs: 40 })
  assert.deepEqual([wait(1000), wait(1000), wait(1000)], [0, 0, 0])
  assert.deepEqual([wait(1000), wait(1010)], [40, 70])
  assert.equal(wait(1160), 0)
  assert.deepEqual([wait(9000), wait(9000), wait(9000), wait(9000)], [0, 0, 0, 40])
})

test('over a second no more than the burst and one in each interval', () => {
  const wait = createSpacing({ burst: 8, everyMs: 40 })
  let at = 0
  let count = 0
  for (; at < 1000; count++) at += wait(at)
  assert.equal(count, 8 + 25)
})
