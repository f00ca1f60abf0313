// Who may scrape: a token that may `metrics.read`, on loopback, and nobody else.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openTestApp } from '../../../test/support/http-app.ts'
import { silentLog } from '../../base/log.ts'
import { createRunners } from '../runners/runners.ts'
import { createMetrics } from './metrics.ts'
import { openMetricsListener } from './metrics-listener.ts'

const metrics = createMetrics()
const app = await openTestApp({ meter: metrics.meter })
const { access, database } = app
metrics.observe({ database, runners: createRunners({ database }), liveConnections: () => 3 })
const listener = await openMetricsListener({ port: 0, metrics, tokens: access.tokens, log: silentLog })
after(() => listener.close())

const tokenWith = async (...scopes: string[]): Promise<string> => {
  const made = await access.tokens.create(access.operator, { name: 'scrape', scopes, days: 1 })
  return made.secret.reveal('the test scrapes with it')
}
const scrape = (token?: string, path = '/metrics', method = 'GET') =>
  fetch(`http://127.0.0.1:${listener.port}${path}`, {
    method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })

test('a scrape needs a token that may metrics.read', async () => {
  const open = await scrape()
  assert.deepEqual([open.status, open.headers.get('www-authenticate')], [401, 'Bearer realm="metrics"'])
  assert.equal(await open.text(), '')
  assert.equal((await scrape(`mfp_${'0'.repeat(49)}`)).status, 401)
  assert.equal((await scrape(await tokenWith('run.view'))).status, 403)
  const token = await tokenWith('metrics.read')
  assert.equal((await scrape(token, '/')).status, 404)
  assert.equal((await scrape(token, '/metrics', 'POST')).status, 405)
  assert.equal((await scrape(token)).status, 200)
  const people = await app.call('GET', '/metrics', { token, browser: false })
  assert.equal(people.status, 404, 'the port of people has none')
})

test('it says what waits and runs, what the pool does, how late the event loop is, and how requests were answered', async () => {
  await app.call('GET', '/api/v1/runs/run_00000000000000000000000000', {
    cookie: await app.signInAs('viewer'),
  })
  const answer = await scrape(await tokenWith('metrics.read'))
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  const text = await answer.text()
  for (const line of [
    'mayfly_database_up 1',
    'mayfly_queue_depth{state="ready"} 0',
    'mayfly_queue_depth{state="held"} 0',
    'mayfly_attempts_running{kind="job"} 0',
    'mayfly_runners{status="online"} 0',
    'mayfly_database_waiting 0',
    'mayfly_live_connections 3',
    'mayfly_http_request_seconds_count{route="/api/v1/runs/:run",method="GET",status="4xx"} 1',
  ])
    assert.ok(text.includes(`${line}\n`), line)
  assert.match(text, /^mayfly_database_connections\{state="idle"\} \d/m)
  assert.match(text, /^nodejs_eventloop_lag_p99_seconds \S/m)
})

test('a scrape tells of its own moment, not of the one before', async () => {
  const counted = createMetrics()
  const open = { sockets: 1 }
  counted.observe({ database, runners: createRunners({ database }), liveConnections: () => open.sockets })
  const first = await counted.scrape()
  open.sockets = 2
  const second = await counted.scrape()
  for (const line of ['mayfly_live_connections 1', 'mayfly_queue_depth{state="ready"} 0'])
    assert.ok(first.text.includes(`${line}\n`), line)
  assert.ok(second.text.includes('mayfly_live_connections 2\n'))
})

test('while the database is away the token cannot be looked up, and the scrape says so', async () => {
  const token = await tokenWith('metrics.read')
  const deaf = await openMetricsListener({
    ...{ port: 0, metrics, log: silentLog },
    tokens: { findBearer: () => Promise.reject(new Error('away')) },
  })
  after(() => deaf.close())
  const answer = await fetch(`http://127.0.0.1:${deaf.port}/metrics`, {
    headers: { authorization: `Bearer ${token}` },
  })
  assert.equal(answer.status, 503)
})
