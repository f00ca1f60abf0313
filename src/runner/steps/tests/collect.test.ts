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

const tarOf = (files: Readonly<Record<string, string>>) => {
  const items = async function* (): AsyncGenerator<TarItem> {
    for (const [path, text] of Object.entries(files)) {
      const data = Buffer.from(text)
      yield { entry: { kind: 'file', path, size: data.length, mode: 0o644, mtime: 0, target: '' } }
      if (data.length > 0) yield { data }
    }
  }
  return writeTar(items())
}
const collect = (files: Readonly<Record<string, string>>, words = (each: TestCase) => each) =>
  collectReports(tarOf(files), words)
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
