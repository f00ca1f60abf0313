// The log beside the page: a scripted server answers what the store asks for, and is asked for nothing else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateRawSync, zstdCompressSync } from 'node:zlib'
import { utf8 } from '../../base/bytes.ts'
import type { FollowerFrame } from '../../protocol/live.ts'
import { plainText } from '../../protocol/terminal/search.ts'
import { pageLines } from '../limits.ts'
import type { FrameRange, FromStore } from './messages.ts'
import { createLogStore } from './store.ts'

type Piece = { readonly step?: number; readonly text: string | Uint8Array; readonly tMs?: number }

const framesOf = (pieces: readonly Piece[]): FollowerFrame[] => {
  const ended = new Map<number, number>()
  return pieces.map(({ step = 0, text, tMs = 0 }, i) => {
    const bytes = typeof text === 'string' ? utf8(text) : text
    const firstLine = (ended.get(step) ?? 0) + 1
    const lines = bytes.filter((byte) => byte === 10).length
    ended.set(step, firstLine - 1 + lines)
    const body = deflateRawSync(bytes)
    return { attempt: 'att', seq: i + 1, step, firstLine, lines, tMs, codec: 'deflate-raw' as const, body }
  })
}

/** `bytes`: what the index says of each chunk, so that a test can make a log too large to be fetched whole. */
const open = (pieces: readonly Piece[], bytes = 1_000_000) => {
  const frames = framesOf(pieces)
  const asked: FrameRange[] = []
  const told: FromStore[] = []
  const server = { frames }
  const store = createLogStore({
    tell: (message) => told.push(message),
    fetchFrames: async (range) => {
      asked.push(range)
      return server.frames.filter(
        ({ seq, step }) =>
          seq > range.after && seq <= range.until && (range.step === null || range.step === step),
      )
    },
  })
  const index = frames.map(({ seq, step, firstLine, lines, tMs }) => ({
    ...{ step, lines, bytes, first_line: firstLine, seq_from: seq, seq_to: seq, t_ms: tMs },
  }))
  const last = <T extends FromStore['t']>(t: T) =>
    told.findLast((message): message is Extract<FromStore, { t: T }> => message.t === t)
  return {
    ...{ store, index, frames, asked, told, server },
    missing: () => last('counts')?.missing,
    groups: () => [last('groups')?.state, ...(last('groups')?.groups ?? [])],
    counts: () => Object.fromEntries(last('counts')?.counts ?? []),
    lines: async (step: number, page = 0) => {
      await store.page(step, page)
      return last('page')?.lines?.map((line) => line?.text ?? null)
    },
    times: async (step: number) => {
      await store.page(step, 0)
      return last('page')?.lines?.map((line) => line?.tMs)
    },
    find: async (text: string, isRegex = false) => {
      await store.find(told.length + 1, { text, isRegex, matchCase: false })
      return last('found')
    },
  }
}
const live = async (pieces: readonly Piece[]) => {
  const opened = open(pieces)
  for (const frame of opened.frames) opened.store.addFrame(frame)
  await opened.store.settle()
  return opened
}

test('frames become numbered lines per step; a line may come in pieces', async () => {
  const log = await live([{ text: 'one\ntw' }, { step: 1, text: 'other step\n' }, { text: 'o\nthree' }])
  assert.deepEqual(log.counts(), { 0: 3, 1: 1 })
  assert.deepEqual(await log.lines(0), ['one', 'two', 'three'])
  assert.deepEqual(await log.lines(1), ['other step'])
  assert.deepEqual(log.asked, [], 'all of it came by itself')
})

test('a frame that was there already changes nothing, so resuming may repeat itself', async () => {
  const log = await live([{ text: 'one\n' }])
  for (const frame of log.frames) log.store.addFrame(frame)
  assert.deepEqual(await log.lines(0), ['one'])
})

test('a frame says how it was packed, and each is opened by that', async () => {
  const { frames, store, lines } = open([{ text: 'as it is stored\n' }, { text: 'made anew\n' }])
  const body = zstdCompressSync('as it is stored\n')
  store.addFrame({ ...frames[0]!, codec: 'zstd', body })
  store.addFrame(frames[1]!)
  await store.settle()
  assert.deepEqual(await lines(0), ['as it is stored', 'made anew'])
})

test('a character cut by a frame border is whole', async () => {
  const bytes = utf8('é✓\n')
  const log = await live([{ text: bytes.subarray(0, 3) }, { text: bytes.subarray(3) }])
  assert.deepEqual(await log.lines(0), ['é✓'])
})

