// What Node's zstd packs is what comes out, however it was packed; and what a runner that was taken over may send asks for no
// more memory than a frame.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, createZstdCompress, zstdCompressSync } from 'node:zlib'
import { createRandom, type Random } from '../../../test/support/random.ts'
import { frameRawBytesMax } from '../limits.ts'
import { unzstd } from './unzstd.ts'

const { ZSTD_c_compressionLevel, ZSTD_c_windowLog, ZSTD_c_checksumFlag, ZSTD_e_end } = constants
const pack = (bytes: Uint8Array, level = 3, further: Record<number, number> = {}): Uint8Array =>
  zstdCompressSync(bytes, { params: { [ZSTD_c_compressionLevel]: level, ...further } })

/** As runners of before did: the length is not in the header. */
const packUnknown = (parts: readonly Uint8Array[]): Promise<Uint8Array> =>
  new Promise((resolve) => {
    const packed: Buffer[] = []
    const stream = createZstdCompress({ params: { [ZSTD_c_windowLog]: 19 } })
    stream.on('data', (part: Buffer) => packed.push(part))
    for (const part of parts) stream.write(part)
    stream.flush(ZSTD_e_end, () => {
      stream.close()
      resolve(Buffer.concat(packed))
    })
  })

const assertOpens = (packed: Uint8Array, bytes: Uint8Array): void =>
  assert.ok(Buffer.from(unzstd(packed)).equals(bytes), `${bytes.length} bytes, ${packed.length} packed`)
const assertNothing = (packed: Uint8Array): void => assert.equal(unzstd(packed).length, 0)

const someText = (below: Random): Buffer => {
  const pieces = Array.from({ length: below(60) }, () =>
    below(3) === 0
      ? Buffer.from(Array.from({ length: below(400) }, () => below(256)))
      : Buffer.from('ok resolve modules-7/abc.o\n'.slice(below(20)).repeat(below(300))),
  )
  return Buffer.concat(pieces).subarray(0, frameRawBytesMax)
}

test('whatever was packed comes out, at each level, with and without its length and checksum', async () => {
  for (let seed = 1; seed <= 120; seed++) {
    const below = createRandom(seed)
    const text = someText(below)
    assertOpens(pack(text, [1, 3, 9, 19][below(4)], { [ZSTD_c_checksumFlag]: below(2) }), text)
    if (seed % 4 === 0) assertOpens(await packUnknown([text.subarray(0, 1000), text.subarray(1000)]), text)
  }
  for (const bytes of [0, 1, 255, 256, 65_791, 65_792, frameRawBytesMax])
    assertOpens(pack(Buffer.alloc(bytes, 'a')), Buffer.alloc(bytes, 'a'))
})

test('a frame that is cut off or changed is nothing or something, and throws never', () => {
  const below = createRandom(7)
  const text = Buffer.from('ok resolve modules-7/abc.o\n'.repeat(500))
  const packed = pack(text)
  for (let length = 0; length < packed.length; length++) assertNothing(packed.subarray(0, length))
  for (let round = 0; round < 3_000; round++) {
    const changed = Buffer.from(packed)
    for (let times = 0; times <= below(3); times++) changed[below(changed.length)] = below(256)
    assert.ok(unzstd(changed).length <= frameRawBytesMax)
  }
})

test('what says or holds more than a frame may is nothing', async () => {
  const large = Buffer.alloc(frameRawBytesMax + 1, 'a')
  assertNothing(pack(large))
  assertNothing(await packUnknown([large.subarray(0, 1000), large.subarray(1000)]))
  assertNothing(Buffer.concat([pack(Buffer.from('one')), pack(Buffer.from('two'))]))
  const wide = Buffer.from(await packUnknown([Buffer.from('one'), Buffer.from('two')]))
  wide[5] = 20 << 3
  assertNothing(wide)
  assertNothing(Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0]))
  assertNothing(Buffer.from('no frame at all'))
})

test('a frame of a few lines that packs nothing, as runners make them', () => {
  const frame = Buffer.from('28b52ffd200529000068656c6c6f', 'hex')
  assert.equal(Buffer.from(unzstd(frame)).toString(), 'hello')
})
