// Logs as people read them: the frames of a scripted runner, opened by the real vault, live, stored and packed.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { inflateRawSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { sql } from 'kysely'
import { noWork, openTestApp } from '../../../test/support/http-app.ts'
import { tellingOpenedKeys } from '../../../test/support/opened-keys.ts'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type Held } from '../../../test/support/scripted-runner.ts'
import { concatBytes, utf8 } from '../../base/bytes.ts'
import { isFault } from '../../base/faults.ts'
import type { FrameCodec } from '../../protocol/frames.ts'
import type { FollowerFrame } from '../../protocol/live.ts'
import { encodeLogIndex } from '../../protocol/log-object.ts'
import { encryptBlob } from '../../seal/index.ts'
import { scopeOfOrganisation } from '../access/actor.ts'
import { limits } from '../limits.ts'
import { createFreshFrames } from './fresh-frames.ts'
import { createLogs } from './logs.ts'
import { pruneFrames } from './prune.ts'
import { createWatchers } from './watchers.ts'

const parts = await openParts()
const project = await addLocalProject(parts, 'web')
const opens: string[] = []
const waiting: (() => void)[] = []
const untilOpens = async (count: number): Promise<void> => {
  while (opens.length < count) await new Promise<void>((resolve) => waiting.push(resolve))
}
const vault = tellingOpenedKeys(parts, ({ user }) => {
  opens.push(user)
  for (const done of waiting.splice(0)) done()
})
const logs = createLogs({ ...parts, vault })
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'logger'))
after(() => runner.close())
const reader = { user: 'usr_reader', session: 'ses_reader', reason: 'test' }

const lease = async (): Promise<Held> => {
  await parts.runs.startRun(parts.actor, { project })
  const [plan] = await runner.take()
  await runner.finishPlan(plan!, [{ key: 'a' }])
  return (await runner.take())[0]!
}
const text = (frame: FollowerFrame) => inflateRawSync(frame.body).toString()
const collect = async (frames: AsyncIterable<FollowerFrame>) => {
  const all: FollowerFrame[] = []
  for await (const frame of frames) all.push(frame)
  return all
}
const read = (held: Held, options: { after?: number; step?: number } = {}) =>
  collect(logs.readFrames(parts.scope, held.attempt, { after: 0, reader, ...options }))
const follow = (held: Held, signal: AbortSignal, after = 0) =>
  logs.follow(parts.scope, held.attempt, { after, reader, signal })
const never = new AbortController().signal

/** The log as its runner packs it: these chunks, then the index. */
const pack = async (
  held: Held,
  chunks: readonly {
    step: number
    text: string
    seqFrom: number
    seqTo: number
    firstLine?: number
    times?: number[]
  }[],
) => {
  let offset = 0
  const packed = chunks.map((chunk) => {
    const bytes = zstdCompressSync(chunk.text)
    const { step, seqFrom, seqTo } = chunk
    const raw = utf8(chunk.text)
    const entry = {
      step,
      firstLine: chunk.firstLine ?? 1,
      lines: raw.filter((byte) => byte === 10).length,
      offset,
      length: bytes.length,
      rawBytes: raw.length,
      tMs: 0,
      seqFrom,
      seqTo,
      ...(chunk.times === undefined ? {} : { times: chunk.times }),
    }
    offset += bytes.length
    return { bytes, entry }
  })
  const plain = concatBytes([
    ...packed.map(({ bytes }) => bytes),
    encodeLogIndex(
      packed.map(({ entry }) => entry),
      held.log.seq,
    ),
  ])
  const once = async function* () {
    yield plain
  }
  const sealed: Uint8Array[] = []
  for await (const part of encryptBlob(once(), {
    keyId: held.attempt,
    key: held.log.key,
    objectId: held.attempt,
  }))
    sealed.push(part)
  return concatBytes(sealed)
}
const upload = (held: Held, object: Uint8Array, method = 'PUT') =>
  runner.send(`/runner/v1/leases/${held.lease}/log`, object, { method })

