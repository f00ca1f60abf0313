// A log that is followed over plain HTTP goes on for hours: no longer than the token or session behind it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { noWork, openTestApp } from '../../../test/support/http-app.ts'
import { attemptId, memoryLog } from '../../../test/support/live-sources.ts'
import type { Attempt } from '../../protocol/api/shapes.ts'

const path = `/api/v1/attempts/${attemptId}/log?follow=1&format=frames`

const openFollowed = async () => {
  const log = memoryLog()
  // SAFE: nothing else of it is looked at.
  const attempt = { number: 1, steps: [], log_expired: null } as unknown as Attempt
  const app = await openTestApp({
    pace: { beatMs: 50, stalledMs: 10_000 },
    work: {
      logs: { ...noWork.logs, follow: log.follow },
      runs: { ...noWork.runs, findAttempt: async () => attempt },
    },
  })
  const follow = async (headers: Record<string, string>) => {
    log.append()
    const response = await fetch(app.base + path, { headers, signal: AbortSignal.timeout(10_000) })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('x-accel-buffering'), 'no', 'no proxy keeps it to itself')
    const reader = response.body?.getReader() ?? assert.fail()
    const first = await reader.read()
    assert.equal(first.done, false)
    return reader
  }
  return { app, log, follow }
}
/** What still comes, with how it ended. */
const rest = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<'complete' | 'cut off'> => {
  try {
    for (;;) if ((await reader.read()).done) return 'complete'
  } catch (error) {
    assert.notEqual((error as Error).name, 'TimeoutError', 'it goes on')
    return 'cut off'
  }
}

test('who follows a log is cut off when the token is revoked', async () => {
  const { app, follow } = await openFollowed()
  const cookie = await app.signInAs('viewer')
  const body = { name: 'tool', scopes: ['log.read'], days: 1 }
  const { json } = await app.call('POST', '/api/v1/tokens', { cookie, body })
  const reader = await follow({ authorization: `Bearer ${json.secret}` })
  assert.equal((await app.call('DELETE', `/api/v1/tokens/${json.token.id}`, { cookie })).status, 200)
  assert.equal(await rest(reader), 'cut off')
})

test('who follows a log is cut off when another server ended the session', async () => {
  const { app, follow } = await openFollowed()
  const reader = await follow({ cookie: await app.signInAs('viewer') })
  await sql`delete from sessions`.execute(app.database.db)
  assert.equal(await rest(reader), 'cut off')
})

test('a log that ends is whole', async () => {
  const { app, log, follow } = await openFollowed()
  const reader = await follow({ cookie: await app.signInAs('viewer') })
  log.complete()
  assert.equal(await rest(reader), 'complete')
})
