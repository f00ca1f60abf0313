// What a run leaves behind for a collector and a scraper: a scripted runner carries it out over the real protocol, the
// collector is a server of this test that decodes what arrives.
import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner, type ScriptedRunner } from '../../../test/support/scripted-runner.ts'
import { parseId, type RunId } from '../../base/ids.ts'
import { silentLog } from '../../base/log.ts'
import { Secret } from '../../base/secret.ts'
import { readEndedRun } from './ended-run.ts'
import { createMetrics } from './metrics.ts'
import { watchRunEnds } from './run-ends.ts'
import { tracesUrl } from './settings.ts'
import { createTracer } from './tracer.ts'

const metrics = createMetrics()
const parts = await openParts({ meter: metrics.meter })
const project = await addLocalProject(parts, 'shop')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'one'))
after(() => runner.close())

type OtlpSpan = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: { key: string; value: { stringValue?: string; intValue?: string } }[]
  links?: { traceId: string; spanId: string }[]
  status: { code?: number }
}
type Body = {
  resourceSpans: {
    resource: { attributes: OtlpSpan['attributes'] }
    scopeSpans: { spans: OtlpSpan[] }[]
  }[]
}

/** A collector on a port of its own; `state.status` is what it answers. */
const openCollector = async () => {
  const state = { status: 200, afterMs: 0 }
  const asked: string[] = []
  const taken: { url: string; headers: IncomingHttpHeaders; text: string; body: Body }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      asked.push(text)
      if (state.status === 200)
        taken.push({ url: request.url ?? '', headers: request.headers, text, body: JSON.parse(text) })
      const answer = () => response.writeHead(state.status, { 'content-type': 'application/json' }).end('{}')
      setTimeout(state.afterMs).then(answer)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const spans = () => taken.flatMap(({ body }) => body.resourceSpans[0]?.scopeSpans[0]?.spans ?? [])
  return { state, taken, asked, spans, endpoint: `http://127.0.0.1:${port}` }
}

const open = async (endpoint: string) => {
  const tracer = createTracer({
    ...{ db: parts.db, clock: parts.clock, log: silentLog, organisation: 'acme' },
    collector: {
      ...{ url: tracesUrl(endpoint), version: 'test' },
      headers: new Map([['x-key', new Secret('k-123')]]),
    },
    site: () => ({ url: 'http://localhost:8420' }),
  })
  const ends = watchRunEnds({
    ...{ database: parts.database, log: silentLog },
    onEnd: (run) => {
      metrics.countRun(run)
      tracer.send(run)
    },
  })
  const close = async () => {
    ends.close()
    await tracer.close()
  }
  return { tracer, ends, close }
}

type Held = Awaited<ReturnType<ScriptedRunner['take']>>[number]
const one = async (): Promise<Held> => (await runner.take())[0] ?? assert.fail()

/** Plan, a job that fails with us and is tried again, and its second attempt with two steps. */
const carryOut = async (): Promise<RunId> => {
  const { id } = await parts.runs.startRun(parts.actor, {
    ...{ project, ref: 'main' },
    parameters: { token: 'parameter-that-nobody-sends' },
  })
  await runner.finishPlan(await one(), [{ key: 'unit' }])
  const first = await one()
  await runner.finish(first, { outcome: 'errored', reason: { code: 'E_SANDBOX', message: 'no nest' } })
  const second = await one()
  await runner.frames(second, 0, 'hello\n')
  const step = { leftovers: 0, message: null, kind: 'step-finished', ms: 20 } as const
  await runner.events(second, [
    { seq: 1, atMs: 10, kind: 'step-started', step: 0, name: 'checkout', type: 'checkout' },
    { ...step, seq: 2, atMs: 30, step: 0, status: 'passed', exitCode: 0 },
    { seq: 3, atMs: 40, kind: 'step-started', step: 1, name: 'npm test', type: 'run' },
    { ...step, seq: 4, atMs: 60, step: 1, status: 'failed', exitCode: 3 },
  ])
  await runner.finish(second, {
    ...{ outcome: 'failed', reason: { code: null, message: 'exit code 3' }, lastEvent: 4 },
  })
  return parseId('run', id) ?? assert.fail()
}

const attributeOf = (span: OtlpSpan, key: string) => {
  const value = span.attributes.find((attribute) => attribute.key === key)?.value
  return value?.stringValue ?? value?.intValue
}

