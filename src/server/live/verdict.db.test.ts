// GET /runs/:run/wait over the real runs: answered by the notice of the commit that ends the run, whatever happened to the
// connections of those who waited; nobody keeps a seat that they do not sit on.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { openTestApp, type TestApp } from '../../../test/support/http-app.ts'
import { createPlaces } from '../runs/places.ts'
import { createRuns } from '../runs/runs.ts'
import type { RunNotice } from '../use-cases.ts'
import { limits } from './limits.ts'

const open = async () => {
  const watching = { count: 0 }
  const app = await openTestApp({
    work: (parts) => {
      const runs = createRuns({ ...parts, places: createPlaces(parts.newId), compiler: null })
      const onChange = (handler: (notice: RunNotice | null) => void) => runs.onChange(handler)
      const jobsSince: typeof runs.jobsSince = (...asked) => {
        watching.count++
        return runs.jobsSince(...asked)
      }
      return { runs: { ...runs, onChange, jobsSince } }
    },
  })
  await sql`
    insert into projects (id, organisation_id, name, source, source_url, default_branch, hook_id)
    values (${`prj_${'1'.repeat(26)}`}, ${app.organisation.id}, 'web', '{"kind":"local","root":0,"path":"web"}', 'web', 'main', 'hok_1')`.execute(
    app.database.db,
  )
  const cookie = await app.signInAs('developer')
  const post = async (path: string, body: object) => {
    const answer = await app.call('POST', path, { cookie, body })
    assert.equal(answer.status, 200, answer.text)
    return answer.json
  }
  const run = await post('/api/v1/runs', { project: 'web' })
  const path = `/api/v1/runs/${run.id}/wait`
  return {
    ...{ app, cookie, run, path, watching },
    end: () => post(`/api/v1/runs/${run.id}/cancel`, {}),
    wait: (query = '') => app.call('GET', path + query, { cookie }),
  }
}

const until = async (what: string, isSo: () => boolean | Promise<boolean>) => {
  for (const late = AbortSignal.timeout(20_000); !(await isSo()); await sleep(50))
    assert.ok(!late.aborted, `not in time: ${what}`)
}

/** Asks by hand, so that the connection can be broken without a goodbye. */
const askBare = async (app: TestApp, path: string, cookie: string) => {
  const { hostname, port } = new URL(app.base)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(`GET ${path}?timeout=300 HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncookie: ${cookie}\r\n\r\n`)
  return socket
}

test('it is answered when the run ends, and at once when it has ended', async () => {
  const { wait, end, run, watching } = await open()
  const held = wait('?timeout=300')
  await until('somebody waits', () => watching.count >= 2)
  const before = watching.count
  await end()
  const answer = await held
  assert.deepEqual([answer.status, answer.json.id, answer.json.status], [200, run.id, 'cancelled'])
  assert.ok(watching.count - before <= 4, 'woken by notices, not by looking again and again')
  assert.equal((await wait()).json.status, 'cancelled')
})

test('when the time is over it says so, and when to ask again', async () => {
  const { wait } = await open()
  const answer = await wait('?timeout=0')
  assert.deepEqual([answer.status, answer.json.code, answer.headers.get('retry-after')], [408, 'MF4040', '1'])
  for (const wrong of ['301', '-1', 'x']) assert.equal((await wait(`?timeout=${wrong}`)).status, 400)
})

test('must=pass makes a run that did not pass an error, for programs that know only that', async () => {
  const { wait, end } = await open()
  await end()
  const answer = await wait('?must=pass')
  assert.deepEqual([answer.status, answer.json.code], [409, 'MF4041'])
  assert.match(answer.json.detail, /^Run 1 of web: cancelled$/)
  assert.equal((await wait()).status, 200)
})

test('whoever loses its connection gives its seat back, and is answered when it asks again', async () => {
  const { app, cookie, path, end, wait, watching } = await open()
  // Twice as many as may sit at once: they come and break, one after another.
  for (let broken = 0; broken < 2 * limits.connectionsPerCredential; broken += 20) {
    const before = watching.count
    const sockets = await Promise.all(Array.from({ length: 20 }, () => askBare(app, path, cookie)))
    await until('they wait', () => watching.count > before)
    for (const socket of sockets) socket.resetAndDestroy()
  }
  const held = wait('?timeout=300')
  await end()
  assert.deepEqual([(await held).status, (await held).json.status], [200, 'cancelled'])
})

test('a session that ends while it waits is told so', async () => {
  const { app, cookie, wait, watching } = await open()
  const held = wait('?timeout=300')
  await until('somebody waits', () => watching.count >= 2)
  await app.call('POST', '/api/v1/sign-out', { cookie, body: {} })
  assert.equal((await held).status, 401)
})

test('more than may be connected at once are told to come back', async () => {
  const { app, cookie, path, wait } = await open()
  const sockets = await Promise.all(
    // Some more: whoever looks whether a seat is free sits on one meanwhile.
    Array.from({ length: limits.connectionsPerCredential + 20 }, () => askBare(app, path, cookie)),
  )
  await until('no seat is free', async () => (await wait('?timeout=0')).status === 429)
  for (const socket of sockets) socket.resetAndDestroy()
  await until('seats are free again', async () => (await wait('?timeout=0')).status === 408)
})

test('plain curl waits as long as it takes, and its exit says how the run ended', async () => {
  const { app, cookie, path, end, watching } = await open()
  const curl = (query: string) => {
    const asked = [
      '--silent',
      '--fail',
      '--retry',
      '1000',
      '--retry-connrefused',
      `${app.base}${path}${query}`,
    ]
    const child = spawn('curl', ['--cookie', cookie, ...asked], { stdio: ['ignore', 'pipe', 'inherit'] })
    return Promise.all([once(child, 'exit'), child.stdout.toArray()])
  }
  const [any, good] = [curl('?timeout=1'), curl('?timeout=1&must=pass')]
  // Each looks twice in a request.
  await until('both have asked again', () => watching.count >= 6)
  await end()
  const [[code], output] = await any
  assert.deepEqual([code, JSON.parse(String(output.at(-1))).status], [0, 'cancelled'])
  assert.equal((await good)[0][0], 22)
})
