import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { createZstd, plainFrameBytes, zstdPlain } from './zstd.ts'

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
  }
  assert.throws(() => zstdPlain(randomBytes(plainFrameBytes + 1)), RangeError)
})
