import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readMoment } from './moment-words.ts'

const now = Date.parse('2026-11-22T10:00:00Z')
const at = (words: string, end: 'since' | 'until' = 'since') => {
  const ms = readMoment(words, now, end)
  return ms === null ? null : new Date(ms).toISOString()
}

test('so long ago, a day, or exactly', () => {
  assert.equal(at('30m'), '2026-11-22T09:30:00.000Z')
  assert.equal(at('12h'), '2026-11-21T22:00:00.000Z')
  assert.equal(at('7d'), '2026-11-15T10:00:00.000Z')
  assert.equal(at('2w', 'until'), '2026-11-08T10:00:00.000Z')
  assert.equal(at('2026-11-01'), '2026-11-01T00:00:00.000Z')
  assert.equal(at('2026-11-01', 'until'), '2026-11-02T00:00:00.000Z', 'the day itself belongs to it')
  assert.equal(at('2026-11-01T09:30Z'), '2026-11-01T09:30:00.000Z')
  assert.equal(at('2026-11-01T09:30:05.5Z'), '2026-11-01T09:30:05.500Z')
})

test('what is none of these is nothing, never a guess', () => {
  const wrong = [
    '',
    ' 7d',
    '7',
    'd',
    '7y',
    '-7d',
    '7.5d',
    '99999d',
    'yesterday',
    '2026-11',
    '2026-13-01',
    '2026-02-30',
  ]
  for (const words of [
    ...wrong,
    '01.11.2026',
    '2026-11-01 09:30',
    '2026-11-01T09:30',
    '2026-11-01T25:00Z',
    '1970-01-00',
  ])
    assert.equal(at(words), null, words)
})

test('whatever is written, it is a moment of this calendar or nothing', () => {
  const letters = '0123456789-:TZmhdw. +e'
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((seed / 2_147_483_648) * below)
  }
  const forms = ['2026-11-01', '2026-11-01T09:30Z', '7d', '9999-12-31', '0000-01-01']
  for (let i = 0; i < 20_000; i++) {
    const chars = [...(forms[random(forms.length)] ?? '')]
    for (let n = random(4); n > 0; n--)
      chars[random(chars.length + 1)] = letters[random(letters.length)] ?? ''
    const ms = readMoment(chars.join(''), now, random(2) === 0 ? 'since' : 'until')
    if (ms !== null)
      assert.ok(Number.isSafeInteger(ms) && ms >= 0 && ms <= 253_402_387_200_000, chars.join(''))
  }
})
