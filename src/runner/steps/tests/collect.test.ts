// What reports say together: sorted, bounded, and read back as it was written.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import {
  readTestLine,
  type TestCase,
  testsPerObjectMax,
  testWordMax,
} from '../../../protocol/test-results.ts'
import type { TarItem } from '../../stores/tar-read.ts'
import { writeTar } from '../../stores/tar-write.ts'
import { collectReports, packTests } from './collect.ts'

type Files = Readonly<Record<string, string | Buffer>>
const tarOf = (files: Files) => {
  const items = async function* (): AsyncGenerator<TarItem> {
    for (const [path, text] of Object.entries(files)) {
      const data = typeof text === 'string' ? Buffer.from(text) : text
      yield { entry: { kind: 'file', path, size: data.length, mode: 0o644, mtime: 0, target: '' } }
      if (data.length > 0) yield { data }
    }
  }
  return writeTar(items())
}
const collect = (files: Files, words = (each: TestCase) => each) => collectReports(tarOf(files), words)
const packed = async (lines: Parameters<typeof packTests>[0]) => {
  const { bytes, facts } = packTests(lines)
  const pieces: Uint8Array[] = []
  for await (const piece of bytes) pieces.push(piece)
  return { bytes: Buffer.concat(pieces), facts: facts() }
}

test('several reports become one list: failed ones first, the longest first, and it comes back whole', async () => {
  const found = await collect({
    'a.xml': '<testsuite><testcase name="quick" time="0.1"/><testcase name="slow" time="2"/></testsuite>',
    'b.xml':
      '<testsuite><testcase name="bad" time="1"><failure>ü\n</failure></testcase><testcase name="not"><skipped/></testcase></testsuite>',
    'c.xml': '<testsuite><testcase name="half"/>',
    'd.xml': '',
  })
  assert.equal(found.files, 4)
  assert.deepEqual(
    found.notes.map((note) => note.replace(/line \d+: .*/, 'line N')),
    ['"c.xml": line N', '"d.xml": line N'],
  )
  const { bytes, facts } = await packed(found.lines)
  const plain = zstdDecompressSync(bytes)
  assert.deepEqual(facts, {
    ...{ failed: 1, skipped: 1, passed: 3, ms: 3_100, size: plain.length, length: bytes.length },
  })
  const tests = plain.toString().trimEnd().split('\n').map(readTestLine)
  assert.deepEqual(
    tests.map((each) => [each?.outcome, each?.name, each?.ms, each?.message]),
    [
      ['failed', 'bad', 1_000, 'ü'],
      ['skipped', 'not', 0, ''],
      ['passed', 'slow', 2_000, ''],
      ['passed', 'quick', 100, ''],
      ['passed', 'half', 0, ''],
    ],
  )
})

test('words are changed before they are cut, and kept within their bounds', async () => {
  const { lines } = await collect({ 'a.xml': `<testcase name="${'a'.repeat(990)}hunter22x"/>` }, (each) => ({
    ...each,
    name: each.name.replace('hunter22', '[masked secret of some length]'),
  }))
  const name = readTestLine(lines[0]?.bytes.toString() ?? '')?.name ?? ''
  assert.equal(name.length, testWordMax)
  assert.ok(!name.includes('hunter'))
})

test('there are no more tests than a list holds, and it says so', async () => {
  const many = '<testcase name="t"/>'.repeat(testsPerObjectMax + 7)
  const { lines, notes } = await collect({ 'a.xml': `<testsuite>${many}</testsuite>` })
  assert.equal(lines.length, testsPerObjectMax)
  assert.deepEqual(notes, ['7 tests are left out: there are too many'])
})

test('a report is read in the encoding that it shows', async () => {
  const text = (encoding: string, tail = '') =>
    `<?xml version='1.0' encoding="${encoding}"?>\n<testsuite><testcase name="größer als 5 €${tail}"/></testsuite>`
  const utf16 = (tail = '') => Buffer.from(text('utf-16', tail), 'utf16le')
  const mark = Buffer.from('\ufeff', 'utf16le')
  const windows = (encoding: string, tail = '') =>
    Buffer.from(text(encoding, tail).replace('€', '\x80'), 'latin1')
  const tail = ' x'.repeat(200_000)
  const files = {
    ...{ 'mark-le.xml': Buffer.concat([mark, utf16()]), 'no-mark-le.xml': utf16() },
    ...{ 'mark-be.xml': Buffer.concat([mark, utf16()]).swap16(), 'no-mark-be.xml': utf16().swap16() },
    ...{ 'latin.xml': windows('ISO-8859-1'), 'windows.xml': windows('windows-1252') },
    ...{ 'utf-8.xml': text('utf-8'), 'mark.xml': `\ufeff${text('utf-8')}`, 'none.xml': text('none') },
    // As .NET writes it: its declaration can be read, so it is not true.
    ...{ 'not-utf-16.xml': text('utf-16') },
    ...{ 'long-16.xml': Buffer.concat([mark, utf16(tail)]), 'long-latin.xml': windows('latin1', tail) },
  }
  for (const [path, content] of Object.entries(files)) {
    const { lines, notes } = await collect({ [path]: content })
    const names = lines.map(({ bytes }) => readTestLine(bytes.toString())?.name)
    assert.deepEqual(
      [names, notes],
      [[`größer als 5 €${tail}`.slice(0, path.startsWith('long') ? testWordMax : 14)], []],
      path,
    )
  }
})

test('bytes that are no text of their encoding hide no test, and what is no report says so', async () => {
  const wrong = Buffer.from([0xff, 0xfe, 0xc3])
  const broken = [Buffer.from('<t><testcase name="a'), wrong, Buffer.from('"/><testcase name="b"/></t>')]
  const { lines, notes } = await collect({ 'a.xml': Buffer.concat(broken) })
  const names = lines.map(({ bytes }) => readTestLine(bytes.toString())?.name)
  assert.deepEqual([names, notes], [['a\ufffd\ufffd\ufffd', 'b'], []])
  for (const bytes of [[0xff, 0xfe, 0x00, 0xd8, 0x3c], [0xfe], [0xef, 0xbb, 0xbf], [0, 0x3c]])
    assert.match((await collect({ 'a.xml': Buffer.from(bytes) })).notes[0] ?? '', /^"a\.xml": line 1: /)
})
