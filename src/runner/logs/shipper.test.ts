import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatId, type LeaseId, uuid7 } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import { encodeFrameHeader, parseFrameBatch } from '../../protocol/frames.ts'
import type { FramesAnswer } from '../../protocol/runner-wire.ts'
import { fastShipMs, frameRawBytes, shipBatchBytes, unackedLogBytesMax, unwatchedShipMs } from '../limits.ts'
import { createShipper } from './shipper.ts'

const id = (n: number) => uuid7(n, new Uint8Array(10))
const lease: LeaseId = formatId('lease', id(1))
const attempt = formatId('attempt', id(2))
const sealedKey = new Uint8Array(80).fill(7)

const frame = (seq: number, size = 100) => {
  const header = encodeFrameHeader({ attempt, seq, step: 1, codec: 'zstd', tMs: 0, firstLine: 1, lines: 0 })
  const bytes = new Uint8Array(header.length + size)
  bytes.set(header)
  return { seq, bytes, rawBytes: size }
}

type Sent = {
  readonly seqs: readonly number[]
  readonly keys: number
  readonly answer: (a: FramesAnswer | Error) => void
}

/** A server whose answers the test gives by hand. */
const openShipper = () => {
  const requests: Sent[] = []
  const arrivals: ((sent: Sent) => void)[] = []
  const told = { lost: 0, watched: [] as boolean[] }
  const firsts: Sent[] = []
  const describe = (batch: Uint8Array, take: (sent: Sent) => void): Promise<FramesAnswer> =>
    new Promise((resolve, reject) => {
      const parsed = parseFrameBatch(batch)
      assert.ok(parsed.ok)
      take({
        seqs: parsed.value.map((item) => item.header.seq),
        keys: parsed.value.filter((item) => item.sealedKey !== null).length,
        answer: (a: FramesAnswer | Error) => (a instanceof Error ? reject(a) : resolve(a)),
      })
    })
  const shipper = createShipper({
    log: silentLog,
    post: (batch) =>
      describe(batch, (sent) => {
        const arrival = arrivals.shift()
        if (arrival) arrival(sent)
        else requests.push(sent)
      }),
    postFirst: (batch) => describe(batch, (sent) => void firsts.push(sent)),
  })
  const frames = shipper.open({
    lease,
    sealedKey: () => sealedKey,
    onLost: () => told.lost++,
    onWatched: (watched) => told.watched.push(watched),
  })
  const next = (): Promise<Sent> => {
    const waiting = requests.shift()
    return waiting ? Promise.resolve(waiting) : new Promise((resolve) => arrivals.push(resolve))
  }
  const count = () => requests.length
  return { shipper, frames, next, told, count, firsts }
}
/** Everything that could have been sent was sent. */
const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
const durable = (seq: number, watched = false): FramesAnswer => ({
  leases: { [lease]: { durable: seq, watched } },
})

test('frames of one turn share a request, the key goes with the first', async () => {
  const { frames, next, shipper, told } = openShipper()
  frames.hurry()
  frames.add(frame(1))
  frames.add(frame(2))
  const first = await next()
  assert.deepEqual([first.seqs, first.keys], [[1, 2], 1])
  frames.add(frame(3))
  first.answer(durable(2, true))
  const second = await next()
  assert.deepEqual([second.seqs, second.keys], [[3], 0])
  second.answer(durable(3))
  await frames.durable(3)
  assert.deepEqual(told.watched, [true, false])
  shipper.close()
})

test('what a request without an answer carried is sent again, and what was not durable too', async () => {
  const { frames, next, shipper } = openShipper()
  frames.add(frame(1))
  frames.add(frame(2))
  ;(await next()).answer(new Error('server restarts'))
  const again = await next()
  assert.deepEqual([again.seqs, again.keys], [[1, 2], 1])
  again.answer(durable(1))
  const rest = await next()
  assert.deepEqual([rest.seqs, rest.keys], [[2], 0])
  rest.answer(durable(2))
  await frames.durable(2)
  shipper.close()
})

test('output waits while more than the bound is not durable', async () => {
  const { frames, next, shipper } = openShipper()
  for (let seq = 1; seq <= 10; seq++) frames.add(frame(seq, 1024 * 1024))
  const room = frames.room()
  assert.ok(room instanceof Promise)
  const seen: number[] = []
  while (seen.length < 10) {
    const sent = await next()
    seen.push(...sent.seqs)
    sent.answer(durable(seen.at(-1)!))
  }
  await room
  assert.equal(frames.room(), undefined)
  assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  assert.ok(unackedLogBytesMax < 10 * 1024 * 1024)
  shipper.close()
})

test('a lost lease is told once and nothing of it is kept', async () => {
  const { frames, next, shipper, told } = openShipper()
  frames.hurry()
  frames.add(frame(1))
  ;(await next()).answer({ leases: { [lease]: { lost: true } } })
  await frames.durable(1)
  assert.equal(told.lost, 1)
  assert.equal(frames.room(), undefined)
  shipper.close()
})

