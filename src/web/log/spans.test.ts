import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contrast, parseRgb, type Rgb } from '../../protocol/terminal/colour.ts'
import { spansOf } from './spans.ts'

const esc = '\u001b'
const light: Rgb = [255, 255, 255]
const dark: Rgb = [12, 20, 24]

test('a line without colours is one piece, an empty one none', () => {
  assert.deepEqual(
    spansOf('<b>&', light).map((span) => span.text),
    ['<b>&'],
  )
  assert.deepEqual(spansOf('', light), [])
})

test('the sixteen colours become tones of our palette', () => {
  const spans = spansOf(`${esc}[0;31mred${esc}[0;1;92mgreen${esc}[0mplain`, light)
  assert.deepEqual(
    spans.map(({ text, tone, classes }) => [text, tone, classes]),
    [
      ['red', 1, ''],
      ['green', 10, 'bold'],
      ['plain', null, ''],
    ],
  )
})

test('a background, and reversed text, are drawn as ground on colour, which keeps the measured contrast', () => {
  const [span] = spansOf(`${esc}[0;97;41mFAIL`, light)
  assert.deepEqual([span?.tone, span?.inverse], [1, true])
  assert.equal(spansOf(`${esc}[0;7mx`, light)[0]?.inverse, true)
})

test('any other colour is lifted to 4.5:1 on the ground it is drawn on', () => {
  for (const ground of [light, dark])
    for (const code of [
      '38;5;16',
      '38;5;52',
      '38;5;226',
      '38;5;255',
      '38;2;255;255;0',
      '38;2;0;0;80',
      '48;5;22',
    ]) {
      const [span] = spansOf(`${esc}[0;${code}mx`, ground)
      const rgb = parseRgb(span?.colour ?? '')
      assert.ok(rgb !== null, code)
      assert.ok(contrast(rgb, ground) >= 4.5, `${code} on ${ground}`)
    }
})