test('stored frames are read in order, from any point, by step', async () => {
  const held = await lease()
  await runner.frames(held, 0, 'a\n', 'b\n')
  await runner.frames(held, 1, 'c\n')
  const frames = await read(held)
  assert.deepEqual(
    frames.map((frame) => [frame.seq, frame.step, frame.firstLine, frame.lines, frame.tMs, text(frame)]),
    [
      [1, 0, 1, 1, 10, 'a\n'],
      [2, 0, 2, 1, 20, 'b\n'],
      [3, 1, 3, 1, 30, 'c\n'],
    ],
  )
  assert.deepEqual(
    (await read(held, { after: 2 })).map(({ seq }) => seq),
    [3],
  )
  assert.deepEqual(
    (await read(held, { step: 1 })).map(({ seq }) => seq),
    [3],
  )
  await runner.finish(held)
})

test('a follower gets each frame once, as it is stored, and the end', async () => {
  const held = await lease()
  const seen: string[] = []
  const before = opens.length
  const following = [1, 2, 3].map(async () => {
    for await (const frame of follow(held, never)) seen.push(text(frame))
  })
  await runner.frames(held, 0, 'one\n')
  await runner.frames(held, 0, 'two\n', 'three\n')
  await runner.finish(held)
  await Promise.all(following)
  assert.deepEqual(seen.toSorted(), [
    'one\n',
    'one\n',
    'one\n',
    'three\n',
    'three\n',
    'three\n',
    'two\n',
    'two\n',
    'two\n',
  ])
  assert.equal(opens.length, before + 1, 'the vault is asked once for a live log')
  assert.equal(parts.watchers.isWatched(held.attempt), false)
})

test('who takes zstd gets live frames and a finished log as they are stored; others what browsers open', async () => {
  const held = await lease()
  const codecsOf = async (codec?: FrameCodec) => {
    const frames = await collect(logs.readFrames(parts.scope, held.attempt, { after: 0, reader, codec }))
    return frames.map((frame) => [frame.codec, (frame.codec === 'zstd' ? unpack : text)(frame)])
  }
  const unpack = (frame: FollowerFrame) => zstdDecompressSync(frame.body).toString()
  const stop = new AbortController()
  const live = logs.follow(parts.scope, held.attempt, {
    after: 0,
    reader,
    codec: 'zstd',
    signal: stop.signal,
  })
  const first = live[Symbol.asyncIterator]().next()
  await runner.frames(held, 0, 'one\n')
  const { value } = await first
  assert.deepEqual([value?.codec, value && unpack(value)], ['zstd', 'one\n'])
  stop.abort()
  assert.deepEqual(
    [await codecsOf('zstd'), await codecsOf()],
    [[['zstd', 'one\n']], [['deflate-raw', 'one\n']]],
  )
  await upload(held, await pack(held, [{ step: 0, text: 'one\n', seqFrom: 1, seqTo: 1 }]))
  await runner.finish(held)
  assert.deepEqual(
    [await codecsOf('zstd'), await codecsOf()],
    [[['zstd', 'one\n']], [['deflate-raw', 'one\n']]],
  )
})

test('the first frame of a log that somebody follows is stored, also of who comes within a moment', async () => {
  for (const isEarly of [true, false]) {
    const held = await lease()
    const seen: string[] = []
    const follows = async () => {
      for await (const frame of follow(held, never)) seen.push(text(frame))
    }
    const early = isEarly ? follows() : null
    const sent = runner.send('/runner/v1/firstframes', await runner.batch(held, 0, 'one\n'))
    const following = early ?? follows()
    assert.deepEqual((await sent).body, { leases: { [held.lease]: { durable: 1, watched: true } } })
    await runner.finish(held)
    await following
    assert.deepEqual(seen, ['one\n'])
  }
})

test('of a log that nobody follows nothing is stored; the runner sends it again', async () => {
  const held = await lease()
  const body = await runner.batch(held, 0, 'one\n')
  assert.deepEqual((await runner.send('/runner/v1/firstframes', body)).body, { leases: {} })
  const { lastSeq } = await parts.db
    .selectFrom('attempts')
    .select('last_seq as lastSeq')
    .where('id', '=', held.attempt)
    .executeTakeFirstOrThrow()
  assert.equal(lastSeq, 0)
  const { body: answer } = await runner.send('/runner/v1/frames', body)
  assert.deepEqual(answer, { leases: { [held.lease]: { durable: 1, watched: false } } })
  await runner.finish(held)
})

