// Status while the database is really away: a PostgreSQL of this test's own is stopped and started again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestApp } from '../../../test/support/http-app.ts'

test('backups are noted and proven by the operator alone, and listed newest first', async () => {
  const app = await openTestApp()
  const id = (n: number) => `bak_${'0'.repeat(25)}${n}`
  const note = (n: number, verified: boolean, day = n) =>
    app.callOperator('POST', '/api/v1/operator/backups', {
      body: { id: id(n), made_at: `2026-11-0${day}T00:00:00.000Z`, bytes: 10, verified },
    })
  assert.equal((await note(1, false)).json.verified_at, null)
  assert.equal((await note(2, false)).status, 200)
  const proven = await note(1, true)
  assert.ok(proven.json.verified_at)
  assert.equal((await note(1, false)).json.verified_at, proven.json.verified_at, 'once proven stays proven')
  assert.ok((await note(3, true)).json.verified_at, 'one that this database has never heard of')
  const listed = await app.callOperator('GET', '/api/v1/operator/backups')
  assert.deepEqual(
    listed.json.items.map((backup: { id: string }) => backup.id),
    [3, 2, 1].map(id),
  )
  const odd = await app.callOperator('POST', '/api/v1/operator/backups', {
    body: { id: 'x', made_at: '2026-11-01T00:00:00.000Z', bytes: 1, verified: false },
  })
  assert.equal(odd.status, 400)
})
