// A log of a hostile job as a page: whatever stands in it, the page has our elements and no others, no script, no address outside.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createRandom } from '../../../test/support/random.ts'
import { utf8 } from '../../base/bytes.ts'
import { asHtml } from './log-html.ts'
import { asPlainText } from './log-lines.ts'

const pieces = async function* (...texts: readonly string[]) {
  for (const text of texts) yield { step: 1, firstLine: 1, bytes: utf8(text) }
}
const join = async (parts: AsyncIterable<string>): Promise<string> => {
  let all = ''
  for await (const part of parts) all += part
  return all
}
const page = (texts: readonly string[], name = 'npm test') =>
  join(asHtml(pieces(...texts), { title: 'Log of attempt 1', nameOf: () => name }))
const bodyOf = (html: string): string => html.slice(html.indexOf('<main>'))

/** Everything in the body that begins like markup. */
const ours =
  /<(?:main|\/main|h1|\/h1|h2|\/h2|\/body|\/html|p id="s1L\d+"|\/p|a href="#s1L\d+"|\/a|code|\/code|span class="[a-z0-9 ]+"|\/span|b class="x"|\/b)>/g
const assertInert = (html: string) => {
  const left = bodyOf(html).replaceAll(ours, '')
  assert.ok(!/[<>"']/.test(left), left.slice(0, 300))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is what is tested.
  assert.ok(!/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/.test(left))
}

test('words of a job are text, in lines, names and links alike', async () => {
  const html = await page(
    [
      '<script>alert(1)</script>\n"><img src=x onerror=alert(1)>\n',
      '\u001b]8;;javascript:alert(1)\u0007link\u001b]8;;\u0007 \u202e reversed\n</style></main><h1>mine</h1>',
    ],
    '</h2><script>alert(2)</script>',
  )
  assertInert(html)
  assert.match(bodyOf(html), /&lt;script&gt;alert\(1\)&lt;\/script&gt;/)
  assert.match(bodyOf(html), /<b class="x">U\+202E<\/b>/)
  assert.ok(!html.includes('javascript:'))
})

test('whatever bytes a job writes, the page has our elements only', async () => {
  const random = createRandom(8)
  const bits = [
    '<',
    '>',
    '"',
    "'",
    '&',
    '\u001b[',
    'm',
    '38;2;',
    '48;5;300',
    '1;2;3',
    ';',
    'script',
    '\n',
    '\r',
    '\b',
    '\u009b31m',
    'é',
  ]
  for (let round = 0; round < 300; round++)
    assertInert(await page([Array.from({ length: 60 }, () => bits[random(bits.length)]).join('')]))
})

test('its policy allows the style in it and nothing else', async () => {
  const html = await page(['x\n'])
  const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? ''
  const digest = createHash('sha256').update(style).digest('base64')
  assert.ok(
    html.includes(
      `content="default-src 'none'; style-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'"`,
    ),
  )
  assert.ok(!/<script|<link|@import|url\(|style="|http/i.test(html.replace('http-equiv', '')))
})

test('colours are classes, lines have their numbers and places', async () => {
  const html = await page([
    '\u001b[1;31mred\u001b[0m plain \u001b[48;5;200mon pink\u001b[0m \u001b[38;2;0;255;0mgreen\u001b[0m\n',
    'two',
  ])
  assert.match(
    html,
    /<p id="s1L1"><a href="#s1L1">1<\/a><code><span class="b c1">red<\/span> plain <span class="c200 r">on pink<\/span> <span class="c46">green<\/span><\/code><\/p>/,
  )
  assert.match(bodyOf(html), /<p id="s1L2"><a href="#s1L2">2<\/a><code>two<\/code><\/p>/)
  assert.match(bodyOf(html), /<h2>npm test<\/h2>/)
})

test('text is what a terminal shows in the end, and the last line has an end only if it had one', async () => {
  const text = (...texts: string[]) => join(asPlainText(pieces(...texts)))
  assert.equal(await text('\u001b[31mred\u001b[0m\n 10 %', '\r 90 %\r\n', 'last'), 'red\n 90 %\nlast')
  assert.equal(await text(`${'x'.repeat(17_000)}\n`), `${'x'.repeat(16_384)} … 616 more characters\n`)
})