test('a key that came with frames that were not stored is opened before there is one; only the key of those that are is used', async () => {
  for (const isTrue of [true, false]) {
    const held = await lease()
    const other = await lease()
    const told = { ...held, log: { ...held.log, sealedKey: (isTrue ? held : other).log.sealedKey } }
    const body = await runner.batch(told, 0, 'one\n')
    assert.deepEqual((await runner.send('/runner/v1/firstframes', body)).body, { leases: {} })
    const before = opens.length
    const seen: string[] = []
    const following = (async () => {
      for await (const frame of follow(held, never)) seen.push(text(frame))
    })()
    await untilOpens(before + 1)
    await runner.frames(held, 0, 'one\n')
    // Before its end: the key of a finished log moves, and whoever reads on then opens it once more.
    for (const until = performance.now() + 10_000; seen.length === 0; await sleep(5))
      assert.ok(performance.now() < until)
    // One that could not be opened may be asked for again before the frame comes.
    const asked = opens.length - before
    assert.ok(isTrue ? asked === 1 : asked >= 2, `${asked}`)
    await runner.finish(held)
    await following
    assert.deepEqual(seen, ['one\n'])
    await runner.finish(other)
  }
})

test("nobody has the key of a lease opened that is another runner's", async () => {
  const held = await lease()
  const stranger = createScriptedRunner(parts, await enrolRunner(parts, 'stranger'))
  const body = await runner.batch(held, 0, 'one\n')
  assert.deepEqual((await stranger.send('/runner/v1/firstframes', body)).body, { leases: {} })
  assert.equal(parts.fresh.announcedKey(held.attempt), null)
  stranger.close()
  await runner.finish(held)
})

test('followers who come and go while frames are written miss nothing and see nothing twice', async () => {
  const held = await lease()
  const total = 60
  const writing = (async () => {
    for (let i = 0; i < total; i += 3) await runner.frames(held, 0, `${i}\n`, `${i + 1}\n`, `${i + 2}\n`)
    await runner.finish(held)
  })()
  const following = Array.from({ length: 8 }, async (_, n) => {
    const seqs: number[] = []
    while (seqs.length < total) {
      const stop = new AbortController()
      for await (const frame of follow(held, stop.signal, seqs.at(-1) ?? 0)) {
        seqs.push(frame.seq)
        if (seqs.length % (n + 5) === 0) break
      }
      stop.abort()
    }
    return seqs
  })
  await writing
  const expected = Array.from({ length: total }, (_, i) => i + 1)
  for (const seqs of await Promise.all(following)) assert.deepEqual(seqs, expected)
})

test('following ends when the reader goes', async () => {
  const held = await lease()
  await runner.frames(held, 0, 'x\n')
  const stop = new AbortController()
  const all = collect(follow(held, stop.signal))
  const until = performance.now() + 5_000
  while (!parts.watchers.isWatched(held.attempt)) {
    assert.ok(performance.now() < until)
    await sleep(5)
  }
  stop.abort()
  assert.ok((await all).length <= 1)
  await runner.finish(held)
})

test('an attempt without output has an empty log that ends', async () => {
  const held = await lease()
  const following = collect(follow(held, never))
  await runner.finish(held)
  assert.deepEqual(await following, [])
  assert.deepEqual(await read(held), [])
})

