// Reports as test runners write them, broken ones, and hostile ones: what is read, what is said, and that nothing else happens.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../../../test/support/random.ts'
import { type TestCase, testMessageMax, testWordMax } from '../../../protocol/test-results.ts'
import { createReportReader } from './junit.ts'

const read = (text: string, piece = text.length || 1) => {
  const tests: TestCase[] = []
  const reader = createReportReader((found) => tests.push(found))
  for (let at = 0; at < text.length; at += piece) reader.write(text.slice(at, at + piece))
  return { tests, wrong: reader.end() }
}
const words = ({ outcome, class: of, name, file, ms, message }: TestCase) =>
  [outcome, of, name, file, ms, message] as const

const report = `<?xml version="1.0" encoding="utf-8"?>
<testsuites tests="6" time="1,234.5">
  <testsuite name="sums" file="tests/sums.py" timestamp="2026-11-21T10:00:00">
    <properties><property name="a" value="b"/></properties>
    <testcase classname="Sums" name="adds" time="0.0125"/>
    <testcase classname="Sums" name="divides" file="tests/own.py" time="1,001.5">
      <failure message="expected &lt;2&gt;" type="AssertionError"><![CDATA[at line 4
at line 5]]></failure>
      <system-out>not of the message</system-out>
    </testcase>
    <testcase classname="Sums" name="breaks" time="NaN"><error type="OSError">no disk</error></testcase>
    <testcase classname="Sums" name="waits" time="-3"><skipped message="not today"/></testcase>
  </testsuite>
  <testsuite name="others">
    <testsuite name="inner"><testcase name="deep" classname="Inner" status="notrun"/></testsuite>
    <testcase name="&#252;ml&#xe4;ut &amp; &quot;quotes&quot;"/>
  </testsuite>
</testsuites>`

const expected = [
  ['passed', 'Sums', 'adds', 'tests/sums.py', 13, ''],
  ['failed', 'Sums', 'divides', 'tests/own.py', 1_001_500, 'expected <2>\nat line 4\nat line 5'],
  ['failed', 'Sums', 'breaks', 'tests/sums.py', 0, 'OSError\nno disk'],
  ['skipped', 'Sums', 'waits', 'tests/sums.py', 0, 'not today'],
  ['skipped', 'Inner', 'deep', '', 0, ''],
  ['passed', '', 'ümläut & "quotes"', '', 0, ''],
]

test('every test of a report is read, however it arrives', () => {
  for (const piece of [report.length, 7, 1]) {
    const { tests, wrong } = read(report, piece)
    assert.equal(wrong, null)
    assert.deepEqual(tests.map(words), expected)
  }
})

test('a report that is cut off or broken gives what stands before, and the line', () => {
  const cut = read(report.slice(0, report.indexOf('</testsuite>')))
  assert.deepEqual(cut.tests.map(words), expected.slice(0, 4))
  assert.match(cut.wrong ?? '', /^line 13: unclosed tag/)
  const garbled = read(
    '<testsuite>\n<testcase name="a"/>\n<testcase name=b/>\n<testcase name="c"/></testsuite>',
  )
  assert.deepEqual(
    garbled.tests.map(({ name }) => name),
    ['a', 'c'],
  )
  assert.match(garbled.wrong ?? '', /^line 3: unquoted attribute value/)
  assert.match(read('no xml at all').wrong ?? '', /^line 1: /)
  assert.match(read('').wrong ?? '', /^line 1: /)
  assert.match(read('{"numPassedTests": 4}').wrong ?? '', /^line 1: /)
})

test('colours of a terminal inside a message harm nobody', () => {
  const { tests, wrong } = read(
    '<testcase name="a\u001b[1mb"><failure message="\u001b[31mred">x\u0000[0m\ty</failure></testcase>',
  )
  assert.equal(wrong, null)
  assert.deepEqual(
    tests.map(({ name, message }) => [name, message]),
    [['a[1mb', '[31mred\nx[0m\ty']],
  )
})

