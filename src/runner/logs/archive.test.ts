import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { concatBytes } from '../../base/bytes.ts'
import { formatId, uuid7 } from '../../base/ids.ts'
import { logFooterBytes, logTimesMax, parseLogFooter, parseLogIndex } from '../../protocol/log-object.ts'
import { decryptBlob, generateLogKey, openFrame } from '../../seal/index.ts'
import { createGcm } from '../../sys/index.ts'
import { archiveMemoryBytes, frameRawBytes } from '../limits.ts'
import { packLog } from './archive.ts'
import { createFrameStore } from './frame-store.ts'
import { createFramer } from './framer.ts'

const attempt = formatId('attempt', uuid7(1, new Uint8Array(10)))
let directory = ''
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-archive-'))
})
after(() => rm(directory, { recursive: true, force: true }))

/** Writes steps through a framer, packs the result and reads it back as the server does. */
const pack = async (writes: readonly (readonly [step: number, bytes: Buffer])[], everyMs = 0) => {
  let now = 0
  const logKey = generateLogKey()
  const gcm = createGcm(logKey)
  const path = join(directory, 'frames')
  const store = createFrameStore(path)
  const emitted: Uint8Array[] = []
  const framer = createFramer({
    ...{ attempt, key: Promise.resolve(gcm.seal), clock: { now: () => 0, monotonicMs: () => now } },
    emit: (frame) => {
      store.add(frame)
      emitted.push(frame.bytes)
    },
  })
  // A watched framer lets go of what it has after each pause.
  framer.setWatched(everyMs > 0)
  for (const [step, bytes] of writes) {
    framer.write(step, bytes)
    now += everyMs
  }
  const lastSeq = await framer.finish()
  const container = packLog({ attempt, logKey, openWith: gcm.open, frames: store.frames(), lastSeq })
  const plain: Uint8Array[] = []
  for await (const part of decryptBlob(container, {
    keyFor: (id) => (id === attempt ? logKey : null),
    objectId: attempt,
  }))
    plain.push(part)
  const spilled = existsSync(path)
  await store.close()
  assert.equal(existsSync(path), false, 'nothing stays on disk')
  const bytes = concatBytes(plain)
  const footer = parseLogFooter(bytes.subarray(-logFooterBytes))
  assert.ok(footer)
  assert.equal(footer.lastSeq, lastSeq)
  const end = bytes.length - logFooterBytes
  const index = parseLogIndex(bytes.subarray(end - footer.indexBytes, end))
  assert.ok(index.ok)
  const chunks = index.value.map((entry) => ({
    ...entry,
    packed: bytes.slice(entry.offset, entry.offset + entry.length),
    text: zstdDecompressSync(bytes.subarray(entry.offset, entry.offset + entry.length)),
  }))
  const sealed = await Promise.all(
    emitted.map(async (frame) => (await openFrame(gcm.open, frame))?.compressed),
  )
  return { chunks, lastSeq, spilled, sealed }
}

const textOf = (chunks: readonly { step: number; text: Buffer }[], step: number) =>
  Buffer.concat(chunks.filter((chunk) => chunk.step === step).map((chunk) => chunk.text))

test('steps that wrote in turns are packed apart, each with its own lines and the frames it was made of', async () => {
  const { chunks, lastSeq } = await pack([
    [1, Buffer.from('a\nb\n')],
    [2, Buffer.from('x\n')],
    [1, Buffer.from('c\n')],
  ])
  assert.deepEqual(
    chunks.map(({ step, firstLine, lines, seqFrom, seqTo, text }) => [
      step,
      firstLine,
      lines,
      seqFrom,
      seqTo,
      String(text),
    ]),
    [
      [1, 1, 3, 1, 3, 'a\nb\nc\n'],
      [2, 1, 1, 2, 2, 'x\n'],
    ],
  )
  assert.equal(lastSeq, 3)
})

test('a long log is packed in pieces of at most 1 MiB that are the whole of it, over a sealed file', async () => {
  // Random bytes, so that compressed frames pass the bound of what is kept in memory.
  const part = randomBytes(1024 * 1024)
  const parts = Array.from(
    { length: archiveMemoryBytes / part.length + 2 },
    (_, i) => [1, Buffer.concat([Buffer.from(`${i}\n`), part])] as const,
  )
  const { chunks, spilled } = await pack(parts)
  assert.ok(spilled)
  assert.ok(chunks.every((chunk) => chunk.rawBytes <= 1024 * 1024 && chunk.text.length === chunk.rawBytes))
  assert.ok(textOf(chunks, 1).equals(Buffer.concat(parts.map(([, bytes]) => bytes))))
  let line = 1
  for (const chunk of chunks) {
    assert.equal(chunk.firstLine, line)
    line += chunk.lines
  }
})

test('a frame that was full becomes a chunk as it is; what came before and after it are others', async () => {
  const full = Buffer.alloc(frameRawBytes, 'full of lines\n')
  const { chunks, sealed } = await pack([
    [1, Buffer.from('a\n')],
    [1, Buffer.from('b\n')],
    [1, full],
    [2, Buffer.from('x\n')],
    [1, Buffer.from('c\n')],
  ])
  assert.deepEqual(
    chunks.map(({ step, rawBytes, seqFrom, seqTo }) => [step, rawBytes, seqFrom, seqTo]),
    [
      [1, 2, 1, 1],
      [1, frameRawBytes, 2, 2],
      [2, 2, 3, 3],
      [1, 4, 4, 4],
    ],
  )
  assert.equal(textOf(chunks, 1).toString(), `a\nb\n${full}c\n`)
  assert.deepEqual(chunks[1]?.packed, sealed[1], 'not packed again')
  assert.deepEqual(
    chunks.filter(({ step }) => step === 1).map(({ firstLine }) => firstLine),
    [1, 2, 2 + 1 + countOf(full, 10)],
  )
})

const countOf = (bytes: Uint8Array, wanted: number) => bytes.filter((byte) => byte === wanted).length

test('when output came is told inside of a chunk, a second apart, and further when it took long', async () => {
  const { chunks } = await pack(
    Array.from({ length: 6 }, (_, i) => [1, Buffer.from(`${i}\n`)] as const),
    500,
  )
  assert.deepEqual(
    chunks.map(({ tMs, times }) => [tMs, times]),
    [[0, [4, 2, 1_000, 8, 4, 2_000]]],
  )
  const slow = await pack(
    Array.from({ length: 1_000 }, () => [1, Buffer.from(`${randomBytes(100).toString('hex')}\n`)] as const),
    1_000,
  )
  const times = slow.chunks[0]?.times ?? []
  assert.ok(times.length > 3 * 100 && times.length <= 3 * logTimesMax, `${times.length} numbers`)
  assert.ok((times.at(-1) ?? 0) > 990_000, 'to the end')
  const short = await pack(
    Array.from({ length: 1_000 }, () => [1, Buffer.from('.')] as const),
    1_000,
  )
  assert.ok((short.chunks[0]?.times ?? []).length <= 9, 'times take less room than the log')
})

test('an empty log is an index without chunks', async () => {
  assert.deepEqual(await pack([]), { chunks: [], lastSeq: 0, spilled: false, sealed: [] })
})