test('a finished log is read from its object, and its rows go later', async () => {
  const held = await lease()
  await runner.frames(held, 0, 'a\n', 'b\n')
  await runner.frames(held, 1, 'c\n')
  const object = await pack(held, [
    { step: 0, text: 'a\nb\n', seqFrom: 1, seqTo: 2 },
    { step: 1, text: 'c\n', seqFrom: 3, seqTo: 3 },
  ])
  assert.equal((await upload(held, object)).status, 200)
  assert.equal((await runner.finish(held)).status, 200)
  const packed = async () =>
    (await read(held)).map((frame) => [frame.seq, frame.step, frame.lines, text(frame)])
  assert.deepEqual(await packed(), [
    [2, 0, 2, 'a\nb\n'],
    [3, 1, 1, 'c\n'],
  ])
  assert.deepEqual(
    (await read(held, { after: 1 })).map((frame) => [frame.seq, text(frame)]),
    [
      [2, 'b\n'],
      [3, 'c\n'],
    ],
    'by its rows',
  )
  assert.equal(await pruneFrames(parts.db, []), 0, 'whoever followed it goes on for a while')
  assert.ok((await pruneFrames(parts.db, [], -1)) > 0)
  const { rows } = await sql`select 1 from log_frames where attempt_id = ${held.attempt}`.execute(parts.db)
  assert.equal(rows.length, 0)
  assert.deepEqual(await packed(), [
    [2, 0, 2, 'a\nb\n'],
    [3, 1, 1, 'c\n'],
  ])
  assert.deepEqual((await read(held, { after: 2 })).map(text), ['c\n'])
  assert.deepEqual((await read(held, { step: 1 })).map(text), ['c\n'])
  assert.deepEqual(await read(held, { after: 3 }), [])
})

const rowsOf = async ({ attempt }: Held) =>
  (await sql`select from log_frames where attempt_id = ${attempt}`.execute(parts.db)).rows.length
/** Two frames; whoever reads it has had the first, and no memory but the tables has the second. */
const readInPart = async (followed: boolean) => {
  const held = await lease()
  await runner.frames(held, 0, 'a\n')
  const forgetful = createLogs({ ...parts, vault, fresh: createFreshFrames(createWatchers()) })
  const options = { after: 0, reader, codec: 'zstd' } as const
  const frames = (
    followed
      ? forgetful.follow(parts.scope, held.attempt, { ...options, signal: never })
      : forgetful.readFrames(parts.scope, held.attempt, options)
  )[Symbol.asyncIterator]()
  assert.equal((await frames.next()).value.seq, 1)
  await runner.frames(held, 0, 'b\n')
  await upload(held, await pack(held, [{ step: 0, text: 'a\nb\n', seqFrom: 1, seqTo: 2 }]))
  assert.equal((await runner.finish(held)).status, 200)
  return { held, frames }
}

test('the rows of a log stay while somebody follows it who stopped to read', async () => {
  const { held, frames } = await readInPart(true)
  const prune = () => pruneFrames(parts.db, parts.watchers.all(), -1)
  await prune()
  assert.equal(await rowsOf(held), 2)
  assert.equal((await frames.next()).value.seq, 2)
  assert.equal((await frames.next()).done, true)
  await prune()
  assert.equal(await rowsOf(held), 0)
})

test('a log whose rows go while it is read does not end there in silence', async () => {
  const { held, frames } = await readInPart(false)
  await pruneFrames(parts.db, [], -1)
  assert.equal(await rowsOf(held), 0)
  await assert.rejects(
    async () => frames.next(),
    (error) => isFault(error, 'E_CONFLICT'),
  )
})

test('a finished log is opened anew for each reader', async () => {
  const held = await lease()
  await runner.frames(held, 0, 'x\n')
  await runner.finish(held)
  const before = opens.length
  for (const user of ['usr_one', 'usr_two', 'usr_one'])
    await collect(logs.readFrames(parts.scope, held.attempt, { after: 0, reader: { ...reader, user } }))
  assert.deepEqual(opens.slice(before), ['usr_one', 'usr_two'])
})

test('an upload that is not what was signed, not theirs or too late leaves nothing', async () => {
  const held = await lease()
  await runner.frames(held, 0, 'x\n')
  const object = await pack(held, [{ step: 0, text: 'x\n', seqFrom: 1, seqTo: 1 }])
  const path = `/runner/v1/leases/${held.lease}/log`
  assert.equal(
    (await runner.send(path, object, { method: 'PUT', bytes: concatBytes([object, utf8('!')]) })).status,
    401,
  )
  assert.equal(
    (await runner.send(`/runner/v1/leases/${parts.newId('lease')}/log`, object, { method: 'PUT' })).status,
    409,
  )
  await runner.finish(held)
  assert.equal((await upload(held, object)).status, 409)
  const { rows } = await sql`select 1 from log_objects where attempt_id = ${held.attempt}`.execute(parts.db)
  assert.equal(rows.length, 0)
})

