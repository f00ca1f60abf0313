import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { concatBytes, utf8 } from '../../base/bytes.ts'
import { createZstd, plainBytesOf, plainFrameBytes, zstdPlain } from './zstd.ts'

test('each piece is a frame of its own, whatever was compressed before it and however much comes out', async () => {
  const zstd = createZstd(3)
  const text = (line: string) => Buffer.from(`${line}\n`.repeat(20_000))
  const pieces = [
    ...[text('the same'), text('the same'), Buffer.from('short')],
    ...[randomBytes(1024 * 1024), text('another'), Buffer.alloc(0), randomBytes(10)],
  ]
  const frames = await Promise.all(pieces.map(zstd.compress))
  assert.deepEqual(
    frames.map((frame) => zstdDecompressSync(frame)),
    pieces,
  )
  assert.deepEqual(frames[1], frames[0], 'nothing is remembered')
  zstd.close()
  assert.deepEqual(zstdDecompressSync(await zstd.compress(text('again'))), text('again'))
  zstd.close()
})

test('what is only a few lines is a frame that packs nothing', () => {
  for (const length of [0, 1, 31, 32, plainFrameBytes]) {
    const raw = randomBytes(length)
    assert.deepEqual(zstdDecompressSync(zstdPlain(raw)), raw, `${length}`)
    assert.deepEqual(Buffer.from(plainBytesOf(zstdPlain(raw)) ?? []), raw)
  }
  assert.throws(() => zstdPlain(randomBytes(plainFrameBytes + 1)), RangeError)
})

test('another frame is not taken for one that packs nothing', () => {
  const plain = zstdPlain(utf8('a line\n'))
  const changed = [...plain.keys()].slice(0, 9).map((i) => plain.with(i, (plain[i] ?? 0) ^ 1))
  const packed = zstdCompressSync('a line\n'.repeat(30))
  const cut = [plain.subarray(0, 5), plain.subarray(0, -1), concatBytes([plain, utf8('x')])]
  for (const frame of [...changed, packed, ...cut, randomBytes(20), randomBytes(900)])
    assert.equal(plainBytesOf(frame), null)
  // Of so little zstd itself makes one.
  for (const raw of ['', 'a'])
    assert.equal(Buffer.from(plainBytesOf(zstdCompressSync(raw)) ?? utf8(raw)).toString(), raw)
})
