import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync } from 'node:zlib'
import { type FollowerFrame, parseFollowerFrame } from '../../protocol/live.ts'
import { downloadLog, type LogFormat } from './log-download.ts'

const attempt = `att_${'0'.repeat(26)}`
const frame = (seq: number, step: number, firstLine: number, text: string | Buffer): FollowerFrame => ({
  attempt,
  seq,
  step,
  firstLine,
  lines: text.toString().split('\n').length - 1,
  tMs: 1000 * seq,
  ...{ codec: 'deflate-raw', body: deflateRawSync(text) },
})

const read = async (
  format: LogFormat,
  frames: readonly FollowerFrame[],
  lines: Parameters<typeof downloadLog>[2] = {},
): Promise<Buffer> => {
  const chunks: Buffer[] = []
  const source = (async function* () {
    yield* frames
  })()
  for await (const chunk of downloadLog(format, source, lines).chunks) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

const euro = Buffer.from('€')
const frames = [
  frame(1, 0, 1, 'one\ntw'),
  frame(2, 1, 1, 'other step\n'),
  frame(3, 0, 2, Buffer.concat([Buffer.from('o '), euro.subarray(0, 1)])),
  frame(4, 0, 2, Buffer.concat([euro.subarray(1), Buffer.from('\n\nlast')])),
]

test('ansi is what the job wrote, byte for byte', async () => {
  assert.equal((await read('ansi', frames)).toString(), 'one\ntwother step\no €\n\nlast')
})

test('ndjson numbers lines per step, across the edges of frames and of characters', async () => {
  const lines = (await read('ndjson', frames)).toString().trimEnd().split('\n')
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      { step: 0, line: 1, t: 1000, text: 'one' },
      { step: 1, line: 1, t: 2000, text: 'other step' },
      { step: 0, line: 2, t: 1000, text: 'two €' },
      { step: 0, line: 3, t: 4000, text: '' },
      { step: 0, line: 4, t: 4000, text: 'last' },
    ],
  )
})

test('a line without an end comes in pieces that are the whole of it, cut between characters', async () => {
  const whole = Buffer.from('€uro'.repeat(200_000))
  const cut = (size: number) =>
    Array.from({ length: Math.ceil(whole.length / size) }, (_, i) => whole.subarray(i * size, (i + 1) * size))
  const parts = cut(100_001).map((part, i) => frame(i + 1, 0, 1, part))
  const all = [...parts, frame(99, 0, 1, '!\nnext\n')]
  const lines = (await read('ndjson', all)).toString().trimEnd().split('\n')
  assert.ok(
    lines.every((line) => line.length < 500_000),
    'none is long',
  )
  const pieces = lines.map((line) => JSON.parse(line) as { line: number; text: string; more?: true })
  const last = pieces.pop()
  assert.deepEqual([last?.line, last?.text, last?.more], [2, 'next', undefined])
  assert.deepEqual(
    pieces.map(({ more }) => more),
    [...pieces.slice(1).map(() => true), undefined],
  )
  assert.ok(pieces.length > 3 && pieces.every(({ line }) => line === 1))
  assert.equal(pieces.map(({ text }) => text).join(''), `${whole}!`)
})

test('some lines of a step come alone, wherever frames begin and end', async () => {
  const step = frames.filter(({ step }) => step === 0)
  const part = async (from?: number, to?: number) => (await read('text', step, { from, to })).toString()
  assert.equal(await part(2, 2), 'two €\n')
  assert.equal(await part(2), 'two €\n\nlast')
  assert.equal(await part(undefined, 1), 'one\n')
  assert.equal(await part(3, 4), '\nlast')
  assert.equal(await part(9), '')
  assert.deepEqual(JSON.parse((await read('ndjson', step, { from: 2, to: 2 })).toString()), {
    ...{ step: 0, line: 2, t: 1000, text: 'two €' },
  })
})

test('frames are length-prefixed and parse again', async () => {
  const bytes = await read('frames', frames)
  const seqs: number[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at)
    seqs.push(parseFollowerFrame(bytes.subarray(at + 4, at + 4 + length))?.seq ?? -1)
    at += 4 + length
  }
  assert.deepEqual(seqs, [1, 2, 3, 4])
})

test('a frame that would inflate beyond every limit ends the download', async () => {
  const bomb = frame(1, 0, 1, Buffer.alloc(2 * 1024 * 1024))
  await assert.rejects(read('text', [bomb]), { code: 'ERR_BUFFER_TOO_LARGE' })
})
