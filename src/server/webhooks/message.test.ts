// Messages in their three forms, and that none is above its bound whatever people call their things.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../../test/support/random.ts'
import { formatId } from '../../base/ids.ts'
import { webhookEvents, webhookFormats, webhookMessageBytesMax } from '../../protocol/webhooks.ts'
import { contentTypeOf, type Facts, messageOf } from './message.ts'

const at = new Date('2026-01-02T03:04:05.678Z')
const id = (kind: Parameters<typeof formatId>[0], n: number) => formatId(kind, new Uint8Array(16).fill(n))
const facts: Facts = {
  ...{ message: id('message', 1), event: 'run.finished', at, status: 'passed' },
  webhook: { id: id('webhook', 2), name: 'chat' },
  organisation: { id: id('organisation', 3), name: 'acme' },
  project: { id: id('project', 4), name: 'web', url: 'ssh://git@git.example/srv/web.git' },
  run: {
    ...{ id: id('run', 5), number: 7, status: 'running', event: 'push', ref: 'refs/heads/main' },
    ...{ commit: 'a'.repeat(40), branch: 'main', tag: null, subject: 'Say hello', author: 'A. Uthor' },
    createdAt: at,
  },
  workflow: null,
  job: null,
}
const ofJob: Facts = {
  ...facts,
  ...{ event: 'job.finished', status: 'failed' },
  workflow: { id: id('workflow', 6), name: 'main', status: 'running', isRefused: false },
  job: { id: id('job', 8), number: 1, name: 'build', status: 'failed', startedAt: at, finishedAt: at },
}
const url = 'https://ci.example'
const bodyOf = (...[format, of]: [Parameters<typeof messageOf>[0], Facts]) =>
  JSON.parse(messageOf(format, of, url))

test('a thin message says who, which and how', () => {
  assert.deepEqual(bodyOf('standard', facts), {
    type: 'run.finished',
    timestamp: '2026-01-02T03:04:05.678Z',
    data: {
      organisation: facts.organisation,
      project: { id: facts.project.id, name: 'web' },
      run: {
        ...{ id: facts.run?.id, number: 7, status: 'passed', event: 'push', ref: 'refs/heads/main' },
        ...{ commit: 'a'.repeat(40), branch: 'main', tag: null },
        ...{ url: 'https://ci.example/acme/web/runs/7', created_at: '2026-01-02T03:04:05.678Z' },
      },
    },
  })
  const { data } = bodyOf('standard', ofJob)
  assert.deepEqual(data.job, { id: ofJob.job?.id, number: 1, name: 'build', status: 'failed' })
  assert.equal(data.run.status, 'running')
})

test('an envelope of CloudEvents has the members that 1.0 requires', () => {
  const { data, ...envelope } = bodyOf('cloudevents', ofJob)
  assert.deepEqual(envelope, {
    ...{ specversion: '1.0', id: facts.message, source: 'https://ci.example/acme/web' },
    ...{ type: 'mayfly.job.finished', subject: ofJob.job?.id, time: at.toISOString() },
    datacontenttype: 'application/json',
  })
  assert.deepEqual(data, bodyOf('standard', ofJob).data)
  assert.match(contentTypeOf('cloudevents'), /^application\/cloudevents\+json/)
})

test('in the way of CircleCI ids are UUIDs and statuses are its words', () => {
  const told = bodyOf('circleci', { ...ofJob, event: 'job-completed' })
  assert.deepEqual([told.type, told.job.status, told.job.number], ['job-completed', 'failed', 1])
  assert.match(told.id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  assert.deepEqual(told.pipeline.vcs.branch, 'main')
  const whole = bodyOf('circleci', { ...ofJob, job: null, event: 'workflow-completed', status: 'cancelled' })
  assert.deepEqual([whole.workflow.status, whole.workflow.name, whole.job], ['canceled', 'main', undefined])
  const statusOf = (isRefused: boolean) => {
    const workflow = { id: id('workflow', 6), name: 'main', status: 'skipped', isRefused }
    const of = { ...ofJob, job: null, event: 'workflow-completed', status: 'skipped', workflow }
    return bodyOf('circleci', of).workflow.status
  }
  assert.deepEqual([true, false].map(statusOf), ['unauthorized', 'canceled'])
})

test('a message is below its bound whatever the names are', () => {
  const random = createRandom(48)
  const pieces = ['\u0001', '"', '\\', '\ud800', '🦋', 'é', 'x', '\u2028', '\n', '\u0000']
  const hostile = () => {
    const length = [0, 1, 199, 200, 201, 5_000][random(6)] ?? 0
    return Array.from({ length }, () => pieces[random(pieces.length)]).join('')
  }
  const spoil = <T>(value: T): T => {
    if (typeof value === 'string') return (/^[a-z]{3}_/.test(value) ? value : hostile()) as T
    if (value === null || typeof value !== 'object' || value instanceof Date) return value
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, spoil(each)])) as T
  }
  for (let round = 0; round < 400; round++)
    for (const format of webhookFormats) {
      const event = ['ping', ...webhookEvents][random(webhookEvents.length + 1)] ?? 'ping'
      const body = messageOf(format, { ...spoil(ofJob), event }, `https://${'h'.repeat(253)}`)
      assert.ok(Buffer.byteLength(body) < webhookMessageBytesMax, `${Buffer.byteLength(body)}`)
      assert.ok(body.isWellFormed())
      JSON.parse(body)
    }
})
