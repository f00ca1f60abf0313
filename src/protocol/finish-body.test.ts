// The end of an attempt in one body: what comes back, and that no malformed byte gets through.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes, utf8 } from '../base/bytes.ts'
import { formatId } from '../base/ids.ts'
import {
  encodeFinishBundle,
  type FinishParts,
  finishBundleBytes,
  finishBundleBytesMax,
  parseFinishBody,
} from './finish-body.ts'
import { encodeFrameBatch, encodeFrameHeader } from './frames.ts'
import type { FinishRequest } from './runner-wire.ts'

const bytes = (length: number, from = 0) => Uint8Array.from({ length }, (_, i) => from + i)
const lease = formatId('lease', bytes(16, 3))
const attempt = formatId('attempt', bytes(16))
const json = (value: unknown) => utf8(JSON.stringify(value))

const request: FinishRequest = {
  v: 1,
  outcome: 'passed',
  reason: null,
  receipt: null,
  lastSeq: 2,
  lastEvent: 1,
  result: { kind: 'job' },
}
const events = [{ seq: 1, atMs: 5, kind: 'note', text: 'seen' }] as const
const frameOf = (seq: number, owner = lease) => {
  const header = encodeFrameHeader({ attempt, seq, step: 1, codec: 'zstd', tMs: 0, firstLine: 1, lines: 1 })
  return { lease: owner, sealedKey: null, frame: concatBytes([header, bytes(40)]) }
}
const whole: FinishParts = {
  finish: json(request),
  events: json({ v: 1, events }),
  sealedKey: bytes(80),
  frames: encodeFrameBatch([frameOf(1), frameOf(2)]),
  log: bytes(200),
}
const nothing = { events: null, sealedKey: null, frames: null, log: null }

test('a bundle comes back whole, as views into the body', () => {
  const body = encodeFinishBundle(whole)
  assert.equal(body.length, finishBundleBytes(whole))
  const parsed = parseFinishBody(body, lease)
  assert.ok(parsed.ok)
  const { frames, log, sealedKey } = parsed.value
  assert.deepEqual([parsed.value.request, parsed.value.events], [request, events])
  assert.deepEqual([sealedKey, frames?.batch, log], [whole.sealedKey, whole.frames, whole.log])
  assert.equal(log?.buffer, body.buffer)
  for (const { offset, frame } of frames?.items ?? [])
    assert.deepEqual(frames?.batch.subarray(offset, offset + frame.length), frame)
  assert.deepEqual(
    frames?.items.map(({ header }) => header.seq),
    [1, 2],
  )
})

test('everything but the finish may be absent, and JSON alone is a body too', () => {
  const expected = { ok: true, value: { ...nothing, events: [], request }, problems: [] }
  assert.deepEqual(
    parseFinishBody(encodeFinishBundle({ ...nothing, finish: json(request) }), lease),
    expected,
  )
  assert.deepEqual(parseFinishBody(json(request), lease), expected)
})

test('a body inside a larger buffer is read at its own offset', () => {
  const larger = concatBytes([bytes(7), encodeFinishBundle(whole)])
  const parsed = parseFinishBody(larger.subarray(7), lease)
  assert.ok(parsed.ok)
  assert.deepEqual(parsed.value.log, whole.log)
})

test('every cut and every longer body is refused', () => {
  const body = encodeFinishBundle(whole)
  for (let length = 0; length < body.length; length++)
    assert.equal(parseFinishBody(body.subarray(0, length), lease).ok, false, `cut at ${length}`)
  assert.equal(parseFinishBody(concatBytes([body, bytes(1)]), lease).ok, false)
})

test('a part that is not what it should be refuses the whole', () => {
  const other = formatId('lease', bytes(16, 4))
  for (const [what, change] of Object.entries({
    'no finish': { finish: new Uint8Array(0) },
    'a finish of another form': { finish: json({ ...request, outcome: 'good' }) },
    'a finish that is not UTF-8': { finish: concatBytes([json(request), Uint8Array.of(0xff)]) },
    'events that are none': { events: json({ v: 1, events: [{ seq: 1 }] }) },
    'a key of another length': { sealedKey: bytes(79) },
    'no batch': { frames: bytes(30) },
    'a frame of another lease': { frames: encodeFrameBatch([frameOf(1), frameOf(2, other)]) },
  } satisfies Record<string, Partial<FinishParts>>))
    assert.equal(parseFinishBody(encodeFinishBundle({ ...whole, ...change }), lease).ok, false, what)
})

test('the limit holds on both sides', () => {
  const room = finishBundleBytesMax - finishBundleBytes({ ...whole, log: null })
  const full = encodeFinishBundle({ ...whole, log: new Uint8Array(room) })
  assert.equal(parseFinishBody(full, lease).ok, true)
  assert.throws(() => encodeFinishBundle({ ...whole, log: new Uint8Array(room + 1) }), RangeError)
  const longer = concatBytes([full, bytes(1)])
  new DataView(longer.buffer).setUint32(full.length - room - 4, room + 1)
  assert.equal(parseFinishBody(longer, lease).ok, false)
})

test('random bytes never throw, and what is accepted is inside of the body', () => {
  let state = 1
  const next = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return state >>> 16
  }
  const body = encodeFinishBundle(whole)
  for (let round = 0; round < 20_000; round++) {
    const changed = body.slice(0, round % 3 === 0 ? next() % (body.length + 1) : body.length)
    for (let i = next() % 5; i > 0 && changed.length > 0; i--) changed[next() % changed.length] = next()
    const parsed = parseFinishBody(changed, lease)
    if (!parsed.ok) continue
    const { frames, log, sealedKey } = parsed.value
    for (const part of [frames?.batch, log, sealedKey])
      assert.ok(!part || (part.buffer === changed.buffer && part.byteOffset + part.length <= changed.length))
  }
})

test('bodies of random parts come back as they were', () => {
  let state = 7
  const next = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 16) % below
  }
  for (let round = 0; round < 500; round++) {
    const parts: FinishParts = {
      finish: json({ ...request, lastSeq: next(1000), lastEvent: next(1000) }),
      events: next(2) === 0 ? null : json({ v: 1, events: events.slice(0, next(2)) }),
      sealedKey: next(2) === 0 ? null : bytes(80, next(256)),
      frames:
        next(2) === 0 ? null : encodeFrameBatch(Array.from({ length: next(4) }, (_, i) => frameOf(i + 1))),
      log: next(2) === 0 ? null : bytes(1 + next(3000)),
    }
    const parsed = parseFinishBody(encodeFinishBundle(parts), lease)
    assert.ok(parsed.ok)
    const { value } = parsed
    assert.deepEqual(
      [value.sealedKey, value.frames?.batch ?? null, value.log],
      [parts.sealedKey, parts.frames, parts.log],
    )
  }
})
