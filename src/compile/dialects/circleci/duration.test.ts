import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration } from './duration.ts'

test('durations have units, fractions and several parts', () => {
  const cases: readonly (readonly [string, number | null])[] = [
    ['10m', 600_000],
    ['1.25h', 4_500_000],
    ['5s', 5_000],
    ['1h30m', 5_400_000],
    ['250ms', 250],
    ['90', null],
    ['', null],
    ['-1m', null],
    ['1 m', null],
    ['1e3s', null],
    [`${'9'.repeat(39)}h`, null],
  ]
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text)
})