test('lines that never came leave a hole and keep the numbers of the others', async () => {
  const log = open([{ text: 'one\n' }, { text: 'ten\n' }])
  const [one, ten] = log.frames
  log.store.addFrame(one!)
  log.store.addFrame({ ...ten!, seq: 5, firstLine: 10 })
  await log.store.settle()
  assert.deepEqual(log.counts(), { 0: 10 })
  const lines = await log.lines(0)
  assert.deepEqual([lines?.[0], lines?.[4], lines?.[9]], ['one', null, 'ten'])
  assert.deepEqual(log.missing(), [{ step: 0, from: 2, to: 9 }])
})

test('a line has the time at which it began', async () => {
  const log = await live([
    { text: 'a\nb', tMs: 100 },
    { text: '…\nc\n', tMs: 900 },
  ])
  assert.deepEqual(await log.times(0), [100, 100, 900])
})

test('of a large log only the chunk that is looked at is fetched, and the one it goes on from', async () => {
  const log = open(Array.from({ length: 20 }, (_, i) => ({ text: `${`line of ${i}\n`.repeat(300)}to be ` })))
  await log.store.addIndex(log.index, true)
  assert.deepEqual(log.asked, [])
  assert.deepEqual(log.counts(), { 0: 6_000 })
  const page = Math.floor(3_001 / pageLines)
  const lines = await log.lines(0, page)
  assert.equal(lines?.[3_001 - page * pageLines - 1], 'to be line of 10')
  assert.ok(
    log.asked.every(({ until }) => until >= 10 && until <= 11),
    JSON.stringify(log.asked),
  )
  assert.deepEqual(
    await log.lines(0, 29),
    [...Array(200)].map(() => 'line of 19'),
  )
  await log.lines(0, 30)
  assert.deepEqual(
    log.counts(),
    { 0: 6_001 },
    'what stands behind the last line end is known once it is here',
  )
  const before = log.asked.length
  await log.lines(0, page)
  assert.equal(log.asked.length, before, 'kept')
})

test('a chunk that is rendered alone has the colours that were on before it', async () => {
  const log = open([{ text: '\u001b[31mred\nstill' }, { text: ' red\nand\u001b[0m not\n' }])
  await log.store.addIndex(log.index, true)
  assert.deepEqual(await log.lines(0), [
    '\u001b[0;31mred',
    '\u001b[0;31mstill red',
    '\u001b[0;31mand\u001b[0m not',
  ])
})

test('a character cut by the border of two chunks is whole', async () => {
  const bytes = utf8('one\né✓\n')
  const log = open([{ text: bytes.subarray(0, 5) }, { text: bytes.subarray(5) }])
  await log.store.addIndex(log.index, true)
  assert.deepEqual(await log.lines(0), ['one', 'é✓'])
  assert.deepEqual(await log.times(0), [0, null], 'when it began is known to the chunk before')
})

test('a line over many chunks costs its first and its last ones', async () => {
  const log = open([
    { text: `start ${'x'.repeat(200_000)}` },
    ...Array.from({ length: 50 }, () => ({ text: 'y'.repeat(200_000) })),
    { text: 'z'.repeat(100) },
    { text: '\nnext\n' },
  ])
  await log.store.addIndex(log.index, true)
  const [line, next] = (await log.lines(0)) ?? []
  assert.match(line ?? '', /^start x+$/)
  assert.equal(next, 'next')
  assert.ok(log.asked.length <= 4, `${log.asked.length} fetched`)
})

test('progress over many chunks collapses to its last state', async () => {
  const log = open([
    ...Array.from({ length: 9 }, (_, i) => ({ text: `\r${String(i).repeat(150_000)}` })),
    { text: '\r\u001b[Kdone\n' },
  ])
  await log.store.addIndex(log.index, true)
  assert.deepEqual(await log.lines(0), ['done'])
})

test('binary output, hidden directions and other sequences are lines of text', async () => {
  const noise = Uint8Array.from({ length: 4_000 }, (_, i) => (i * 131) % 256)
  const log = await live([
    { text: noise },
    { text: '\n\u001b[2J\u001b[10Aup\u202eevil\u001b]0;title\u0007\n' },
  ])
  const lines = (await log.lines(0)) ?? []
  assert.equal(lines.at(-1), 'up\u202eevil', 'drawn as a marked box by the page')
  for (const line of lines) assert.doesNotMatch(plainText(line ?? ''), /[\p{Cc}--\t]/v)
})

test('a search tells lines of all steps, once each, as they are shown', async () => {
  const log = open([
    { text: 'an \u001b[31merr\u001b[0mor, error\nfine\n' },
    { text: 'error 10%\rfine 20%\n' },
    { step: 2, text: 'Err' },
    { step: 2, text: 'or at last' },
  ])
  await log.store.addIndex(log.index, true)
  const found = await log.find('error')
  assert.deepEqual(found?.matches, [
    { step: 0, line: 1 },
    { step: 2, line: 1 },
  ])
  assert.equal(found?.searched, 1)
  assert.deepEqual((await log.find('^f\\w+ 2', true))?.matches, [{ step: 0, line: 3 }])
  assert.equal((await log.find('(', true))?.isValid, false)
})

