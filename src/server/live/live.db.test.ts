// Live updates as a browser sees them: nothing missed and nothing repeated across broken connections, and no longer than
// the session behind them.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { sql } from 'kysely'
import type WebSocket from 'ws'
import { noWork, openTestApp, type TestApp } from '../../../test/support/http-app.ts'
import { attemptId, memoryLog, memoryRuns, projectId, runId } from '../../../test/support/live-sources.ts'
import { fromBase64 } from '../../base/bytes.ts'
import { fault } from '../../base/faults.ts'
import type { OrganisationId } from '../../base/ids.ts'
import type { Attempt } from '../../protocol/api/shapes.ts'
import { parseFollowerFrame } from '../../protocol/live.ts'
import type { Logs } from '../log-use-cases.ts'
import { expiredFault } from '../stored/expired.ts'
import type { Runs } from '../use-cases.ts'
import { limits } from './limits.ts'

const deadline = () => AbortSignal.timeout(10_000)
const logTopic = `log:${attemptId}`
const runTopic = `run:${runId}`

// biome-ignore lint/suspicious/noExplicitAny: messages of every shape
type Message = any

const openSocket = async (app: TestApp, cookie: string): Promise<WebSocket> => {
  const socket = app.connect({ cookie, origin: app.site().origin })
  await once(socket, 'open', { signal: deadline() })
  return socket
}

/** Everything that comes in, in order; frames as `{t: 'frame', seq}`. */
async function* messagesOf(socket: WebSocket): AsyncIterable<Message> {
  const queue: Message[] = []
  let wake = () => {}
  socket.on('message', (data: Buffer, isBinary) => {
    const frame = isBinary ? parseFollowerFrame(data) : null
    queue.push(frame === null ? JSON.parse(String(data)) : { t: 'frame', seq: frame.seq, bytes: data.length })
    wake()
  })
  socket.on('close', () => wake())
  for (;;) {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) yield next
    if (socket.readyState !== socket.OPEN) return
    await new Promise<void>((resolve, reject) => {
      wake = resolve
      AbortSignal.timeout(10_000).addEventListener('abort', () => reject(new Error('no message for 10 s')))
    })
  }
}

const subscribe = (socket: WebSocket, topic: string, cursor: number) =>
  socket.send(JSON.stringify({ t: 'sub', topic, cursor }))

const nextMessage = async (socket: WebSocket): Promise<Message> => {
  const [data] = await once(socket, 'message', { signal: deadline() })
  return JSON.parse(String(data))
}

const closeOf = async (socket: WebSocket): Promise<[number, string]> => {
  const [code, reason] = await once(socket, 'close', { signal: deadline() })
  return [code, String(reason)]
}

test('a log is complete and in order, however often the connection breaks', async () => {
  const log = memoryLog()
  const app = await openTestApp({ work: { logs: { ...noWork.logs, follow: log.follow } } })
  const cookie = await app.signInAs('viewer')
  const total = 400
  let written = 0
  const writer = setInterval(() => {
    for (let i = 0; i < 5 && written < total; i++, written++) log.append()
    if (written === total) log.complete()
  }, 2)
  const seen: number[] = []
  let end: Message
  for (let connection = 0; end === undefined; connection++) {
    assert.ok(connection < 200, 'the log does not end')
    const socket = await openSocket(app, cookie)
    const stopAfter = 1 + ((connection * 7) % 40)
    let received = 0
    subscribe(socket, logTopic, seen.at(-1) ?? 0)
    for await (const message of messagesOf(socket)) {
      if (message.t === 'log-end') end = message
      else seen.push(message.seq)
      if (end !== undefined || ++received === stopAfter) break
    }
    // Without a goodbye, as when a train enters a tunnel.
    socket.terminate()
  }
  clearInterval(writer)
  assert.deepEqual(
    seen,
    Array.from({ length: total }, (_, i) => i + 1),
  )
  assert.deepEqual(end, { t: 'log-end', topic: logTopic, last: total })
})

test('a run is followed by its rev: every change arrives, none twice, and the end state is the true one', async () => {
  const runs = memoryRuns(5, () => app.organisation.id)
  const app = await openTestApp({ work: { runs: { ...noWork.runs, ...runs.source } } })
  const cookie = await app.signInAs('viewer')
  let changes = 0
  const writer = setInterval(() => {
    if (changes < 200) runs.change(changes++, `change ${changes}`)
  }, 1)
  let cursor = 0
  const jobs = new Map<string, { rev: number; name: string }>()
  while (cursor < 201) {
    const socket = await openSocket(app, cookie)
    subscribe(socket, runTopic, cursor)
    let received = 0
    for await (const message of messagesOf(socket)) {
      assert.ok(message.rev > cursor, 'a rev came twice')
      for (const job of message.jobs) {
        assert.ok(job.rev > cursor && job.rev <= message.rev, 'a job came twice or too early')
        jobs.set(job.id, job)
      }
      cursor = message.rev
      if (cursor === 201 || ++received === 3) break
    }
    socket.terminate()
  }
  clearInterval(writer)
  assert.deepEqual(
    [...jobs.values()].sort((a, b) => a.rev - b.rev),
    [...runs.jobs].sort((a, b) => a.rev - b.rev),
  )
})

