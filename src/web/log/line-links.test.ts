import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSgrReducer } from '../../protocol/terminal/sgr.ts'
import { linksOf } from './line-links.ts'
import { markSpans } from './marks.ts'
import { spansOf } from './spans.ts'

const esc = '\u001b'
const lineOf = (input: string) => createSgrReducer().push(`${input}\n`)[0]!
const linked = (href: string, text: string) => `${esc}]8;;${href}\u0007${text}${esc}]8;;\u0007`
const check = (input: string, ...expected: [text: string, href: string, isPlain: boolean][]) => {
  const line = lineOf(input)
  // As they are drawn: across colours.
  const drawn = markSpans(spansOf(line.text, [0, 0, 0]), null, linksOf(line))
  const links = [...Map.groupBy(drawn, ({ link }) => link)].filter(([link]) => link !== null)
  assert.deepEqual(
    links.map(([link, spans]) => [spans.map(({ text }) => text).join(''), link?.href, link?.isPlain]),
    expected,
  )
}

test('an address in text is a link to itself, also in colours', () => {
  check('see https://example.com/a.', ['https://example.com/a', 'https://example.com/a', true])
  check(`at ${esc}[34mhttps://exa${esc}[1mmple.com${esc}[0m/x`, [
    'https://example.com/x',
    'https://example.com/x',
    true,
  ])
})

test('a link whose text is another address than it leads to says so', () => {
  check(linked('https://evil.example/', 'https://good.example/'), [
    'https://good.example/',
    'https://evil.example/',
    false,
  ])
  check(linked('https://evil.example/', 'Download'), ['Download', 'https://evil.example/', false])
  check(linked('https://good.example/', ' https://GOOD.example '), [
    ' https://GOOD.example ',
    'https://good.example/',
    true,
  ])
  check(linked('https://a.example/', `${esc}[31mhttps://a.example/${esc}[0m`), [
    'https://a.example/',
    'https://a.example/',
    true,
  ])
})

test('an address that a link of the job covers in part is no link of its own', () => {
  check(`https://good.example/${linked('https://evil.example/', 'path')}`, [
    'path',
    'https://evil.example/',
    false,
  ])
})

test('a line without links has none, and one that was cut has none where it was cut', () => {
  check('nothing // here')
  assert.deepEqual(linksOf({ text: 'https://example.com/lo', width: 22, cut: 9 }), [])
})