test('a search fetches several chunks at once, and says when some could not be', async () => {
  const log = open(Array.from({ length: 20 }, (_, i) => ({ text: `error ${i}\n` })))
  await log.store.addIndex(log.index, true)
  assert.equal((await log.find('error'))?.matches.length, 20)
  assert.ok(log.asked.length <= 3, `${log.asked.length} requests`)
  const broken = open([{ text: 'error\n' }, { text: 'error\n' }])
  await broken.store.addIndex(broken.index, true)
  broken.server.frames = broken.frames.slice(0, 1)
  const found = await broken.find('error')
  assert.deepEqual([found?.matches.length, found?.missed, found?.searched], [1, 1, 1])
})

test('when the server packed the log meanwhile, the index is asked for anew', async () => {
  const log = open([{ text: 'a\n' }, { text: 'b\n' }])
  await log.store.addIndex(log.index, true)
  const [packed] = framesOf([{ text: 'a\nb\n' }])
  log.server.frames = [{ ...packed!, seq: 2 }]
  assert.equal(await log.lines(0, 0), undefined)
  assert.equal(log.told.at(-1)?.t, 'stale')
})

test('what was packed while the stream was away is no second copy of what had come, and the index is asked for anew', async () => {
  const [packed] = framesOf([{ text: 'error a\nerror b\nerror c\n' }])
  const chunk = { step: 0, lines: 3, bytes: 9, first_line: 1, seq_from: 1, seq_to: 3, t_ms: 0 }
  for (const by of ['index', 'stream']) {
    const log = await live([{ text: 'error a\n' }, { text: 'error b\n' }])
    if (by === 'index') await log.store.addIndex([chunk], false)
    else log.store.addFrame({ ...packed!, seq: 3 })
    assert.equal(log.told.at(-1)?.t, 'stale')
    await log.store.settle()
    log.server.frames = [{ ...packed!, seq: 3 }]
    assert.equal((await log.find('error'))?.matches.length, 2)
    await log.store.addIndex([chunk], true)
    assert.equal((await log.find('error'))?.matches.length, 3)
    assert.deepEqual(log.counts(), { 0: 3 })
  }
})

test('a small log is fetched at once and whole', async () => {
  const log = open([{ text: 'a\n' }, { step: 3, text: 'b\nc' }], 100)
  await log.store.addIndex(log.index, true)
  assert.deepEqual(log.asked, [{ step: null, after: 0, until: 2 }])
  assert.deepEqual(log.counts(), { 0: 1, 3: 2 })
  assert.deepEqual(await log.lines(3), ['b', 'c'])
  assert.equal(log.asked.length, 1)
})

const install = { from: 1, to: 3, name: 'Install', isFolded: true }

test('groups of a small log are found at once, also when their marks come in pieces', async () => {
  const pieces = [
    { text: '::gro' },
    { text: 'up::Install\nx\n::endgr' },
    { text: 'oup::\n' },
    { step: 2, text: 'x\n' },
  ]
  const stored = open(pieces, 100)
  await stored.store.addIndex(stored.index, true)
  assert.deepEqual(stored.groups(), ['whole', [0, [install]]])
  const growing = open(pieces)
  await growing.store.addIndex([], true)
  for (const frame of growing.frames) {
    growing.store.addFrame(frame)
    await growing.store.settle()
  }
  assert.deepEqual(growing.groups(), ['whole', [0, [install]]])
  assert.deepEqual(growing.asked, [])
})

test('groups of a large log are looked for when somebody asks, several chunks at once', async () => {
  const texts = ['::group::Install\n', ...Array.from({ length: 20 }, () => 'x\n'), '::endgroup::\n']
  const log = open(texts.map((text) => ({ text })))
  await log.store.addIndex(log.index, true)
  assert.deepEqual([log.groups(), log.asked.length], [[undefined], 0])
  await log.store.findGroups()
  assert.deepEqual(log.groups(), ['whole', [0, [{ ...install, to: 22 }]]])
  assert.ok(log.asked.length <= 3, `${log.asked.length} requests`)
  const broken = open(texts.map((text) => ({ text })))
  await broken.store.addIndex(broken.index, true)
  broken.server.frames = []
  await broken.store.findGroups()
  assert.equal(broken.groups()[0], 'not-whole', 'and looked for again when somebody asks again')
  broken.server.frames = broken.frames
  await broken.store.findGroups()
  assert.deepEqual(broken.groups(), ['whole', [0, [{ ...install, to: 22 }]]])
})
