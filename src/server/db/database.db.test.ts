// The pools: which statements they are for, what they tell, and when their database goes away under them.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { testDatabase, testDatabaseSettings } from '../../../test/support/postgres.ts'
import { isFault } from '../../base/faults.ts'
import { silentLog } from '../../base/log.ts'
import { asDatabaseFault } from './away.ts'
import { type Db, openDatabase } from './database.ts'
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

/** A way to the database that can be cut without either side hearing of it, as when the other machine loses its power. */
const openWay = async (host: string) => {
  const directory = await mkdtemp(join(tmpdir(), 'mf-way-'))
  const pairs = new Set<readonly [Socket, Socket]>()
  let isOpen = true
  const way = createServer((near) => {
    const far = connect(join(host, '.s.PGSQL.5432'))
    pairs.add([near, far])
    for (const socket of [near, far]) socket.on('error', () => undefined)
    if (isOpen) near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => way.listen(join(directory, '.s.PGSQL.5432'), resolve))
  after(async () => {
    way.close()
    for (const socket of [...pairs].flat()) socket.destroy()
    await rm(directory, { recursive: true })
  })
  return {
    host: directory,
    /** Of connections that come. */
    open: (is: boolean) => {
      isOpen = is
    },
    cut: () => {
      for (const [near, far] of pairs) {
        near.unpipe(far)
        far.unpipe(near)
      }
    },
  }
}

test('a database that is not there any more, without a word, ends what waits for it; then it is asked anew', async () => {
  const settings = await testDatabaseSettings()
  const way = await openWay(settings.host)
  const database = await openDatabase({ ...settings, host: way.host, answerMs: 300 }, silentLog)
  after(() => database.close())
  const { db } = database
  const one = () => sql<{ n: number }>`select 1 as n`.execute(db)
  await Promise.all([one(), one(), one()])
  const isAway = (error: unknown) => isFault(asDatabaseFault(error), 'E_DATABASE')
  await assert.rejects(
    inTransaction(db, async (tx) => {
      way.cut()
      await sql`select 1`.execute(tx)
    }),
    isAway,
  )
  await Promise.allSettled([one(), one()])
  assert.equal((await one()).rows[0]?.n, 1)
})

test('the connection for notices is made anew when nobody answers at its other end, now or later', async () => {
  const settings = await testDatabaseSettings()
  const way = await openWay(settings.host)
  way.open(false)
  const others = { aloneAfterMs: 60_000, settleMs: 10, beatMs: 200 }
  const database = await openDatabase({ ...settings, host: way.host, answerMs: 300, others }, silentLog)
  const beside = await openDatabase({ ...settings, others }, silentLog)
  after(() => Promise.all([database, beside].map((each) => each.close())))
  const heard = new Set<string | null>()
  database.listen('mayfly_log', (payload) => void heard.add(payload))
  beside.listen('mayfly_log', () => undefined)
  const hear = async (payload: string) => {
    for (const deadline = performance.now() + 10_000; !heard.has(payload); ) {
      assert.ok(performance.now() < deadline, `never heard ${payload}`)
      await sql`select pg_notify('mayfly_log', ${payload})`.execute(beside.db)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 100))
  way.open(true)
  await hear('first')
  // Both have found each other by then, and say so at each beat.
  await new Promise((resolve) => setTimeout(resolve, 500))
  way.cut()
  await hear('again')
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
