// The pools: which statements they are for, what they tell, and when their database goes away under them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { testDatabase } from '../../../test/support/postgres.ts'
import type { Db } from './database.ts'
import { notify } from './notify.ts'
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

test('what is found by key is planned once; lists are planned for their values', async () => {
  const { db, keyed } = await testDatabase()
  const modeOf = async (pool: Db) =>
    (await sql<{ mode: string }>`select current_setting('plan_cache_mode') as mode`.execute(pool)).rows[0]
      ?.mode
  assert.deepEqual(await Promise.all([db, keyed].map(modeOf)), ['auto', 'force_generic_plan'])
})

test('a notice of either pool reaches those who listen in this process once', async () => {
  const { db, keyed, listen, connection } = await testDatabase()
  const heard: (string | null)[] = []
  const other = new pg.Client(connection)
  await other.connect()
  const stop = listen('mayfly_log', (payload) => void heard.push(payload))
  /** From a connection that is not ours: what ours sent before, the database has brought by then. */
  const hear = async (payload: string) => {
    for (const deadline = performance.now() + 10_000; !heard.includes(payload); ) {
      assert.ok(performance.now() < deadline, `heard ${heard}`)
      await other.query(`select pg_notify('mayfly_log', $1)`, [payload])
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  try {
    await hear('begin')
    for (const [pool, payload] of [[db, 'one'] as const, [keyed, 'two'] as const])
      await inTransaction(pool, (tx) => notify(tx, [{ channel: 'mayfly_log', payload }]))
    await hear('end')
    const ours = heard.filter((payload) => payload === 'one' || payload === 'two')
    assert.deepEqual(ours, ['one', 'two'])
  } finally {
    stop()
    await other.end()
  }
})
