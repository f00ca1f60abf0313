import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Block,
  createWrapRows,
  lineTop,
  placesOnBar,
  scrollScale,
  toPhysical,
  totalHeight,
  toVirtual,
  visibleSlices,
} from './viewport.ts'

const metrics = { headingPx: 36, rowPx: 20 }
const block = (step: number, lines: number, rowsBefore = (line: number) => Math.max(0, line)): Block => ({
  step,
  lines,
  rowsBefore,
})

test('only the lines on screen are given, with where they start', () => {
  const blocks = [block(0, 0), block(1, 100_000)]
  assert.equal(totalHeight(blocks, metrics), 72 + 100_000 * 20)
  const top = 72 + 50_000 * 20
  const [slice, ...rest] = visibleSlices(blocks, metrics, { top, bottom: top + 400 })
  assert.deepEqual(rest, [])
  assert.deepEqual(slice, { step: 1, from: 50_001, to: 50_021, headingTop: 36, linesTop: top })
})

test('lines have their places on the scroll bar, folded ones that of their heading, and a place is given once', () => {
  const blocks = [block(0, 0), block(1, 1_000)]
  const at = (...lines: [number, number][]) =>
    placesOnBar(
      blocks,
      metrics,
      lines.map(([step, line]) => ({ step, line })),
    )
  assert.deepEqual(at(), [])
  assert.deepEqual(at([0, 7]), [0])
  const [half, ...others] = at([1, 501], [1, 501])
  assert.ok(half !== undefined && Math.abs(half - 0.5) < 0.01, String(half))
  assert.deepEqual(others, [])
  const [last = 0] = at([1, 1_000])
  assert.ok(last > 0.99 && last < 1)
})

test('in a log that is taller than an element can be, a place is where the bar is for that line', () => {
  const blocks = [block(0, 1_000_000)]
  const scale = scrollScale(totalHeight(blocks, metrics))
  const [place = 0] = placesOnBar(blocks, metrics, [{ step: 0, line: 250_000 }])
  const top = lineTop(blocks, metrics, { step: 0, line: 250_000 }) ?? 0
  assert.ok(Math.abs(place - toPhysical(scale, top) / scale.physical) < 0.003)
  assert.ok(scale.physical < scale.virtual)
})

test('a screen may show the end of one step and the start of the next', () => {
  const slices = visibleSlices([block(0, 10), block(1, 10)], metrics, { top: 180, bottom: 330 })
  assert.deepEqual(
    slices.map(({ step, from, to }) => [step, from, to]),
    [
      [0, 8, 10],
      [1, 1, 3],
    ],
  )
})

test('a step whose heading alone is on screen has no lines', () => {
  const [, second] = visibleSlices([block(0, 10), block(1, 10)], metrics, { top: 200, bottom: 240 })
  assert.equal(second?.step, 1)
  assert.ok(second !== undefined && second.to < second.from)
})

test('wrapped lines take as many rows as they need, as far as they were seen', () => {
  const rows = createWrapRows()
  assert.equal(rows.set(0, [1, 1, 4, 1]), true)
  assert.equal(rows.set(0, [1, 1, 4, 1]), false, 'known')
  assert.deepEqual([0, 1, 2, 3, 4].map(rows.before), [0, 1, 2, 6, 7])
  const [slice] = visibleSlices([block(0, 4, rows.before)], metrics, { top: 36 + 60, bottom: 36 + 70 })
  assert.deepEqual([slice?.from, slice?.to], [3, 3])
  assert.equal(slice?.linesTop, 36 + 40)
  rows.set(500, [2, 2, 2])
  assert.equal(rows.before(500 * 200), 500 * 200 + 3)
  assert.equal(rows.before(500 * 200 + 2), 500 * 200 + 2 + 3 + 2)
  assert.equal(rows.before(900_000), 900_000 + 3 + 3)
})

test('a log taller than an element may be has a shorter column: exact at its ends, in order between them', () => {
  const scale = scrollScale(19_000_000)
  assert.equal(scale.physical, 8_000_000)
  assert.deepEqual(
    [0, 10, 999_999, 19_000_000, 18_999_990].map((top) => toPhysical(scale, top)),
    [0, 10, 999_999, 8_000_000, 7_999_990],
  )
  for (let top = 0; top <= 19_000_000; top += 123_457)
    assert.ok(Math.abs(toVirtual(scale, toPhysical(scale, top)) - top) < 0.01, `${top}`)
  assert.deepEqual(scrollScale(1_000), { virtual: 1_000, physical: 1_000 })
  assert.equal(toVirtual(scrollScale(1_000), 77), 77)
})

test('any line can be found again', () => {
  const blocks = [block(0, 5), block(3, 5)]
  assert.equal(lineTop(blocks, metrics, { step: 3, line: 2 }), 36 + 100 + 36 + 20)
  assert.equal(lineTop(blocks, metrics, { step: 3, line: 0 }), 136)
  assert.equal(
    lineTop(blocks, metrics, { step: 3, line: 99 }),
    lineTop(blocks, metrics, { step: 3, line: 5 }),
  )
  assert.equal(lineTop(blocks, metrics, { step: 9, line: 1 }), null)
})
