import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatId, uuid7 } from '../../base/ids.ts'
import { generateLogKey, importLogKey, openFrame, sealFrame } from '../../seal/index.ts'
import { createFrameSeal } from './frame-cipher.ts'

test('a frame that is sealed on the spot is the one that WebCrypto seals', async () => {
  const attempt = formatId('attempt', uuid7(1_790_000_000_000, new Uint8Array(10)))
  const logKey = generateLogKey()
  const frameKey = await importLogKey(logKey)
  const seal = createFrameSeal(logKey)
  for (const length of [0, 1, 16, 70_000]) {
    const header = {
      attempt,
      seq: length + 1,
      step: 1,
      codec: 'zstd',
      tMs: 5,
      firstLine: 1,
      lines: 2,
    } as const
    const body = Uint8Array.from({ length }, (_, i) => i & 255)
    const sealed = await sealFrame(seal, header, body)
    assert.deepEqual(sealed, await sealFrame(frameKey, header, body))
    assert.deepEqual((await openFrame(frameKey, sealed))?.compressed, body)
  }
})
