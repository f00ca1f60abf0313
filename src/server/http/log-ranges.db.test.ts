// Parts of a raw log through the real door: 206, 416, and when the rest of what one has is of other bytes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noWork, openTestApp } from '../../../test/support/http-app.ts'
import type { Attempt } from '../../protocol/api/shapes.ts'
import type { LogBytes, LogReader } from '../log-use-cases.ts'

const attempt = `att_${'0'.repeat(26)}`
const log = Buffer.from('0123456789\u001b[31mé\n')
const state = { isOver: true, expired: null as Attempt['log_expired'], opened: [] as LogReader[] }
const bytes: LogBytes = {
  total: log.length,
  etag: '"att.1"',
  read: async function* (first, last) {
    yield log.subarray(first, last + 1)
  },
}
// SAFE: the handler reads the number and the steps only.
const found = { id: attempt, number: 1, steps: [], log_expired: null } as unknown as Attempt
const app = await openTestApp({
  work: {
    runs: { ...noWork.runs, findAttempt: async () => ({ ...found, log_expired: state.expired }) },
    logs: {
      ...noWork.logs,
      openBytes: async (_scope, _attempt, { reader }) => {
        state.opened.push(reader)
        return state.isOver ? bytes : null
      },
    },
  },
})
const cookie = await app.signInAs('viewer')
const get = (headers: Record<string, string>, query = '?format=ansi') =>
  app.call('GET', `/api/v1/attempts/${attempt}/log${query}`, { cookie, headers })
const seen = async (headers: Record<string, string>, query?: string) => {
  const answer = await get(headers, query)
  const header = (name: string) => answer.headers.get(name)
  return [answer.status, answer.text, header('content-range'), header('content-length')]
}
const size = String(log.length)

test('a whole log says its length, its tag and that it can be had in parts', async () => {
  const answer = await get({})
  assert.deepEqual([answer.status, answer.text], [200, log.toString()])
  const headers = ['accept-ranges', 'etag', 'content-length', 'content-range'].map((name) =>
    answer.headers.get(name),
  )
  assert.deepEqual(headers, ['bytes', '"att.1"', size, null])
  assert.equal(state.opened.at(-1)?.reason, 'download')
})

test('a part, and the end', async () => {
  assert.deepEqual(await seen({ range: 'bytes=2-4' }), [206, '234', `bytes 2-4/${size}`, '3'])
  assert.deepEqual(await seen({ range: 'bytes=-3' }), [
    206,
    'é\n',
    `bytes ${log.length - 3}-${log.length - 1}/${size}`,
    '3',
  ])
})

test('behind the end there is nothing: 416 says how much there is', async () => {
  const answer = await get({ range: 'bytes=500-' })
  assert.deepEqual(
    [answer.status, answer.json.code, answer.headers.get('content-range')],
    [416, 'MF4016', `bytes */${size}`],
  )
})

test('the rest of other bytes is no rest: all of it', async () => {
  assert.equal((await get({ range: 'bytes=2-4', 'if-range': '"att.1"' })).status, 206)
  for (const other of ['"att.2"', 'W/"att.1"', 'Sun, 22 Nov 2026 09:00:00 GMT'])
    assert.deepEqual(await seen({ range: 'bytes=2-4', 'if-range': other }), [200, log.toString(), null, size])
})

test('what has no length has no parts: other formats, and a log that grows', async () => {
  for (const query of ['?format=text', '?format=html', '?format=ansi&after=1']) {
    const answer = await get({ range: 'bytes=0-1' }, query)
    assert.deepEqual([answer.status, answer.headers.get('accept-ranges')], [200, null], query)
  }
  state.isOver = false
  assert.equal((await get({ range: 'bytes=0-1' })).status, 200)
  state.isOver = true
})

test('a log as a page is only ever saved, and no page of ours', async () => {
  const { headers } = await get({}, '?format=html')
  assert.match(headers.get('content-disposition') ?? '', /^attachment; filename/)
  assert.match(headers.get('content-security-policy') ?? '', /sandbox; default-src 'none'/)
})

test('a log that retention removed is gone and not unknown: 410, with the day and the rule', async () => {
  state.expired = { removed_at: '2026-11-01T00:00:00.000Z', days: 30 }
  for (const format of ['text', 'ansi', 'html', 'frames']) {
    const answer = await get({}, `?format=${format}`)
    assert.deepEqual([answer.status, answer.json.code], [410, 'MF4010'], format)
    assert.equal(answer.json.detail, 'This log was removed on 2026-11-01: logs are kept for 30 days')
  }
  state.expired = null
})
