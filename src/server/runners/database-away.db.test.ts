// What a runner hears when the database goes away under its request: it asks again later, and its job goes on.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import pg from 'pg'
import { waitFor } from '../../../test/support/installation.ts'
import { addLocalProject, enrolRunner, openParts } from '../../../test/support/parts.ts'
import { createScriptedRunner } from '../../../test/support/scripted-runner.ts'

const connected: pg.PoolClient[] = []
const parts = await openParts({ onConnect: (client) => void connected.push(client) })
const project = await addLocalProject(parts, 'web')
const runner = createScriptedRunner(parts, await enrolRunner(parts, 'r1'))
after(() => runner.close())

test('a connection that breaks in the middle of a statement, or cannot be made, is a database that is away', async () => {
  await parts.runs.startRun(parts.actor, { project, ref: 'main' })
  const [held] = await runner.take()
  const other = new pg.Client(parts.database.connection)
  await other.connect()
  await other.query('begin')
  await other.query('select 1 from attempts where id = $1 for update', [held!.attempt])
  const told = runner.events(held!, [{ seq: 1, atMs: 1, kind: 'phase', phase: 'running' }])
  const isWaiting = async () => {
    const { rows } = await other.query(`select from pg_stat_activity where wait_event_type = 'Lock'`)
    return rows.length > 0
  }
  await waitFor('the statement to wait', isWaiting)
  for (const client of connected)
    (client as never as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
  const { status, body } = await told
  await other.query('rollback')
  await other.end()
  assert.deepEqual([status, body?.code], [503, 'E_DATABASE'])
})
