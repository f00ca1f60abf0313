// The pool when its database goes away under it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { testDatabase } from '../../../test/support/postgres.ts'
import { inTransaction } from './transaction.ts'

test('a connection that ends between two statements of a transaction fails the next one, not the process', async () => {
  const { db } = await testDatabase()
  const between = inTransaction(db, async (tx) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx)
    const pid = rows[0]?.pid ?? 0
    await sql`select pg_terminate_backend(${pid})`.execute(db)
    // Until it is gone and this process has heard of it: an error without a listener would end it here.
    for (let isThere = true; isThere; ) {
      const live = await sql`select 1 from pg_stat_activity where pid = ${pid}`.execute(db)
      isThere = live.rows.length > 0
    }
    await new Promise((resolve) => setImmediate(resolve))
    await sql`select 1`.execute(tx)
  })
  await assert.rejects(between)
  assert.equal((await sql<{ n: number }>`select 1 as n`.execute(db)).rows[0]?.n, 1)
})
