import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeFollowerFrame } from '../../protocol/live.ts'
import { catchUpMs, openWithinMs, pingEveryMs, pollEveryMs, pongWithinMs } from '../limits.ts'
import { backoffMs, type SocketEvents } from './live-connection.ts'
import { createLiveSession, type LiveEvent, type LiveState } from './live-session.ts'

/** A world with a clock that is moved by hand and sockets that do what the test says. */
const createWorld = () => {
  const timers: { at: number; run: () => void; on: boolean }[] = []
  const sockets: {
    events: SocketEvents
    sent: { t: string; topic?: string; cursor?: number }[]
    isOpen: boolean
  }[] = []
  const states: LiveState[] = []
  let now = 0
  let signedOut = 0
  const session = createLiveSession({
    connect: (events) => {
      const socket = { events, sent: [] as (typeof sockets)[number]['sent'], isOpen: true }
      sockets.push(socket)
      return {
        send: (text) => socket.sent.push(JSON.parse(text)),
        close: () => {
          socket.isOpen = false
        },
      }
    },
    now: () => now,
    after: (ms, run) => {
      const timer = { at: now + ms, run, on: true }
      timers.push(timer)
      return () => {
        timer.on = false
      }
    },
    random: () => 0,
    onState: (state) => states.push(state),
    onSignedOut: () => {
      signedOut++
    },
  })
  return {
    session,
    sockets,
    last: () => sockets.at(-1)!,
    state: () => states.at(-1)!,
    signedOut: () => signedOut,
    pass: async (ms: number) => {
      const end = now + ms
      for (;;) {
        const next = timers.filter((t) => t.on && t.at <= end).sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        now = next.at
        next.on = false
        next.run()
        // Let what the timer started settle before the next one.
        await new Promise((resolve) => setImmediate(resolve))
      }
      now = end
    },
  }
}

const subscribe = (world: ReturnType<typeof createWorld>, topic: string, start: number | null = 0) => {
  const events: LiveEvent[] = []
  const own = { cursor: start, polls: 0, failing: false, events }
  const leave = world.session.subscribe({
    topic,
    cursor: start === null ? null : () => own.cursor ?? 0,
    on: (event) => events.push(event),
    poll: async () => {
      own.polls++
      if (own.failing) throw new Error('unreachable')
    },
  })
  return { ...own, own, leave }
}

const runMessage = (topic: string, rev: number) => JSON.stringify({ t: 'run', topic, rev, run: {}, jobs: [] })

test('topics are sent when the stream opens, with the cursors of that moment', () => {
  const world = createWorld()
  const run = subscribe(world, 'run:1', 7)
  assert.deepEqual(world.last().sent, [])
  run.own.cursor = 9
  world.last().events.onOpen()
  assert.deepEqual(world.last().sent, [{ t: 'sub', topic: 'run:1', cursor: 9 }])
  subscribe(world, 'runs')
  assert.deepEqual(world.last().sent.at(-1), { t: 'sub', topic: 'runs', cursor: 0 })
})

test('after a loss each topic resumes from what its subscriber has by then', async () => {
  const world = createWorld()
  const run = subscribe(world, 'run:1', 1)
  world.last().events.onOpen()
  world.last().events.onMessage(runMessage('run:1', 4))
  run.own.cursor = 4
  world.last().events.onClose(false)
  assert.equal(world.state().kind, 'lost')
  await world.pass(backoffMs(0, 0))
  assert.equal(world.sockets.length, 2)
  world.last().events.onOpen()
  assert.deepEqual(world.last().sent, [{ t: 'sub', topic: 'run:1', cursor: 4 }])
})

test('what a topic without a cursor tells of no more is fetched once its stream is there', async () => {
  const world = createWorld()
  const run = subscribe(world, 'run:1')
  const runs = subscribe(world, 'runs', null)
  world.last().events.onOpen()
  await world.pass(catchUpMs)
  assert.deepEqual([run.own.polls, runs.own.polls], [0, 1])
  world.last().events.onClose(false)
  await world.pass(backoffMs(0, 0))
  world.last().events.onOpen()
  await world.pass(catchUpMs)
  assert.deepEqual([run.own.polls, runs.own.polls], [0, 2])
  const [later, left] = [subscribe(world, 'runs', null), subscribe(world, 'project:1', null)]
  left.leave()
  await world.pass(catchUpMs)
  assert.deepEqual([runs.own.polls, later.own.polls, left.own.polls], [2, 1, 0])
})

test('what could not be fetched then is fetched later', async () => {
  const world = createWorld()
  const runs = subscribe(world, 'runs', null)
  runs.own.failing = true
  world.last().events.onOpen()
  await world.pass(catchUpMs)
  assert.equal(runs.own.polls, 1)
  runs.own.failing = false
  await world.pass(3 * pollEveryMs)
  assert.equal(runs.own.polls, 2)
})

test('the frames of a log are asked for as they are stored', () => {
  const world = createWorld()
  subscribe(world, 'log:att_1', 3)
  world.last().events.onOpen()
  assert.deepEqual(world.last().sent, [{ t: 'sub', topic: 'log:att_1', cursor: 3, codec: 'zstd' }])
})