test('many watchers of one run cost one read per change', async () => {
  const runs = memoryRuns(1, () => app.organisation.id)
  const app = await openTestApp({ work: { runs: { ...noWork.runs, ...runs.source } } })
  const cookie = await app.signInAs('viewer')
  const sockets = await Promise.all(Array.from({ length: 20 }, () => openSocket(app, cookie)))
  const first = sockets.map((socket) => nextMessage(socket))
  for (const socket of sockets) subscribe(socket, runTopic, 0)
  await Promise.all(first)
  const before = runs.state.reads
  const second = sockets.map((socket) => nextMessage(socket))
  runs.change(0, 'news')
  for (const message of await Promise.all(second)) assert.equal(message.jobs[0].name, 'news')
  assert.equal(runs.state.reads - before, 1)
  for (const socket of sockets) socket.terminate()
})

test('lists hear about runs of their project and organisation only, and start over when news were lost', async () => {
  let organisation = 'org_other' as OrganisationId
  const runs = memoryRuns(1, () => organisation)
  const app = await openTestApp({ work: { runs: { ...noWork.runs, ...runs.source } } })
  const socket = await openSocket(app, await app.signInAs('viewer'))
  const closed = closeOf(socket)
  const messages = messagesOf(socket)[Symbol.asyncIterator]()
  const next = async () => (await messages.next()).value
  const settled = async () => {
    socket.send('{"t":"ping"}')
    assert.equal((await next()).t, 'pong')
  }
  subscribe(socket, 'runs', 0)
  subscribe(socket, `project:prj_${'1'.repeat(26)}`, 0)
  await settled()
  runs.change(0, 'not ours')
  organisation = app.organisation.id
  runs.change(0, 'ours')
  assert.deepEqual(await next(), { t: 'runs', topic: 'runs', run: { id: runId, rev: 3 } })
  subscribe(socket, `project:${projectId}`, 0)
  await settled()
  runs.change(0, 'ours again')
  const topics = [(await next()).topic, (await next()).topic].sort()
  assert.deepEqual(topics, [`project:${projectId}`, 'runs'])
  runs.loseNotices()
  assert.deepEqual(await closed, [1011, 'broken'])
})

test('what can never be told is refused by its words, and the other topics of the connection go on', async () => {
  const runs = memoryRuns(1, () => app.organisation.id)
  let follows = 0
  // biome-ignore lint/correctness/useYield: nothing of it is there any more.
  const follow: Logs['follow'] = async function* () {
    follows++
    throw expiredFault({ kind: 'log', removedAt: new Date('2026-11-01'), days: 30 })
  }
  const app = await openTestApp({
    work: { logs: { ...noWork.logs, follow }, runs: { ...noWork.runs, ...runs.source } },
  })
  const socket = await openSocket(app, await app.signInAs('viewer'))
  subscribe(socket, logTopic, 0)
  const refused = await nextMessage(socket)
  assert.deepEqual([refused.t, refused.topic], ['refused', logTopic])
  assert.match(refused.reason, /removed on 2026-11-01/)
  subscribe(socket, runTopic, 0)
  assert.equal((await nextMessage(socket)).t, 'run')
  assert.equal(follows, 1)
  socket.terminate()
})

test('a log that was stored elsewhere while it was read is there for who comes back', async () => {
  // biome-ignore lint/correctness/useYield: it breaks off before the next frame.
  const follow: Logs['follow'] = async function* () {
    throw fault('E_CONFLICT', { public: 'The log was stored elsewhere while it was read: read it again' })
  }
  const app = await openTestApp({ work: { logs: { ...noWork.logs, follow } } })
  const socket = await openSocket(app, await app.signInAs('viewer'))
  const closed = closeOf(socket)
  subscribe(socket, logTopic, 0)
  assert.deepEqual(await closed, [1011, 'broken'])
})

