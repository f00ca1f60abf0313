// Live updates over the real runs: committed changes reach a follower by the database's own notices, a follower that was
// away gets exactly what it missed, and nobody hears of another organisation's runs.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { sql } from 'kysely'
import type WebSocket from 'ws'
import { openTestApp, type TestApp } from '../../../test/support/http-app.ts'
import { createPlaces } from '../runs/places.ts'
import { createRuns } from '../runs/runs.ts'

const deadline = () => AbortSignal.timeout(10_000)

const openApp = async () => {
  let listens: Promise<void> | undefined
  const app = await openTestApp({
    work: (parts) => {
      const runs = createRuns({ ...parts, places: createPlaces(parts.newId), compiler: null })
      // The first notice is the one that says that earlier ones may be lost: lists of that time start over.
      listens = new Promise((resolve) => {
        const stop = runs.onChange((notice) => {
          if (notice !== null) return
          stop()
          resolve()
        })
      })
      return { runs }
    },
  })
  await listens
  return app
}

const addProject = async (app: TestApp, organisation: string, digit: string) => {
  const id = `prj_${digit.repeat(26)}`
  await sql`
    insert into projects (id, organisation_id, name, source, source_url, default_branch, hook_id)
    values (${id}, ${organisation}, 'web', '{"kind":"local","root":0,"path":"web"}', 'web', 'main', ${`hok_${digit}`})`.execute(
    app.database.db,
  )
  return id
}

// biome-ignore lint/suspicious/noExplicitAny: messages of every shape
type Message = any

const follow = async (app: TestApp, cookie: string, topic: string, cursor: number) => {
  const socket: WebSocket = app.connect({ cookie, origin: app.site().origin })
  const queue: Message[] = []
  let wake = () => {}
  socket.on('message', (data) => {
    queue.push(JSON.parse(String(data)))
    wake()
  })
  await once(socket, 'open', { signal: deadline() })
  socket.send(JSON.stringify({ t: 'sub', topic, cursor }))
  /** The first message from now on that is wanted; those before it are passed over. */
  const until = async (isWanted: (message: Message) => boolean): Promise<Message> => {
    const late = deadline()
    for (;;) {
      for (let message = queue.shift(); message !== undefined; message = queue.shift())
        if (isWanted(message)) return message
      await new Promise<void>((resolve, reject) => {
        wake = resolve
        late.addEventListener('abort', () => reject(new Error('the message did not come')))
      })
    }
  }
  return { socket, until }
}

test('a change arrives by itself; who was away gets what was missed, and only that', async () => {
  const app = await openApp()
  await addProject(app, app.organisation.id, '1')
  const cookie = await app.signInAs('developer')
  const post = async (path: string, body: object) => {
    const answer = await app.call('POST', path, { cookie, body })
    assert.equal(answer.status, 200, answer.text)
    return answer.json
  }
  const list = await follow(app, cookie, 'runs', 0)
  const run = await post('/api/v1/runs', { project: 'web' })
  await list.until((message) => message.t === 'runs' && message.run.id === run.id)

  const topic = `run:${run.id}`
  const first = await follow(app, cookie, topic, 0)
  const seen = await first.until((message) => message.t === 'run')
  assert.deepEqual(
    seen.jobs.map((job: { id: string }) => job.id),
    run.jobs.map((job: { id: string }) => job.id),
  )
  const cancelled = post(`/api/v1/runs/${run.id}/cancel`, {})
  const news = await first.until((message) => message.run.status === 'cancelled')
  await cancelled
  assert.ok(news.rev > seen.rev)
  first.socket.terminate()

  const back = await follow(app, cookie, topic, seen.rev)
  const missed = await back.until((message) => message.t === 'run')
  assert.deepEqual(
    [missed.rev, missed.jobs.length, missed.run.status],
    [news.rev, run.jobs.length, 'cancelled'],
  )
  const current = await follow(app, cookie, topic, missed.rev)
  current.socket.send('{"t":"ping"}')
  const next = await current.until(() => true)
  assert.equal(next.t, 'pong', 'nothing was missed, so nothing comes')
  for (const { socket } of [list, back, current]) socket.terminate()
})

test('runs of another organisation are not there: not listed, not found, not followed', async () => {
  const app = await openApp()
  const other = `org_${'v'.repeat(26)}`
  await sql`insert into organisations (id, name) values (${other}, 'other')`.execute(app.database.db)
  const project = await addProject(app, other, '2')
  const run = `run_${'2'.repeat(26)}`
  await sql`
    insert into runs (id, organisation_id, project_id, number, status, event_kind, ref, commit, started_by)
    values (${run}, ${other}, ${project}, 1, 'queued', 'push', 'refs/heads/main', ${'a'.repeat(40)}, 'test')`.execute(
    app.database.db,
  )
  const cookie = await app.signInAs('owner')
  assert.deepEqual((await app.call('GET', '/api/v1/runs', { cookie })).json.items, [])
  assert.equal((await app.call('GET', `/api/v1/runs/${run}`, { cookie })).status, 404)
  assert.equal((await app.call('POST', `/api/v1/runs/${run}/cancel`, { cookie, body: {} })).status, 404)
  const { socket, until } = await follow(app, cookie, `run:${run}`, 0)
  assert.deepEqual(await until(() => true), { t: 'refused', topic: `run:${run}`, reason: 'not found' })
  socket.terminate()
})
