// Folds against the plainest way of saying the same: which rows there are, counted one by one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fold, foldedRows, foldsBetween, groupFolds, joinFolds, rowsBetween } from './folds.ts'
import { totalHeight, visibleSlices } from './viewport.ts'

const fold = (from: number, to: number, kind: Fold['kind'] = 'left-out'): Fold => ({
  from,
  to,
  kind,
  name: '',
})
const ends = (folds: readonly Fold[]) => folds.map(({ from, to }) => [from, to])

test('rows before a line are those of what is drawn, also where lines wrap', () => {
  const folds = [fold(1, 1), fold(4, 9), fold(10, 12), fold(20, 30)]
  for (const [tall, foldTall] of [
    [1, 1],
    [3, 1.25],
  ] as const) {
    const rows = foldedRows((line) => Math.max(0, line) * tall, folds, foldTall)
    let before = 0
    for (let line = 1; line <= 40; line++) {
      const own = folds.find(({ from, to }) => line >= from && line <= to)
      before += own === undefined ? tall : own.from === line ? foldTall : 0
      assert.equal(rows(line), before, `line ${line}, ${tall} rows each`)
    }
    assert.equal(rows(0), 0)
  }
})

test('what is on screen begins at a fold and counts it as one row', () => {
  const folds = [fold(2, 900_000), fold(900_005, 1_000_000)]
  const rowsBefore = foldedRows((line) => Math.max(0, line), folds, 1.5)
  const block = { step: 3, lines: 1_000_000, rowsBefore }
  const metrics = { headingPx: 36, rowPx: 20 }
  assert.equal(totalHeight([block], metrics), 36 + 5 * 20 + 2 * 30)
  const [slice] = visibleSlices([block], metrics, { top: 36 + 20, bottom: 36 + 20 + 69 })
  assert.deepEqual([slice?.from, slice?.to, slice?.linesTop], [2, 900_002, 56])
  assert.deepEqual(
    rowsBetween(folds, { from: 2, to: 900_002 }).map((row) => [row.number, row.fold?.to ?? null]),
    [
      [2, 900_000],
      [900_001, null],
      [900_002, null],
    ],
  )
})

test('of folds that share lines the first has them', () => {
  const joined = joinFolds([
    fold(15, 30, 'missing'),
    fold(5, 20, 'group'),
    fold(7, 9, 'missing'),
    fold(40, 40),
  ])
  assert.deepEqual(ends(joined), [
    [5, 20],
    [21, 30],
    [40, 40],
  ])
})

test('a filter leaves out what lies between, before and behind', () => {
  const wanted = [
    { from: 8, to: 12 },
    { from: -1, to: 2 },
    { from: 11, to: 15 },
    { from: 16, to: 18 },
    { from: 48, to: 60 },
  ]
  assert.deepEqual(ends(foldsBetween(wanted, 50)), [
    [3, 7],
    [19, 47],
  ])
  assert.deepEqual(ends(foldsBetween([], 3)), [[1, 3]])
  assert.deepEqual(ends(foldsBetween([{ from: 9, to: 9 }], 3)), [[1, 3]], 'what has not come yet')
  assert.deepEqual(ends(foldsBetween([], 0)), [])
})

test('a group that has not ended goes to the last line there is', () => {
  const groups = [
    { from: 2, to: 4, name: 'a', isFolded: true },
    { from: 6, to: null, name: 'b', isFolded: false },
  ]
  assert.deepEqual(ends(groupFolds(groups, { count: 9, isFolded: () => true })), [
    [2, 4],
    [6, 9],
  ])
  const asWritten = groupFolds(groups, { count: 9, isFolded: (group) => group.isFolded })
  assert.deepEqual(
    asWritten.map(({ from, to, kind }) => [from, to, kind]),
    [
      [2, 4, 'group'],
      [6, 6, 'heading'],
    ],
  )
})
