import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { formatId, uuid7 } from '../../base/ids.ts'
import { type GcmSeal, generateLogKey, importLogKey, openFrame } from '../../seal/index.ts'
import { createGcm } from '../../sys/index.ts'
import { frameRawBytes, unsealedLogBytesMax } from '../limits.ts'
import { createFramer, type SealedFrame } from './framer.ts'

const attempt = formatId('attempt', uuid7(1_790_000_000_000, new Uint8Array(10)))

const open = async (nowMs: () => number) => {
  const logKey = generateLogKey()
  const key = await importLogKey(logKey)
  const sealed: SealedFrame[] = []
  const framer = createFramer({
    attempt,
    key: Promise.resolve(createGcm(logKey).seal),
    clock: { now: () => 0, monotonicMs: nowMs },
    emit: (frame) => void sealed.push(frame),
  })
  const frames = async () =>
    Promise.all(
      sealed.map(async ({ bytes }) => {
        const opened = await openFrame(key, bytes)
        assert.ok(opened)
        return { ...opened.header, text: zstdDecompressSync(opened.compressed).toString() }
      }),
    )
  return { framer, frames, sealed }
}

test('output after silence leaves at once, what follows leaves together', async () => {
  let now = 0
  const { framer, frames } = await open(() => now)
  framer.write(1, Buffer.from('first\n'))
  now = 10
  framer.write(1, Buffer.from('sec'))
  framer.write(1, Buffer.from('ond\nthird\n'))
  assert.equal(await framer.finish(), 2)
  assert.deepEqual(
    (await frames()).map(({ seq, text, firstLine, lines, tMs }) => ({ seq, text, firstLine, lines, tMs })),
    [
      { seq: 1, text: 'first\n', firstLine: 1, lines: 1, tMs: 0 },
      { seq: 2, text: 'second\nthird\n', firstLine: 2, lines: 2, tMs: 10 },
    ],
  )
})

test('our own words wait for what a step says, and go before it', async () => {
  const { framer, frames, sealed } = await open(() => 0)
  framer.write(0, Buffer.from('ran on the host\n'))
  framer.setWatched(true)
  assert.equal(sealed.length, 0)
  framer.write(1, Buffer.from('first\n'))
  await framer.finish()
  assert.deepEqual(
    (await frames()).map(({ seq, step, text }) => [seq, step, text]),
    [
      [1, 0, 'ran on the host\n'],
      [2, 1, 'first\n'],
    ],
  )
})

test('lines are numbered per step, and a line cut in two frames is one line', async () => {
  const { framer, frames } = await open(() => 0)
  framer.write(1, Buffer.from('a\nb'))
  framer.write(2, Buffer.from('x\n'))
  framer.write(1, Buffer.from('c\nd\n'))
  await framer.finish()
  assert.deepEqual(
    (await frames()).map(({ step, firstLine, lines }) => [step, firstLine, lines]),
    [
      [1, 1, 1],
      [2, 1, 1],
      [1, 2, 2],
    ],
  )
})

test('a large write becomes frames of at most 256 KiB that keep order and content', async () => {
  const { framer, frames, sealed } = await open(() => 0)
  const text = Array.from({ length: 100_000 }, (_, i) => `line ${i}\n`).join('')
  framer.write(3, Buffer.from(text))
  await framer.finish()
  assert.ok(sealed.every((frame) => frame.rawBytes <= frameRawBytes))
  const opened = await frames()
  assert.equal(opened.map((frame) => frame.text).join(''), text)
  assert.equal(
    opened.reduce((sum, frame) => sum + frame.lines, 0),
    100_000,
  )
})

test('waiting output leaves when somebody begins to watch', async () => {
  const { framer, frames } = await open(() => 0)
  framer.write(1, Buffer.from('a\n'))
  framer.write(1, Buffer.from('b\n'))
  framer.setWatched(true)
  framer.write(1, Buffer.from('c\n'))
  await framer.finish()
  assert.deepEqual(
    (await frames()).map((frame) => frame.text),
    ['a\n', 'b\n', 'c\n'],
  )
})

test('output waits while more than the bound is not sealed, also while there is no key yet', async () => {
  const made = Promise.withResolvers<GcmSeal>()
  const sealed: number[] = []
  const framer = createFramer({
    ...{ attempt, key: made.promise, clock: { now: () => 0, monotonicMs: () => 0 } },
    emit: ({ seq }) => void sealed.push(seq),
  })
  const part = Buffer.alloc(frameRawBytes, 'x')
  let wait: Promise<unknown> | undefined
  for (let bytes = 0; bytes <= unsealedLogBytesMax; bytes += part.length) {
    assert.equal(wait, undefined)
    framer.write(1, part)
    wait = framer.room()
  }
  assert.ok(wait instanceof Promise)
  assert.deepEqual(sealed, [])
  made.resolve(createGcm(generateLogKey()).seal)
  await wait
  assert.equal(framer.room(), undefined)
  assert.ok(sealed.length >= 1)
  assert.equal(await framer.finish(), unsealedLogBytesMax / frameRawBytes + 1)
})

test('what is written may be overwritten at once; a full frame is exactly full', async () => {
  const { framer, frames } = await open(() => 0)
  const text = Array.from({ length: 100_000 }, (_, i) => `line ${i}\n`).join('')
  const bytes = Buffer.from(text)
  const lent = Buffer.alloc(100_000)
  framer.write(1, Buffer.from('first\n'))
  for (let at = 0; at < bytes.length; at += lent.length) {
    const piece = bytes.subarray(at, at + lent.length)
    lent.set(piece)
    framer.write(1, lent.subarray(0, piece.length))
    lent.fill('!')
  }
  await framer.finish()
  const [, ...made] = await frames()
  assert.equal(made.map((frame) => frame.text).join(''), text)
  assert.ok(made.slice(0, -1).every((frame) => frame.text.length === frameRawBytes))
  assert.equal(
    made.at(-1)?.firstLine,
    2 + (text.slice(0, (made.length - 1) * frameRawBytes).split('\n').length - 1),
  )
})