test('references to characters that XML forbids are no errors, however many there are', () => {
  const colour = '&#27;[31m&#x1B;[0m'
  const text = `<testsuite><testcase name="a&#27;[1mb&#0;&#xD800;&#xfffe;&#9999999999;"><failure message="${colour}">${colour.repeat(
    200,
  )}<![CDATA[ &#27;]]></failure></testcase><testcase name="after &#65;&#x1f600;"/></testsuite>`
  for (const piece of [text.length, 3, 1]) {
    const { tests, wrong } = read(text, piece)
    assert.equal(wrong, null)
    assert.deepEqual(
      tests.map(({ name, message }) => [name, message]),
      [
        ['a[1mb\ufffd\ufffd', `[31m[0m\n${'[31m[0m'.repeat(200)} &#27;`],
        ['after A😀', ''],
      ],
    )
  }
  assert.match(read('<testcase name="&#x;&#12a;"/>').wrong ?? '', /malformed character entity/)
})

test('nothing is declared, expanded or fetched', () => {
  const laughs = `<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "${'&a;'.repeat(100)}"><!ENTITY x SYSTEM "file:///etc/passwd">]>
<testsuite><testcase name="&b;"/><testcase name="&x;"/></testsuite>`
  const { tests, wrong } = read(laughs)
  assert.deepEqual(tests, [])
  assert.match(wrong ?? '', /^line 1: a DOCTYPE is not read/)
  const unknown = read('<testcase name="&b;&#x110000;"/>')
  assert.equal(unknown.tests[0]?.name, '&b;\ufffd')
  assert.match(unknown.wrong ?? '', /entity/)
})

test('what is too deep, too wide or too long is bounded', () => {
  const deep = read(`${'<testsuite>'.repeat(100)}<testcase name="a"/>`)
  assert.deepEqual([deep.tests, deep.wrong], [[], 'line 1: more than 64 elements in each other'])
  const wide = read(`<testcase ${Array.from({ length: 70 }, (_, at) => `a${at}=""`).join(' ')}/>`)
  assert.match(wide.wrong ?? '', /more than 64 attributes/)
  const long = read(
    `<testcase name="${'n'.repeat(100_000)}"><failure>${'m'.repeat(1_000_000)}</failure></testcase>`,
    4096,
  ).tests[0]
  assert.ok(long !== undefined && long.name.length <= testWordMax + 1024)
  assert.ok(long.message.length <= testMessageMax + 1024)
  const errors = read(`<t>${'&no;'.repeat(1_000)}<testcase name="after"/></t>`)
  assert.deepEqual(errors.tests, [], 'after a hundred errors nothing is believed')
})

test('names of our own language are only names', () => {
  const { tests } = read('<testcase name="__proto__" __proto__="x" constructor="y"><__proto__/></testcase>')
  assert.deepEqual(tests.map(words), [['passed', '', '__proto__', '', 0, '']])
  assert.equal(({} as Record<string, unknown>).x, undefined)
})

test('damaged reports neither throw nor hang, and what they give keeps its bounds', () => {
  const random = createRandom(25)
  const pieces = [
    report,
    '<testcase name="x">',
    '</testcase>',
    '<![CDATA[',
    ']]>',
    '<!--',
    '&',
    '<',
    '\u0000',
    '"',
    "='",
    '<?a',
  ]
  const startedMs = performance.now()
  for (let round = 0; round < 3_000; round++) {
    let text = report
    for (let change = 0; change <= round % 5; change++) {
      const at = random(text.length)
      text = text.slice(0, at) + (pieces[random(pieces.length)] ?? '') + text.slice(at + random(40))
    }
    const { tests, wrong } = read(text, 1 + random(200))
    assert.ok(wrong === null || /^line \d+: /.test(wrong), String(wrong))
    for (const found of tests) {
      assert.ok(Number.isSafeInteger(found.ms) && found.ms >= 0)
      assert.ok(['passed', 'failed', 'skipped'].includes(found.outcome))
    }
  }
  assert.ok(performance.now() - startedMs < 60_000)
})