test('two subscribers of one topic share it from the lower cursor; the last to leave ends it', () => {
  const world = createWorld()
  const first = subscribe(world, 'run:1', 5)
  const second = subscribe(world, 'run:1', 2)
  world.last().events.onOpen()
  assert.deepEqual(world.last().sent, [{ t: 'sub', topic: 'run:1', cursor: 2 }])
  world.last().events.onMessage(runMessage('run:1', 6))
  assert.equal(first.events.length, 1)
  assert.equal(second.events.length, 1)
  first.leave()
  assert.equal(world.last().sent.length, 1)
  second.leave()
  assert.deepEqual(world.last().sent.at(-1), { t: 'unsub', topic: 'run:1' })
})

test('frames go to the log they belong to; noise goes nowhere', () => {
  const world = createWorld()
  const attempt = 'att_00000000000000000000000001'
  const log = subscribe(world, `log:${attempt}`)
  const other = subscribe(world, 'log:att_00000000000000000000000002')
  world.last().events.onOpen()
  const frame = {
    attempt,
    seq: 1,
    step: 0,
    firstLine: 1,
    lines: 1,
    tMs: 5,
    codec: 'deflate-raw' as const,
    body: new Uint8Array([3, 0]),
  }
  world.last().events.onMessage(encodeFollowerFrame(frame))
  world.last().events.onMessage('not json')
  world.last().events.onMessage(new Uint8Array([9, 9]))
  assert.equal(log.events.length, 1)
  assert.equal(other.events.length, 0)
})

test('silence is a loss: a ping without an answer gives the socket up, and what it says later is not heard', async () => {
  const world = createWorld()
  const run = subscribe(world, 'run:1')
  const old = world.last()
  old.events.onOpen()
  await world.pass(pingEveryMs)
  assert.deepEqual(old.sent.at(-1), { t: 'ping' })
  await world.pass(pongWithinMs)
  assert.equal(old.isOpen, false)
  assert.equal(world.state().kind, 'lost')
  old.events.onMessage(runMessage('run:1', 9))
  assert.equal(run.events.length, 0)
})

test('a stream that does not open in time is a loss, too: what it says later is not heard', async () => {
  const world = createWorld()
  const run = subscribe(world, 'run:1')
  await world.pass(openWithinMs + pollEveryMs)
  const [first] = world.sockets
  assert.equal(world.state().kind, 'lost')
  assert.equal(first?.isOpen, false)
  assert.equal(run.own.polls, 1)
  assert.equal(world.sockets.length, 2)
  first?.events.onOpen()
  assert.equal(world.state().kind, 'lost')
  world.last().events.onOpen()
  await world.pass(openWithinMs)
  assert.equal(world.state().kind, 'live')
  assert.equal(world.sockets.length, 2)
})

test('an answered ping keeps the stream', async () => {
  const world = createWorld()
  world.last().events.onOpen()
  await world.pass(pingEveryMs)
  world.last().events.onMessage('{"t":"pong"}')
  await world.pass(pongWithinMs)
  assert.equal(world.state().kind, 'live')
  assert.equal(world.sockets.length, 1)
})

test('while there is no stream the state is fetched, and its age counts from the last success', async () => {
  const world = createWorld()
  const run = subscribe(world, 'run:1')
  world.last().events.onOpen()
  await world.pass(1_000)
  world.last().events.onClose(false)
  assert.equal(world.state().freshAt, 0)
  await world.pass(pollEveryMs)
  assert.equal(run.own.polls, 1)
  assert.equal(world.state().freshAt, 1_000 + pollEveryMs)
  run.own.failing = true
  await world.pass(pollEveryMs)
  assert.equal(run.own.polls, 2)
  assert.equal(world.state().freshAt, 1_000 + pollEveryMs)
  world.last().events.onOpen()
  await world.pass(3 * pollEveryMs)
  assert.equal(run.own.polls, 2)
})

test('the wait doubles to half a minute and is spread', async () => {
  assert.deepEqual(
    [0, 1, 2, 3].map((n) => backoffMs(n, 0)),
    [500, 1_000, 2_000, 4_000],
  )
  assert.equal(backoffMs(50, 0), 30_000)
  assert.equal(backoffMs(50, 0.999) >= 15_000, true)
})

test('a stream that opens and breaks at once is waited for longer and longer', async () => {
  const world = createWorld()
  for (const n of [0, 1, 2, 3]) {
    world.last().events.onOpen()
    world.last().events.onClose(false)
    await world.pass(backoffMs(n, 0) - 1)
    assert.equal(world.sockets.length, n + 1)
    await world.pass(1)
    assert.equal(world.sockets.length, n + 2)
  }
  world.last().events.onOpen()
  await world.pass(pingEveryMs)
  world.last().events.onClose(false)
  await world.pass(backoffMs(0, 0))
  assert.equal(world.sockets.length, 6)
})

test('one may retry at once, and only one socket is tried at a time', async () => {
  const world = createWorld()
  world.last().events.onClose(false)
  world.session.retryNow()
  assert.equal(world.sockets.length, 2)
  world.session.retryNow()
  await world.pass(400)
  assert.equal(world.sockets.length, 2)
})

test('a session that is over is not tried again', async () => {
  const world = createWorld()
  world.last().events.onOpen()
  world.last().events.onClose(true)
  await world.pass(60_000)
  assert.equal(world.signedOut(), 1)
  assert.equal(world.sockets.length, 1)
})

test('a closed session has no timers left that act', async () => {
  const world = createWorld()
  const run = subscribe(world, 'run:1')
  world.last().events.onOpen()
  world.session.close()
  await world.pass(120_000)
  assert.equal(world.sockets.length, 1)
  assert.equal(run.own.polls, 0)
})
