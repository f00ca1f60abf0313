import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../../test/support/random.ts'
import { addressCharsMax, addressesIn, linksPerLineMax, safeAddress } from './links.ts'
import { plainText } from './search.ts'
import { createSgrReducer, type SgrLine } from './sgr.ts'

const esc = '\u001b'
const st = `${esc}\\`
const open = (href: string) => `${esc}]8;;${href}${st}`
const linked = (href: string, text: string) => `${open(href)}${text}${open('')}`
const linesOf = (...pieces: string[]): SgrLine[] => {
  const reducer = createSgrReducer()
  const lines = pieces.flatMap((piece) => reducer.push(piece))
  const tail = reducer.tail()
  return tail === null ? lines : [...lines, tail]
}
/** What each link stands on, and where it leads. */
const wordsOf = (line: SgrLine | undefined) =>
  (line?.links ?? []).map(({ from, to, href }) => [plainText(line?.text ?? '').slice(from, to), href])
const check = (input: string, ...expected: [text: string, href: string][]) =>
  assert.deepEqual(wordsOf(linesOf(input)[0]), expected)
const found = (text: string, isCut = false) =>
  addressesIn(text, isCut).map(({ from, to, href }) => [text.slice(from, to), href])

test('only plain http and https addresses are links', () => {
  assert.equal(safeAddress('https://example.com/a?b=c#d'), 'https://example.com/a?b=c#d')
  assert.equal(safeAddress('HTTP://EXAMPLE.com/../x'), 'http://example.com/x')
  assert.equal(safeAddress('http://[::1]:8080/'), 'http://[::1]:8080/')
  for (const text of [
    '',
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'ftp://example.com',
    'vbscript:x',
    '//example.com',
    '/relative',
    'https:example.com',
    'https:/example.com',
    'https://',
    'https://user@example.com',
    'https://github.com:pass@evil.example',
    'https://github.com\\@evil.example',
    ' https://example.com',
    'https://example.com/a b',
    'https://example.com/\u202egpj.exe',
    'https://exаmple.com',
    'https://example.com\n',
    'java\nscript:alert(1)',
    'https://example.com:99999/',
    'https://exa%00mple.com',
    `https://example.com/${'x'.repeat(addressCharsMax)}`,
  ])
    assert.equal(safeAddress(text), null, JSON.stringify(text))
})

test('a link of the job stands on its text and leads where it says', () => {
  check(`see ${linked('https://example.com/docs', 'the docs')} now`, ['the docs', 'https://example.com/docs'])
  check(`${esc}]8;id=7:x=y;https://example.com\u0007bell${esc}]8;;\u0007 off`, [
    'bell',
    'https://example.com/',
  ])
  check(`${open('https://a.example')}${esc}[31mred${esc}[0m and plain`, [
    'red and plain',
    'https://a.example/',
  ])
  check(
    `${linked('https://a.example', 'a')}${linked('https://b.example', 'b')}`,
    ['a', 'https://a.example/'],
    ['b', 'https://b.example/'],
  )
})

test('a link that is none of ours is only its text, and ends the one before', () => {
  check(linked('javascript:alert(1)', 'click'))
  check(linked('file:///etc/passwd', 'README'))
  check(linked('https://good.example@evil.example', 'good'))
  check(`${open('https://a.example')}a${open('javascript:alert(1)')}b`, ['a', 'https://a.example/'])
  check(`${esc}]8;https://example.com${st}no parameters`)
  check(`${esc}]9;;https://example.com${st}another command`)
  check(`${esc}P8;;https://example.com${st}another string`)
})

test('a link ends with its line', () => {
  const [first, second] = linesOf(`${open('https://a.example')}one\ntwo\n`)
  assert.deepEqual(wordsOf(first), [['one', 'https://a.example/']])
  assert.deepEqual(wordsOf(second), [])
})

test('what is written over a link is none, and what is left of it is', () => {
  check(`${linked('https://a.example', 'abcdef')}\rXY`, ['cdef', 'https://a.example/'])
  check(`plain text\r${linked('https://a.example', 'link')}`, ['link', 'https://a.example/'])
  check(`😀${linked('https://a.example', '😀b')}c\bd`, ['😀b', 'https://a.example/'])
  check(`${linked('https://a.example', 'abc')}${esc}[2K`)
})

test('a line has a bound of links', () => {
  const input = Array.from({ length: linksPerLineMax + 9 }, (_, i) =>
    linked(`https://a.example/${i}`, 'x'),
  ).join('')
  assert.equal(linesOf(input)[0]?.links?.length, linksPerLineMax)
  assert.equal(addressesIn('https://a.example '.repeat(linksPerLineMax + 9), false).length, linksPerLineMax)
})

test('addresses in text are found without the punctuation around them', () => {
  assert.deepEqual(found('see https://example.com/a, or (http://example.org/b).'), [
    ['https://example.com/a', 'https://example.com/a'],
    ['http://example.org/b', 'http://example.org/b'],
  ])
  assert.deepEqual(found('https://en.example/wiki/A_(b)'), [
    ['https://en.example/wiki/A_(b)', 'https://en.example/wiki/A_(b)'],
  ])
  assert.deepEqual(
    found('"https://a.example" <https://b.example> \'https://c.example\'').map(([text]) => text),
    ['https://a.example', 'https://b.example', 'https://c.example'],
  )
  assert.deepEqual(found('nothing here: //example.com, xhttps://example.com, git+https://example.com'), [])
})

test('an address that goes on behind what we take of it is none', () => {
  for (const text of [
    'https://example.com/?token=[secret TOKEN]',
    'https://[secret HOST]/x',
    `https://example.com/$\{ID}`,
    'https://example.com/<id>',
    'https://example.com\\@evil.example',
    'https://exаmple.com',
    'https://example.com\u202emoc.live',
    'https://example.com\u200b.evil.example',
    'https://example.com…',
    'https://github.com:x@evil.example/',
  ])
    assert.deepEqual(found(text), [], text)
  assert.deepEqual(found('cut https://example.com/lo', true), [])
})

test('whatever comes in, a link is of the web, within its line, and beside the others', () => {
  const random = createRandom(20_261_122)
  const alphabet = [
    ...[esc, ']8;;', st, '\u0007', '\r', '\n', '\b', 'https://a.example', 'http://b.example/', 'javascript:'],
    ...['@', '\\', 'x', '😀', ' ', '(', ')', '.', `${esc}[31m`, `${esc}[2K`, '\u202e', '[', '%', ':'],
  ]
  for (let round = 0; round < 1_000; round++) {
    const input = Array.from({ length: 40 }, () => alphabet[random(alphabet.length)]).join('')
    const whole = linesOf(input)
    const reducer = createSgrReducer()
    assert.equal(reducer.push(`${input}\n`).length, input.split('\n').length, 'lines keep their numbers')
    for (const line of whole) {
      const text = plainText(line.text)
      for (const links of [line.links ?? [], addressesIn(text, false)]) {
        let end = 0
        for (const { from, to, href } of links) {
          assert.ok(from >= end && from < to && to <= text.length, JSON.stringify(input))
          assert.match(href, /^https?:\/\/[^@/\s\\]+\/[^\s\\]*$/, JSON.stringify(input))
          end = to
        }
      }
    }
    // A decoder never gives half of a character.
    const chars = [...input]
    const cut = random(chars.length)
    const pieces = [chars.slice(0, cut).join(''), chars.slice(cut).join('')]
    assert.deepEqual(linesOf(...pieces), whole, JSON.stringify(pieces))
  }
})