test('past its seats a credential is told how long to wait, on a socket and on events alike', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('viewer')
  const headers = { cookie, origin: app.site().origin }
  const open: WebSocket[] = []
  while (open.length < limits.connectionsPerCredential) open.push(await openSocket(app, cookie))
  const late = app.connect(headers)
  late.on('error', () => undefined)
  const [, refused] = await once(late, 'unexpected-response', { signal: deadline() })
  const chunks: Buffer[] = []
  for await (const chunk of refused) chunks.push(chunk)
  const problem = JSON.parse(Buffer.concat(chunks).toString())
  assert.deepEqual(
    [refused.statusCode, refused.headers['retry-after'], refused.headers['content-type'], problem.code],
    [429, '60', 'application/problem+json', 'MF4029'],
  )
  const events = await app.call('GET', '/events?topic=runs', { cookie })
  assert.deepEqual(
    [events.status, events.headers.get('retry-after'), events.json.code],
    [429, '60', 'MF4029'],
  )
  for (const socket of open) socket.terminate()
})

test('a handshake needs a session and exactly our origin, or a token', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('viewer')
  const { origin } = app.site()
  const refusal = async (headers: Record<string, string>): Promise<number> => {
    const socket = app.connect(headers)
    socket.on('error', () => undefined)
    const [, response] = await once(socket, 'unexpected-response', { signal: deadline() })
    return response.statusCode
  }
  assert.equal(await refusal({ origin }), 401)
  assert.equal(await refusal({ origin, cookie: 'mf_s=wrong' }), 401)
  assert.equal(await refusal({ cookie }), 403)
  assert.equal(await refusal({ cookie, origin: 'http://evil.example' }), 403)
  assert.equal(await refusal({ authorization: 'Bearer wrong', cookie, origin }), 401)
  const made = await app.call('POST', '/api/v1/tokens', { cookie, body: { name: 't', scopes: ['run.view'] } })
  const socket = app.connect({ authorization: `Bearer ${made.json.secret}` })
  await once(socket, 'open', { signal: deadline() })
  subscribe(socket, logTopic, 0)
  assert.deepEqual(await nextMessage(socket), { t: 'refused', topic: logTopic, reason: 'not allowed' })
  assert.equal((await app.call('DELETE', `/api/v1/tokens/${made.json.token.id}`, { cookie })).status, 200)
  assert.deepEqual(await closeOf(socket), [4401, 'signed-out'])
})

test('signing out ends the socket at once; a session that another server ended, at the next beat', async () => {
  const log = memoryLog()
  const app = await openTestApp({
    pace: { beatMs: 50, stalledMs: 1000 },
    work: { logs: { ...noWork.logs, follow: log.follow } },
  })
  const cookie = await app.signInAs('viewer')
  const socket = await openSocket(app, cookie)
  const closed = closeOf(socket)
  await app.call('POST', '/api/v1/sign-out', { cookie, body: {} })
  assert.deepEqual(await closed, [4401, 'signed-out'])

  const elsewhere = await openSocket(app, await app.signInAs('viewer'))
  subscribe(elsewhere, logTopic, 0)
  await sql`delete from sessions`.execute(app.database.db)
  assert.deepEqual(await closeOf(elsewhere), [4401, 'signed-out'])
})

test('what is no message of ours ends the connection', async () => {
  const app = await openTestApp()
  const cookie = await app.signInAs('viewer')
  const check = async (data: string | Buffer, code: number) => {
    const socket = await openSocket(app, cookie)
    const closed = closeOf(socket)
    socket.send(data)
    assert.equal((await closed)[0], code, String(data).slice(0, 40))
  }
  await check('not json', 1008)
  await check('{"t":"sub","topic":"runs"}', 1008)
  await check('{"t":"sub","topic":"runs","cursor":-1}', 1008)
  await check('{"t":"ping","more":1}', 1008)
  await check(Buffer.from('{"t":"ping"}'), 1008)
  await check('x'.repeat(5000), 1009)
  const socket = await openSocket(app, cookie)
  const closed = closeOf(socket)
  for (let i = 0; i < 300; i++) socket.send('{"t":"ping"}')
  assert.equal((await closed)[0], 1008)
})

test('a reader that does not read holds up only itself, costs little, and resumes', async () => {
  const frameBytes = 128 * 1024
  const log = memoryLog(frameBytes)
  for (let i = 0; i < 400; i++) log.append()
  log.complete()
  const app = await openTestApp({
    pace: { beatMs: 60_000, stalledMs: 300 },
    work: { logs: { ...noWork.logs, follow: log.follow } },
  })
  const cookie = await app.signInAs('viewer')
  const socket = await openSocket(app, cookie)
  subscribe(socket, logTopic, 0)
  socket.pause()
  const wait = deadline()
  while (app.live.connections() > 0 && !wait.aborted) await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(app.live.connections(), 0, 'the stalled reader was let go')
  // What lies in kernel buffers does not count as ours; far less than the log was read for it.
  assert.ok(log.state.read < 200, `${log.state.read} frames were read for nobody`)
  const again = await openSocket(app, cookie)
  subscribe(again, logTopic, 398)
  const seqs: number[] = []
  for await (const message of messagesOf(again)) {
    if (message.t === 'log-end') break
    seqs.push(message.seq)
  }
  assert.deepEqual(seqs, [399, 400])
  again.terminate()
  socket.terminate()
})