test('a changed object or frame is not shown', async () => {
  const held = await lease()
  await runner.frames(held, 0, 'x\n')
  await sql`update log_batches set body = set_byte(body, length(body) - 1, get_byte(body, length(body) - 1) # 1)
    where id = (select max(batch_id) from log_frames where attempt_id = ${held.attempt})`.execute(parts.db)
  await assert.rejects(read(held), (error) => isFault(error, 'E_OBJECT_TAMPERED'))
  const object = await pack(held, [{ step: 0, text: 'x\n', seqFrom: 1, seqTo: 1 }])
  await upload(held, object.with(-1, (object.at(-1) ?? 0) ^ 1))
  await runner.finish(held)
  await assert.rejects(read(held), (error) => isFault(error, 'E_OBJECT_TAMPERED'))
})

test('another organisation does not learn that a log is there', async () => {
  const held = await lease()
  await runner.frames(held, 0, 'x\n')
  const stranger = scopeOfOrganisation(parts.newId('organisation'))
  const reading = collect(logs.readFrames(stranger, held.attempt, { after: 0, reader }))
  await assert.rejects(reading, (error) => isFault(error, 'E_NOT_FOUND'))
  await runner.finish(held)
})

const indexOf = (held: Held, options: { after?: number; failureIn?: number } = {}) =>
  logs.readIndex(parts.scope, held.attempt, { after: 0, reader, ...options })
const readPart = (held: Held, options: { after: number; until: number; step?: number }) =>
  collect(logs.readFrames(parts.scope, held.attempt, { reader, ...options }))

test('the index of a live log tells small frames of a step as one chunk; a part of it is read alone', async () => {
  const held = await lease()
  await runner.frames(held, 0, 'a\n', 'b\n', 'c\n')
  await runner.frames(held, 1, 'error: x\n', 'e\n')
  await runner.frames(held, 0, 'f\n')
  const index = await indexOf(held, { failureIn: 1 })
  assert.deepEqual(
    index.chunks.map(({ bytes: _, ...chunk }) => chunk),
    [
      { step: 0, firstLine: 1, lines: 3, tMs: 10, seqFrom: 1, seqTo: 3 },
      { step: 1, firstLine: 4, lines: 2, tMs: 40, seqFrom: 4, seqTo: 5 },
      // The scripted runner counts lines over all steps, so this one does not go on where step 0 was.
      { step: 0, firstLine: 6, lines: 1, tMs: 60, seqFrom: 6, seqTo: 6 },
    ],
  )
  assert.deepEqual([index.isComplete, index.lastSeq], [false, 6])
  assert.equal(index.firstFailure, null, 'while it runs the end is what one looks at')
  assert.deepEqual(
    (await indexOf(held, { after: 4 })).chunks.map(({ seqFrom, seqTo }) => [seqFrom, seqTo]),
    [
      [5, 5],
      [6, 6],
    ],
  )
  assert.deepEqual((await readPart(held, { after: 1, until: 4 })).map(text), ['b\n', 'c\n', 'error: x\n'])
  assert.deepEqual((await readPart(held, { after: 1, until: 4, step: 0 })).map(text), ['b\n', 'c\n'])
  const lineOf = (step: number, pinned: number | null = null) =>
    logs.failureLine(parts.scope, held.attempt, { reader, step, pinned })
  assert.equal(await lineOf(1), null, 'while it runs')
  await runner.finish(held)
  assert.deepEqual(await lineOf(1), { line: 4, text: 'error: x', why: 'words' })
  assert.deepEqual(await lineOf(1, 5), { line: 5, text: 'e', why: 'pinned' })
  assert.deepEqual(await lineOf(0), { line: 6, text: 'f', why: 'end' })
  assert.equal((await indexOf(held, { failureIn: 1 })).firstFailure, 4)
  assert.equal((await indexOf(held, { failureIn: 0 })).firstFailure, null)
})

