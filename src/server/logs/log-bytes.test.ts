// Parts of a finished log: whatever part is asked for, it is that of the whole, and no chunk outside of it is opened.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { createRandom } from '../../../test/support/random.ts'
import { concatBytes, utf8, utf8Decode } from '../../base/bytes.ts'
import type { AttemptId } from '../../base/ids.ts'
import { encodeLogIndex } from '../../protocol/log-object.ts'
import { encryptBlob } from '../../seal/index.ts'
import type { ObjectStore } from '../objects/store.ts'
import { openLogBytes } from './log-bytes.ts'

const attempt = `att_${'0'.repeat(26)}` as AttemptId
const key = new Uint8Array(32).fill(7)

const packedLog = async (chunks: readonly { step: number; text: string }[]) => {
  let offset = 0
  const packed = chunks.map(({ step, text }, i) => {
    const bytes = zstdCompressSync(text)
    const entry = { step, firstLine: 1, lines: 0, offset, length: bytes.length, rawBytes: utf8(text).length }
    offset += bytes.length
    return { bytes, entry: { ...entry, tMs: 0, seqFrom: i + 1, seqTo: i + 1 } }
  })
  const plain = concatBytes([
    ...packed.map(({ bytes }) => bytes),
    encodeLogIndex(
      packed.map(({ entry }) => entry),
      chunks.length,
    ),
  ])
  const once = async function* () {
    yield plain
  }
  const sealed: Uint8Array[] = []
  for await (const part of encryptBlob(once(), { keyId: attempt, key, objectId: attempt })) sealed.push(part)
  const object = concatBytes(sealed)
  const objects = {
    read: async (_: string, { offset: at, length }: { offset: number; length: number }) =>
      object.subarray(at, at + length),
  } as unknown as ObjectStore
  const log = {
    ...{ attempt, project: 'prj_1', run: null, sealedKey: key, wrappedKey: null, lastSeq: chunks.length },
    ...{ isComplete: true, packed: { objectKey: 'x', body: null, bytes: object.length } },
  }
  return { objects, opened: { log, key } as unknown as Parameters<typeof openLogBytes>[1] }
}
const textOf = async (parts: AsyncIterable<Uint8Array>): Promise<string> => {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(part)
  return utf8Decode(concatBytes(all))
}

test('every part is that of the whole, across chunks, and of one step', async () => {
  const chunks = [
    { step: 0, text: 'first chunk\n' },
    { step: 1, text: 'second' },
    { step: 0, text: '\u001b[31mthird\u001b[0m\n' },
  ]
  const { objects, opened } = await packedLog(chunks)
  const whole = chunks.map(({ text }) => text).join('')
  const bytes = await openLogBytes(objects, opened, undefined)
  assert.ok(bytes)
  assert.equal(bytes.total, whole.length)
  const random = createRandom(206)
  for (let round = 0; round < 100; round++) {
    const first = random(whole.length)
    const last = first + random(whole.length - first)
    assert.equal(await textOf(bytes.read(first, last)), whole.slice(first, last + 1), `${first} to ${last}`)
  }
  const step = await openLogBytes(objects, opened, 1)
  assert.deepEqual([step?.total, step && (await textOf(step.read(0, 5)))], [6, 'second'])
  assert.notEqual(step?.etag, bytes.etag)
})

test('a log that grows, or is not packed, has no length', async () => {
  const { objects, opened } = await packedLog([{ step: 0, text: 'x' }])
  for (const change of [{ isComplete: false }, { packed: null }])
    assert.equal(
      await openLogBytes(objects, { ...opened, log: { ...opened.log, ...change } }, undefined),
      null,
    )
})
