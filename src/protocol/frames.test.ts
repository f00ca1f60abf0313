// The grouped frames of a runner: what comes back, and that no malformed byte gets through.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AttemptId, formatId, type LeaseId } from '../base/ids.ts'
import {
  encodeFrameBatch,
  encodeFrameHeader,
  type FrameBatchItem,
  type FrameHeader,
  frameBatchBytesMax,
  frameBatchItemBytes,
  frameBatchItemsMax,
  frameBytesMax,
  frameMsMax,
  parseFrameBatch,
  parseFrameHeader,
} from './frames.ts'

const bytes = (length: number, from = 0) => Uint8Array.from({ length }, (_, i) => from + i)
const lease = formatId('lease', bytes(16, 3)) as LeaseId
const header: FrameHeader = {
  attempt: formatId('attempt', bytes(16)) as AttemptId,
  seq: 0xffff_ffff,
  step: 0xffff,
  codec: 'zstd',
  tMs: frameMsMax,
  firstLine: 1,
  lines: 0,
}
const frame = (seq: number, bodyLength = 40) => {
  const out = new Uint8Array(44 + bodyLength)
  out.set(encodeFrameHeader({ ...header, seq }))
  return out
}
const item = (seq: number, sealedKey: Uint8Array | null = null): FrameBatchItem => ({
  lease,
  sealedKey,
  frame: frame(seq),
})

test('a header survives the wire at the limits of its fields', () => {
  assert.equal(encodeFrameHeader(header).length, 44)
  assert.deepEqual(parseFrameHeader(encodeFrameHeader(header)), header)
})

test('a number that does not fit its field is never written', () => {
  for (const wrong of [
    ...[{ seq: 2 ** 32 }, { seq: -1 }, { step: 65_536 }, { tMs: 0.5 }, { tMs: frameMsMax + 1 }],
    { lines: Number.NaN },
  ])
    assert.throws(() => encodeFrameHeader({ ...header, ...wrong }), RangeError)
})

test('a time that no date could tell is no frame', () => {
  const late = encodeFrameHeader(header)
  new DataView(late.buffer).setBigUint64(28, BigInt(frameMsMax) + 1n)
  assert.equal(parseFrameHeader(late), null)
  assert.doesNotThrow(() => new Date(Date.now() + 2 * frameMsMax).toISOString())
})

test('a batch comes back with the place of each frame, without copies', () => {
  const items = [item(1, bytes(80)), item(2), item(3)]
  const batch = encodeFrameBatch(items)
  assert.equal(batch.length, 6 + items.reduce((sum, one) => sum + frameBatchItemBytes(one), 0))
  const parsed = parseFrameBatch(batch)
  assert.ok(parsed.ok)
  assert.deepEqual(
    parsed.value.map(({ lease, sealedKey, frame }) => ({ lease, sealedKey, frame })),
    items,
  )
  for (const one of parsed.value) {
    assert.equal(one.frame.buffer, batch.buffer)
    assert.deepEqual(batch.subarray(one.offset, one.offset + one.frame.length), one.frame)
  }
  assert.deepEqual(
    parsed.value.map((one) => one.header.seq),
    [1, 2, 3],
  )
  assert.deepEqual(parseFrameBatch(encodeFrameBatch([])), { ok: true, value: [], problems: [] })
})

test('a batch inside a larger buffer is read at its own offset', () => {
  const batch = encodeFrameBatch([item(7)])
  const larger = new Uint8Array(batch.length + 9)
  larger.set(batch, 9)
  const parsed = parseFrameBatch(larger.subarray(9))
  assert.ok(parsed.ok)
  assert.equal(parsed.value[0]!.header.seq, 7)
})

test('every cut, every longer and every structurally changed batch is refused', () => {
  const batch = encodeFrameBatch([item(1, bytes(80)), item(2)])
  for (let length = 0; length < batch.length; length++)
    assert.equal(parseFrameBatch(batch.subarray(0, length)).ok, false, `cut at ${length}`)
  const longer = new Uint8Array(batch.length + 1)
  longer.set(batch)
  assert.equal(parseFrameBatch(longer).ok, false)
  // Magic, count, both lengths before the frame and its own, then magic, codec and reserved byte of the frame.
  const structural = [0, 5, 6, 7, 37, 119, 123, 149, 150]
  for (const at of structural) {
    const changed = batch.slice()
    changed[at]! ^= 0x80
    assert.equal(parseFrameBatch(changed).ok, false, `byte ${at}`)
  }
})

test('limits hold on both sides', () => {
  const many = Array.from({ length: frameBatchItemsMax + 1 }, (_, i) => item(i))
  assert.throws(() => encodeFrameBatch(many), RangeError)
  assert.equal(parseFrameBatch(new Uint8Array(frameBatchBytesMax + 1)).ok, false)
  const big = { lease, sealedKey: null, frame: frame(1, frameBytesMax - 44) }
  assert.equal(parseFrameBatch(encodeFrameBatch([big])).ok, true)
  const tooBig = { lease, sealedKey: null, frame: frame(1, frameBytesMax - 43) }
  assert.equal(parseFrameBatch(encodeFrameBatch([tooBig])).ok, false)
  assert.throws(() => encodeFrameBatch([big, big, big, big]), RangeError)
})

test('random bytes never throw', () => {
  let state = 1
  const next = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state >>> 16
  }
  const batch = encodeFrameBatch([item(1, bytes(80)), item(2)])
  for (let round = 0; round < 5_000; round++) {
    const changed = batch.slice()
    for (let i = 0; i < 4; i++) changed[next() % changed.length] = next()
    parseFrameBatch(changed)
  }
})
