import assert from 'node:assert/strict'
import { test } from 'node:test'
import { markedPieces } from '../../protocol/terminal/hidden-characters.ts'
import { sentence } from './sentence.ts'
import {
  comparedToUsual,
  formatAge,
  formatBytes,
  formatDuration,
  formatOffset,
  parseTime,
  splitAtTimes,
} from './time.ts'

test('durations are as precise as one can use', () => {
  const cases: readonly (readonly [number, string])[] = [
    [41, '41ms'],
    [1_240, '1.2s'],
    [12_900, '12s'],
    [250_000, '4m 10s'],
    [3_849_000, '1h 04m 09s'],
    [-5, '0ms'],
  ]
  for (const [ms, expected] of cases) assert.equal(formatDuration(ms), expected)
})

test('a difference is said when it is worth a word', () => {
  assert.equal(comparedToUsual(251_000, 182_000), '+38 %')
  assert.equal(comparedToUsual(50_000, 100_000), '−50 %')
  assert.equal(comparedToUsual(104_000, 100_000), null)
  assert.equal(comparedToUsual(1, null), null)
})

test('ages, sizes and offsets are short', () => {
  assert.equal(formatAge(90_000, 'en'), '1m ago')
  assert.equal(formatAge(-3_000, 'en'), '0s ago')
  assert.equal(formatBytes(412 * 1024 * 1024), '412 MiB')
  assert.equal(formatBytes(0), '0 B')
  assert.equal(formatOffset(64_240), '1:04.2')
})

test('what is no time is null', () => {
  assert.equal(parseTime(null), null)
  assert.equal(parseTime('soon'), null)
})

test('characters that hide or reorder become marks, all others stay', () => {
  assert.deepEqual(markedPieces('fix/\u202egnp.exe'), [
    { text: 'fix/', mark: false },
    { text: 'U+202E', mark: true },
    { text: 'gnp.exe', mark: false },
  ])
  assert.deepEqual(
    markedPieces('a\u200bb\u{e0041}').map((p) => p.mark),
    [false, true, false, true],
  )
  for (const text of ['日本語', 'שלום', '👩‍💻 ✓️', 'tab\there', 'naïve'])
    assert.deepEqual(markedPieces(text), [{ text, mark: false }])
})

test('a finding that stands alone begins as a sentence', () => {
  assert.equal(sentence('a job has no key "x"; it is ignored'), 'A job has no key "x"; it is ignored')
  assert.equal(sentence('"run" needs a "command"'), '"run" needs a "command"')
  assert.equal(sentence(''), '')
})

test('a sentence is cut at the moments that it names, and nowhere else', () => {
  const at = '2026-11-21T09:00:00.000Z'
  assert.deepEqual(splitAtTimes(`jumped 1 h forward, to ${at}; jobs go on`), [
    { words: 'jumped 1 h forward, to ', ms: null },
    { words: at, ms: Date.parse(at) },
    { words: '; jobs go on', ms: null },
  ])
  for (const sentence of ['', 'PostgreSQL 15, 4 ms', 'since 2026-11-21', 'to 2026-11-21T09:00'])
    assert.deepEqual(splitAtTimes(sentence), [{ words: sentence, ms: null }])
})
