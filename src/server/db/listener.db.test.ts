// The connection for LISTEN while it comes and goes; what it brings is tested in database.db.test.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { waitFor } from '../../../test/support/installation.ts'
import { testDatabase } from '../../../test/support/postgres.ts'
import { silentLog } from '../../base/log.ts'
import { limits } from '../limits.ts'
import { openListener } from './listener.ts'

test('what is closed while it comes back leaves no connection behind', async () => {
  const { db, connection } = await testDatabase()
  const name = 'listener-of-the-test'
  const listeners = async () => {
    const { rows } = await sql<{ pid: number }>`
      select pid from pg_stat_activity where application_name = ${name}`.execute(db)
    return rows.map(({ pid }) => pid)
  }
  const gate = Promise.withResolvers<void>()
  const asked = { count: 0 }
  const password = async (): Promise<string> => {
    if (++asked.count > 1) await gate.promise
    return String(connection.password)
  }
  const config = { ...connection, password, application_name: name }
  const listener = openListener(config, silentLog, limits.otherServers, () => false)
  let isHeard = false
  listener.listen('mayfly_log', () => {
    isHeard = true
  })
  await waitFor('it to listen', () => isHeard, 5_000)
  await sql`select pg_terminate_backend(${(await listeners())[0]})`.execute(db)
  await waitFor('it to come back', () => asked.count === 2, 5_000)
  const closing = listener.close()
  gate.resolve()
  await closing
  // Longer than a connection takes that nobody waits for.
  await sleep(300)
  assert.deepEqual(await listeners(), [])
})