test('what stands behind the first page of the index of a long log is found, while it is not packed', async () => {
  const held = await lease()
  const last = limits.logIndexFrames + 200
  while (held.log.seq < last) {
    const sent = held.log.seq
    const count = Math.min(1_000, last - sent)
    await runner.frames(held, 0, ...Array.from({ length: count }, (_, i) => `line ${sent + i + 1}\n`))
  }
  // The real door before the real log; only whose it is stands in another database.
  const app = await openTestApp({
    work: {
      runs: { ...noWork.runs, findAttempt: (_, id) => parts.runs.findAttempt(parts.scope, id) },
      logs: {
        ...noWork.logs,
        readIndex: (_, ...asked) => logs.readIndex(parts.scope, ...asked),
        readFrames: (_, ...asked) => logs.readFrames(parts.scope, ...asked),
      },
    },
  })
  const cookie = await app.signInAs('viewer')
  const query = `format=text&step=0&from=${last - 1}&to=${last}`
  const answer = await app.call('GET', `/api/v1/attempts/${held.attempt}/log?${query}`, { cookie })
  assert.equal(answer.text, `line ${last - 1}\nline ${last}\n`)
  await runner.finish(held)
  const end = await logs.failureLine(parts.scope, held.attempt, { reader, step: 0, pinned: null })
  assert.deepEqual(end, { line: last, text: `line ${last}`, why: 'end' })
})

test('a finished log still tells when its lines were written', async () => {
  const held = await lease()
  await runner.frames(held, 0, 'a\n', 'b', 'c\n', 'd\n')
  const times = [2, 1, 1_500, 5, 2, 60_000]
  const chunk = { step: 0, text: 'a\nbc\nd\n', seqFrom: 1, seqTo: 4, times }
  await upload(held, await pack(held, [chunk]))
  await runner.finish(held)
  assert.deepEqual(
    (await read(held)).map((frame) => [frame.seq, frame.firstLine, frame.lines, frame.tMs, text(frame)]),
    [
      [2, 1, 1, 0, 'a\n'],
      [3, 2, 1, 1_500, 'bc\n'],
      [4, 3, 1, 60_000, 'd\n'],
    ],
  )
})

test('of a finished log only what is asked for is read from its object', async () => {
  const held = await lease()
  // Incompressible, so that each chunk fills several sealed pieces of the object.
  const noise = () => Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString('base64')
  const texts = Array.from({ length: 8 }, (_, i) => `${i === 5 ? 'FAIL' : 'fine'} ${noise()}\n`)
  await runner.frames(held, 0, ...texts.map((_, i) => `${i}\n`))
  const object = await pack(
    held,
    texts.map((text, i) => ({ step: 0, text, seqFrom: i + 1, seqTo: i + 1, firstLine: i + 1 })),
  )
  await upload(held, object)
  await runner.finish(held)
  let bytes = 0
  const counting = createLogs({
    ...{ ...parts, vault },
    objects: {
      ...parts.objects,
      read: async (key, range) => {
        const part = await parts.objects.read(key, range)
        bytes += part.length
        return part
      },
    },
  })
  const index = await counting.readIndex(parts.scope, held.attempt, { after: 0, reader })
  assert.deepEqual(
    index.chunks.map(({ firstLine, seqTo }) => [firstLine, seqTo]),
    texts.map((_, i) => [i + 1, i + 1]),
  )
  assert.ok(bytes < object.length / 3, `${bytes} of ${object.length} for the index`)
  bytes = 0
  const part = await collect(
    counting.readFrames(parts.scope, held.attempt, { after: 2, until: 3, step: 0, reader }),
  )
  assert.deepEqual(part.map(text), [texts[2]])
  assert.ok(bytes < object.length / 2, `${bytes} of ${object.length} for one chunk of eight`)
  const failed = () => counting.readIndex(parts.scope, held.attempt, { after: 0, reader, failureIn: 0 })
  assert.equal((await failed()).firstFailure, 6)
  bytes = 0
  assert.equal((await failed()).firstFailure, 6)
  assert.ok(bytes < object.length / 3, 'found once')
  bytes = 0
  const asked = { reader, step: 0, pinned: null }
  assert.match((await counting.failureLine(parts.scope, held.attempt, asked))?.text ?? '', /^FAIL /)
  assert.ok(
    bytes < object.length * 0.75,
    `${bytes} of ${object.length} for the chunk of the line and the one before`,
  )
})