test('a run that ended is one trace: its attempts, and in each queue, sandbox, steps and finish', async () => {
  const collector = await openCollector()
  const { ends, close } = await open(collector.endpoint)
  const run = await carryOut()
  await ends.look()
  await close()
  assert.equal(collector.taken.length, 1)
  const { url, headers, text, body } = collector.taken[0] ?? assert.fail()
  assert.deepEqual(
    [url, headers['content-type'], headers['x-key']],
    ['/v1/traces', 'application/json', 'k-123'],
  )
  assert.deepEqual(body.resourceSpans[0]?.resource.attributes[0], {
    ...{ key: 'service.name', value: { stringValue: 'mayfly' } },
  })
  const spans = collector.spans()
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1)
  assert.ok(spans.every((span) => /^[0-9a-f]{32}$/.test(span.traceId) && /^[0-9a-f]{16}$/.test(span.spanId)))
  assert.ok(spans.every((span) => BigInt(span.startTimeUnixNano) <= BigInt(span.endTimeUnixNano)))
  const [root] = spans.filter(({ parentSpanId }) => parentSpanId === undefined)
  assert.ok(root)
  assert.deepEqual([root.name, root.kind, root.status.code], ['RUN shop', 2, 2])
  assert.equal(attributeOf(root, 'cicd.pipeline.run.id'), run)
  assert.equal(attributeOf(root, 'cicd.pipeline.result'), 'failure')
  assert.equal(attributeOf(root, 'vcs.ref.head.name'), 'main')
  assert.match(attributeOf(root, 'cicd.pipeline.run.url.full') ?? '', /\/acme\/shop\/runs\/1$/)
  const below = (parent: OtlpSpan) => spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId)
  const attempts = below(root)
  assert.deepEqual(
    attempts.map(({ name }) => name),
    ['plan', 'unit', 'unit'],
  )
  const [plan, first, second] = attempts
  assert.ok(plan && first && second)
  assert.deepEqual(
    below(plan).map(({ name }) => name),
    ['queue', 'sandbox'],
  )
  assert.deepEqual(second.links, [{ traceId: root.traceId, spanId: first.spanId }])
  assert.equal(attributeOf(first, 'cicd.pipeline.task.run.result'), 'error')
  assert.deepEqual(
    below(second).map(({ name, status }) => [name, status.code]),
    [
      ...[
        ['queue', undefined],
        ['sandbox', undefined],
        ['checkout', undefined],
        ['npm test', 2],
      ],
      ['finish', undefined],
    ],
  )
  for (const hidden of ['parameter-that-nobody-sends', 'Say hello', 'A. Uthor', '/srv/git', 'exit code 3'])
    assert.equal(text.includes(hidden), false, hidden)
})

test('what a collector did not take is sent when it takes again, once, also by a server that was started anew', async () => {
  const collector = await openCollector()
  const before = await open(collector.endpoint)
  collector.state.status = 503
  await carryOut()
  await before.ends.look()
  await assert.rejects(before.tracer.sendMissed(), { code: 'E_COLLECTOR' })
  await before.close()
  assert.equal(collector.taken.length, 0)
  collector.state.status = 200
  const restarted = await open(collector.endpoint)
  assert.equal(await restarted.tracer.sendMissed(), 1)
  assert.equal(await restarted.tracer.sendMissed(), 0)
  await restarted.close()
  assert.equal(collector.spans().filter(({ parentSpanId }) => parentSpanId === undefined).length, 1)
})

test('a trace that the collector refuses for good holds back no other', async () => {
  const collector = await openCollector()
  const { tracer, ends, close } = await open(collector.endpoint)
  collector.state.status = 413
  await carryOut()
  await ends.look()
  assert.equal(await tracer.sendMissed(), 0, 'it is not sent again')
  collector.state.status = 200
  await carryOut()
  await ends.look()
  await close()
  assert.equal(collector.asked.length, 2)
  assert.equal(collector.taken.length, 1)
})

test('a server that ends waits for the one trace that is under way, not for a line of them', async () => {
  const collector = await openCollector()
  const { tracer, ends, close } = await open(collector.endpoint)
  collector.state.afterMs = 100
  const run = await readEndedRun(parts.db, await carryOut())
  assert.ok(run)
  ends.close()
  for (let sent = 0; sent < 200; sent++) tracer.send(run)
  while (collector.asked.length === 0) await setTimeout(5)
  await close()
  assert.equal(collector.asked.length, 1)
})

test('a run is counted once, with what it waited and took; no label names a project or a branch', async () => {
  const { ends, close } = await open('http://127.0.0.1:1')
  const counts = async () => {
    const { text } = await metrics.scrape()
    return (line: string) => Number(new RegExp(`^${line} (\\S+)$`, 'm').exec(text)?.[1] ?? 0)
  }
  const [before, held] = [
    await counts(),
    'mayfly_attempts_ended_total\\{kind="job",status="errored",cause="start"\\}',
  ]
  await carryOut()
  await ends.look()
  await ends.look()
  const now = await counts()
  await close()
  const grew = (line: string) => now(line) - before(line)
  assert.equal(grew('mayfly_runs_ended_total\\{status="failed"\\}'), 1)
  assert.equal(grew(held), 1)
  assert.equal(grew('mayfly_queue_wait_seconds_count\\{kind="job"\\}'), 2)
  assert.equal(grew('mayfly_sandbox_boot_seconds_count'), 1)
  assert.equal(grew('mayfly_log_ingest_requests_total'), 1)
  assert.ok(grew('mayfly_log_ingest_bytes_total') > 0)
  const { text } = await metrics.scrape()
  for (const word of ['shop', 'main', 'npm test', 'unit'])
    assert.equal(text.includes(`"${word}"`), false, word)
})

test('the endpoint is the address of the collector; one that names the signal stays as it is', () => {
  assert.equal(tracesUrl('http://localhost:4318'), 'http://localhost:4318/v1/traces')
  assert.equal(tracesUrl('https://otel.example/api/'), 'https://otel.example/api/v1/traces')
  assert.equal(tracesUrl('https://otel.example/v1/traces'), 'https://otel.example/v1/traces')
})