test('with nobody watching the first frames wait for company, the later ones do not', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { frames, next, shipper, count } = openShipper()
  frames.add(frame(1))
  t.mock.timers.tick(unwatchedShipMs - 1)
  frames.add(frame(2))
  await turn()
  assert.equal(count(), 0)
  t.mock.timers.tick(1)
  const first = await next()
  assert.deepEqual(first.seqs, [1, 2])
  first.answer(durable(2))
  await frames.durable(2)
  frames.add(frame(3))
  assert.deepEqual((await next()).seqs, [3])
  shipper.close()
})

test('the first frames of a log are offered once, with its key: stored for who follows it, else kept', async () => {
  for (const isStored of [true, false]) {
    const { frames, next, shipper, told, count, firsts } = openShipper()
    frames.add(frame(1))
    frames.add(frame(2))
    await turn()
    const [offered] = firsts
    assert.deepEqual([offered?.seqs, offered?.keys, firsts.length, count()], [[1, 2], 1, 1, 0])
    frames.add(frame(3))
    offered?.answer(isStored ? durable(2, true) : { leases: {} })
    await turn()
    assert.deepEqual(told.watched, isStored ? [true] : [])
    frames.hurry()
    const rest = await next()
    assert.deepEqual([rest.seqs, rest.keys], isStored ? [[3], 0] : [[1, 2, 3], 1])
    rest.answer(durable(3))
    await frames.durable(3)
    assert.equal(firsts.length, 1)
    shipper.close()
  }
})

test('what finish takes along says whether the server may have a part of it', async () => {
  for (const [answer, mayHave] of [
    [null, true],
    [new Error('no answer'), true],
    [{ leases: {} }, false],
  ] as const) {
    const { frames, shipper, firsts } = openShipper()
    frames.add(frame(1))
    await turn()
    if (answer !== null) firsts[0]?.answer(answer)
    await turn()
    const { items, wasSent } = frames.withhold()
    assert.deepEqual([items.length, wasSent], [1, mayHave])
    firsts[0]?.answer({ leases: { [lease]: { lost: true } } })
    shipper.close()
  }
  const late = openShipper()
  late.frames.add(frame(1))
  assert.equal(late.frames.withhold().wasSent, false)
  await turn()
  assert.equal(late.firsts.length, 0, 'it is on its way already')
  late.shipper.close()
})

test('whoever begins to watch, and a frame too many, end the wait', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const watched = openShipper()
  watched.frames.add(frame(1))
  watched.frames.hurry()
  assert.deepEqual((await watched.next()).seqs, [1])
  watched.shipper.close()
  const large = openShipper()
  large.frames.add(frame(1))
  large.frames.add(frame(2, frameRawBytes))
  assert.deepEqual((await large.next()).seqs, [1, 2])
  large.shipper.close()
})

test('what finish takes along is not sent by itself, and an answer under way decides nothing any more', async () => {
  const { frames, next, shipper, told, count } = openShipper()
  frames.add(frame(1))
  assert.deepEqual([frames.withhold().wasSent, frames.withhold().items.length], [false, 1])
  frames.hurry()
  await turn()
  assert.equal(count(), 0)
  // The form was refused: the separate way.
  const all = frames.durable(1)
  const sent = await next()
  const again = frames.withhold()
  assert.deepEqual([again.wasSent, again.items[0]?.sealedKey], [true, sealedKey])
  sent.answer({ leases: { [lease]: { lost: true } } })
  await turn()
  assert.equal(told.lost, 0)
  shipper.close()
  await all
})

const full = (seq: number, size: number) => ({ ...frame(seq, size), rawBytes: frameRawBytes })

test('full frames wait until a request is full', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { frames, next, shipper, count } = openShipper()
  frames.hurry()
  frames.add(full(1, shipBatchBytes / 2))
  await turn()
  frames.add(full(2, shipBatchBytes / 4))
  await turn()
  assert.equal(count(), 0)
  frames.add(full(3, shipBatchBytes / 2))
  const first = await next()
  assert.deepEqual(first.seqs, [1, 2])
  first.answer(durable(2))
  await turn()
  assert.equal(count(), 0)
  frames.add(frame(4))
  const second = await next()
  assert.deepEqual(second.seqs, [3, 4], 'a frame that is not full ends the wait')
  second.answer(durable(4))
  await frames.durable(4)
  shipper.close()
})

test('full frames wait no more when nothing follows, or somebody waits for them', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { frames, next, shipper, count } = openShipper()
  frames.hurry()
  frames.add(full(1, 1_000))
  await turn()
  t.mock.timers.tick(fastShipMs - 1)
  await turn()
  assert.equal(count(), 0)
  t.mock.timers.tick(1)
  const alone = await next()
  assert.deepEqual(alone.seqs, [1])
  alone.answer(durable(1))
  frames.add(full(2, 1_000))
  await turn()
  assert.equal(count(), 0)
  const done = frames.durable(2)
  const asked = await next()
  assert.deepEqual(asked.seqs, [2])
  asked.answer(durable(2))
  await done
  shipper.close()
})

test('full frames that are kept back are not sent when their wait is over', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { frames, shipper, count } = openShipper()
  frames.hurry()
  frames.add(full(1, 1_000))
  await turn()
  assert.deepEqual([frames.withhold().items.length, frames.withhold().wasSent], [1, false])
  t.mock.timers.tick(fastShipMs)
  await turn()
  assert.equal(count(), 0)
  shipper.close()
})