// SAFE: it is asked whether there is one, and nothing of it.
const findAttempt: Runs['findAttempt'] = async (_scope, id) =>
  id === attemptId ? ({ id } as unknown as Attempt) : null

/** Events of a stream as `{id, event, data}`, until it ends or `most` have come. */
const readEvents = async (
  app: TestApp,
  path: string,
  headers: Record<string, string>,
  most = Number.POSITIVE_INFINITY,
) => {
  const stop = new AbortController()
  const response = await fetch(app.base + path, {
    headers,
    signal: AbortSignal.any([stop.signal, deadline()]),
  })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  assert.ok(response.headers.get('content-security-policy'))
  const events: Record<string, string>[] = []
  let text = ''
  const take = () => {
    const parts = text.split('\n\n')
    text = parts.pop() ?? ''
    for (const part of parts.filter((block) => !block.startsWith(':')))
      events.push(Object.fromEntries(part.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2))))
  }
  try {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      take()
      if (events.length >= most || events.some((event) => event.data?.includes('log-end'))) break
    }
  } finally {
    stop.abort()
  }
  return events
}

test('tools follow the same topics as server-sent events and resume with Last-Event-ID', async () => {
  const log = memoryLog()
  const runs = memoryRuns(1, () => app.organisation.id)
  const app = await openTestApp({
    work: {
      logs: { ...noWork.logs, follow: log.follow },
      runs: { ...noWork.runs, ...runs.source, findAttempt },
    },
  })
  const cookie = await app.signInAs('viewer')
  for (let i = 0; i < 5; i++) log.append()
  log.complete()
  const events = await readEvents(app, `/events?topic=${logTopic}`, { cookie })
  assert.deepEqual(
    events.map((event) => event.id),
    ['1', '2', '3', '4', '5', undefined],
  )
  const frame = parseFollowerFrame(fromBase64(events[0]?.data ?? '') ?? new Uint8Array())
  assert.deepEqual([events[0]?.event, frame?.seq], ['frame', 1])
  const resumed = await readEvents(app, `/events?topic=${logTopic}`, { cookie, 'last-event-id': '3' })
  assert.deepEqual(
    resumed.map((event) => event.id),
    ['4', '5', undefined],
  )
  const [run] = await readEvents(app, `/events?topic=${runTopic}`, { cookie }, 1)
  assert.deepEqual([run?.id, JSON.parse(run?.data ?? '').t], ['1', 'run'])
  assert.equal((await app.call('GET', '/events?topic=runs')).status, 401)
  assert.equal((await app.call('GET', '/events?topic=nonsense', { cookie })).status, 404)
  assert.equal((await app.call('GET', '/events', { cookie })).status, 400)
})

test('what is not there is said at once, by its status, and no stream stays open for it', async () => {
  const runs = memoryRuns(1, () => app.organisation.id)
  const app = await openTestApp({ work: { runs: { ...noWork.runs, ...runs.source, findAttempt } } })
  const cookie = await app.signInAs('viewer')
  const other = '1'.repeat(26)
  for (const topic of [`run:run_${other}`, `log:att_${other}`, `project:prj_${other}`, 'run:x', 'nothing']) {
    const answer = await app.call('GET', `/events?topic=${topic}`, { cookie })
    assert.deepEqual([answer.status, answer.json.code], [404, 'MF4004'], topic)
    assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  }
  const refused = await app.call('HEAD', `/events?topic=run:run_${other}`, { cookie })
  assert.deepEqual([refused.status, refused.text], [404, ''])
})

test('a stream whose topic goes away says so and ends', async () => {
  const runs = memoryRuns(1, () => app.organisation.id)
  let isGone = false
  const jobsSince: Runs['jobsSince'] = async (...asked) => (isGone ? null : runs.source.jobsSince(...asked))
  const app = await openTestApp({ work: { runs: { ...noWork.runs, ...runs.source, jobsSince } } })
  const cookie = await app.signInAs('viewer')
  const response = await fetch(`${app.base}/events?topic=${runTopic}`, {
    headers: { cookie },
    signal: deadline(),
  })
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString()
    if (!text.includes('"t":"run"') || isGone) continue
    isGone = true
    runs.change(0, 'last')
  }
  assert.match(text, /"t":"refused".*not found/)
})
