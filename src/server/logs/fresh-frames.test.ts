// Frames that are on their way to followers: from memory while they are the newest, from the tables otherwise.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inflateRawSync } from 'node:zlib'
import { makeFrame } from '../../../test/support/scripted-runner.ts'
import { type AttemptId, formatId } from '../../base/ids.ts'
import { generateLogKey } from '../../seal/index.ts'
import { createGcm } from '../../sys/index.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'
import { createFreshFrames } from './fresh-frames.ts'
import { createStoredFrames } from './stored-frames.ts'
import { createWatchers } from './watchers.ts'

const attempt = formatId('attempt', new Uint8Array(16))
const range = (from: number, ...sizes: number[]) => ({
  from,
  frames: sizes.map((size) => new Uint8Array(size)),
  sealedKey: from === 1 ? new Uint8Array([7]) : null,
})
const open = () => {
  const watchers = createWatchers()
  const fresh = createFreshFrames(watchers)
  return {
    watchers,
    fresh,
    sizes: (after: number) => fresh.after(attempt, after).frames.map(({ length }) => length),
  }
}

test('the newest frames of a watched log are there for as long as it is watched', () => {
  const { watchers, fresh, sizes } = open()
  fresh.add(attempt, range(1, 5))
  assert.deepEqual(sizes(0), [], 'nobody watches')
  const stop = watchers.watch(attempt)
  fresh.add(attempt, range(1, 10, 20))
  fresh.add(attempt, range(3, 30))
  assert.deepEqual([sizes(0), sizes(2), sizes(3)], [[10, 20, 30], [30], []])
  assert.deepEqual(fresh.keyOf(attempt), new Uint8Array([7]))
  stop()
  assert.deepEqual([sizes(0), fresh.keyOf(attempt)], [[], null])
})

test('a key is announced before the first frame, which alone says that it is the key', () => {
  const { watchers, fresh } = open()
  const key = new Uint8Array([9])
  fresh.announce(attempt, key)
  const stop = watchers.watch(attempt)
  assert.deepEqual([fresh.announcedKey(attempt), fresh.keyOf(attempt)], [key, null])
  fresh.add(attempt, { ...range(1, 10), sealedKey: new Uint8Array([8]) })
  assert.deepEqual([fresh.announcedKey(attempt), fresh.keyOf(attempt)], [null, new Uint8Array([8])])
  fresh.announce(attempt, key)
  stop()
  assert.equal(fresh.announcedKey(attempt), null, 'nobody watches any more')
})

test('keys are announced for so many logs, the newest ones', () => {
  const { fresh } = open()
  for (let i = 0; i <= limits.freshLogsMax; i++) fresh.announce(`${i}` as AttemptId, new Uint8Array([9]))
  const last = `${limits.freshLogsMax}` as AttemptId
  assert.deepEqual([fresh.announcedKey('0' as AttemptId), fresh.announcedKey(last)?.length], [null, 1])
})

test('what went another way leaves no gap: earlier frames are not offered', () => {
  const { watchers, fresh, sizes } = open()
  watchers.watch(attempt)
  fresh.add(attempt, range(1, 10))
  fresh.add(attempt, range(5, 50))
  assert.deepEqual([sizes(0), sizes(3), sizes(4)], [[], [], [50]])
})

test('a log that grows faster than it is read keeps its newest part', () => {
  const { watchers, fresh, sizes } = open()
  watchers.watch(attempt)
  const half = limits.freshFramesBytesPerLog / 2
  fresh.add(attempt, range(1, half, half, half))
  assert.deepEqual([sizes(0), sizes(1), sizes(2)], [[], [half], [half]])
  assert.deepEqual([fresh.after(attempt, 1).isNewest, fresh.after(attempt, 2).isNewest], [false, true])
})

test('all logs together are kept up to a bound: the one that began first goes, never the one that grows', () => {
  const { watchers, fresh } = open()
  const logs = Array.from({ length: limits.freshFramesBytes / limits.freshFramesBytesPerLog + 1 }, (_, i) =>
    formatId('attempt', new Uint8Array(16).fill(i)),
  )
  const has = () => logs.map((log) => fresh.after(log, 0).frames.length > 0)
  for (const log of logs) watchers.watch(log)
  for (const log of logs) fresh.add(log, range(1, limits.freshFramesBytesPerLog))
  assert.deepEqual(has(), [false, true, true, true, true])
  // The first of those that are left grows: the next one goes.
  fresh.add(logs[1] as AttemptId, range(2, limits.freshFramesBytesPerLog))
  fresh.add(logs[0] as AttemptId, range(1, limits.freshFramesBytesPerLog))
  assert.deepEqual([has()[0], fresh.after(logs[1] as AttemptId, 1).frames.length, has()[2]], [true, 0, true])
})

test('a page is so many bytes, or one frame', () => {
  const { watchers, fresh, sizes } = open()
  watchers.watch(attempt)
  const { freshPageBytes } = limits
  fresh.add(attempt, range(1, freshPageBytes - 1, 1, 1, freshPageBytes + 1, 1))
  assert.deepEqual(
    [sizes(0), sizes(2), sizes(3), sizes(4)],
    [[freshPageBytes - 1, 1], [1], [freshPageBytes + 1], [1]],
  )
})

test('a follower gets fresh frames without a look at the tables', async () => {
  const { watchers, fresh } = open()
  watchers.watch(attempt)
  const log = { key: generateLogKey(), sealedKey: new Uint8Array(0), seq: 0 }
  const frames = await Promise.all(
    ['a\n', 'b\n'].map((text, i) => makeFrame(attempt, log, { step: 0, text, seq: i + 1 })),
  )
  fresh.add(attempt, { from: 1, frames, sealedKey: log.sealedKey })
  // SAFE: a database that nobody asks; any use of it throws.
  const stored = createStoredFrames(null as unknown as Db, fresh)
  const key = createGcm(log.key).open
  const page = (after: number) =>
    stored.pageAfter(attempt, { after, key, codec: 'deflate-raw', since: stored.mark() })
  const [whole, rest] = await Promise.all([page(0), page(1)])
  const texts = whole.frames.map(({ body }) => inflateRawSync(body).toString())
  assert.deepEqual([texts, whole.isNewest, rest.frames.map(({ seq }) => seq)], [['a\n', 'b\n'], true, [2]])
  await assert.rejects(page(2), TypeError)
})
