import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toHex, utf8 } from '../base/bytes.ts'
import { frameMsMax } from './frames.ts'
import { encodeLogIndex, logFooterBytes, parseLogFooter, parseLogIndex, timesOf } from './log-object.ts'

const entries = [
  { step: 0, firstLine: 1, lines: 3, offset: 0, length: 40, rawBytes: 90, tMs: 5, seqFrom: 1, seqTo: 4 },
  { step: 1, firstLine: 1, lines: 0, offset: 40, length: 9, rawBytes: 1, tMs: 9, seqFrom: 5, seqTo: 5 },
]

test('an index goes to bytes and back, and its last 12 bytes say where it begins', () => {
  const bytes = encodeLogIndex(entries, 5)
  const footer = parseLogFooter(bytes.subarray(-logFooterBytes))
  assert.deepEqual(footer, { indexBytes: bytes.length - logFooterBytes, lastSeq: 5 })
  const parsed = parseLogIndex(bytes.subarray(0, footer.indexBytes))
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.value, entries)
})

test('times inside of a chunk are told in order, and refused when they are not', () => {
  const [first] = entries
  const at = (...times: number[]) => parseLogIndex(utf8(JSON.stringify([{ ...first, times }])))
  const parsed = at(10, 1, 1_000, 40, 1, 2_500)
  assert.ok(parsed.ok)
  assert.deepEqual(timesOf(parsed.value[0]!), [
    { bytes: 10, lines: 1, ms: 1_000 },
    { bytes: 40, lines: 1, ms: 2_500 },
  ])
  for (const wrong of [
    [10],
    [10, 1, 5, 10, 1, 6],
    [10, 2, 5, 20, 1, 6],
    [10, 1, 5, 20, 1, 4],
    [90, 1, 1],
    [10, 9, 1],
  ])
    assert.equal(at(...wrong).ok, false, wrong.join())
})

test('the vector of an empty log', () => {
  assert.equal(toHex(encodeLogIndex([], 0)), '5b5d00000002000000004d464f31')
})

test('what is malformed is refused', () => {
  const refused = (text: string) => assert.equal(parseLogIndex(utf8(text)).ok, false, text)
  const json = (...list: unknown[]) => JSON.stringify(list)
  refused('{')
  refused('{}')
  refused(json({ ...entries[0], offset: 1 }))
  refused(json({ ...entries[0], more: 1 }))
  refused(json({ ...entries[0], seqTo: 0 }))
  refused(json({ ...entries[0], rawBytes: 2 ** 30 }))
  refused(json({ ...entries[0], tMs: frameMsMax + 1 }))
  refused(json({ ...entries[0], times: [1, 0, frameMsMax + 1] }))
  refused(json(entries[0], entries[0]))
  assert.equal(parseLogFooter(utf8('0123456789ab')), null)
  assert.equal(parseLogFooter(utf8('MFO1')), null)
})
