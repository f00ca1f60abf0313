import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atFirst, closer, farther, fitting, minimapScale, zoomMax, zoomMin } from './zoom.ts'

test('a graph that fits is not made larger, a wide one becomes as small as it may', () => {
  assert.equal(fitting({ width: 400, height: 100 }, 1_000), 1)
  assert.equal(fitting({ width: 2_000, height: 100 }, 1_000), 0.5)
  assert.equal(fitting({ width: 100_000, height: 100 }, 1_000), zoomMin)
  assert.equal(fitting({ width: 0, height: 0 }, 0), zoomMin)
})

test('what nearly fits is whole at first, what would become too small to be read is not', () => {
  assert.equal(atFirst({ width: 400, height: 100 }, 1_000), 1)
  assert.equal(atFirst({ width: 1_250, height: 100 }, 1_000), 0.8)
  assert.equal(atFirst({ width: 1_400, height: 100 }, 1_000), 1)
})

test('steps go back to where they came from, and end', () => {
  assert.equal(farther(closer(0.8)), 0.8)
  let zoom = 1
  for (let n = 0; n < 20; n++) zoom = closer(zoom)
  assert.equal(zoom, zoomMax)
  for (let n = 0; n < 20; n++) zoom = farther(zoom)
  assert.equal(zoom, zoomMin)
})

test('the map holds the whole graph', () => {
  for (const size of [
    { width: 5_000, height: 300 },
    { width: 300, height: 5_000 },
  ]) {
    const scale = minimapScale(size)
    assert.ok(size.width * scale <= 180 && size.height * scale <= 120)
  }
})
