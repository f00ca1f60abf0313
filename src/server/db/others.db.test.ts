// Servers that share a database find each other, and one that is alone sends nothing. Somebody who listens beside them, and is no
// server, hears what goes out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { testDatabaseSettings } from '../../../test/support/postgres.ts'
import { silentLog } from '../../base/log.ts'
import { type Database, type DatabaseSettings, openDatabase } from './database.ts'
import { notify } from './notify.ts'
import { inTransaction } from './transaction.ts'

const others = { aloneAfterMs: 1_000, settleMs: 200, beatMs: 250 }

const openServer = (settings: DatabaseSettings): Promise<Database> =>
  openDatabase({ ...settings, others }, silentLog)

/** Whether what this server changes goes out. */
const createEar = async ({ connection }: Database) => {
  const client = new pg.Client(connection)
  await client.connect()
  await client.query('listen mayfly_log')
  let count = 0
  const heard = new Set<string>()
  client.on('notification', ({ payload }) => heard.add(payload ?? ''))
  return {
    hears: async ({ db }: Database): Promise<boolean> => {
      const payload = `p${++count}`
      await inTransaction(db, (tx) => notify(tx, [{ channel: 'mayfly_log', payload }]))
      // The database brings notices in the order of their commits, before the answer to what came after them.
      await client.query('select 1')
      return heard.has(payload)
    },
    close: () => client.end(),
  }
}

const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  for (const deadline = performance.now() + 20_000; !(await isSo()); ) {
    assert.ok(performance.now() < deadline, `in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('a server sends until it knows that it is alone, and again from the moment another comes until that is gone', async () => {
  const settings = await testDatabaseSettings()
  const first = await openServer(settings)
  const ear = await createEar(first)
  let second: Database | null = null
  try {
    assert.ok(await ear.hears(first), 'nobody is told yet who listens')
    first.listen('mayfly_log', () => {})
    assert.ok(await ear.hears(first), 'others have had no time to answer')
    await until('alone', async () => !(await ear.hears(first)))

    second = await openServer(settings)
    const told: (string | null)[] = []
    second.listen('mayfly_log', (payload) => told.push(payload))
    await until('heard of', () => ear.hears(first))
    assert.ok(await ear.hears(second))
    // Once when it began to listen, once when it heard that the first sends from now on.
    await until('told to look again', async () => told.filter((payload) => payload === null).length === 2)
    const marked = async () => {
      await inTransaction(first.db, (tx) => notify(tx, [{ channel: 'mayfly_log', payload: 'news' }]))
      return told.includes('news')
    }
    await until('told by the first', marked)
    // Longer than silence lasts until somebody is taken to be gone.
    for (const end = performance.now() + 5 * others.beatMs; performance.now() < end; )
      assert.ok((await ear.hears(first)) && (await ear.hears(second)), 'both know of each other')

    await second.close()
    second = null
    await until('alone again', async () => !(await ear.hears(first)))
  } finally {
    await ear.close()
    await second?.close()
    await first.close()
  }
})

test('a server that lost its connection for notices sends until it knows again', async () => {
  const first = await openServer(await testDatabaseSettings())
  const ear = await createEar(first)
  try {
    let nulls = 0
    first.listen('mayfly_log', (payload) => {
      if (payload === null) nulls++
    })
    await until('alone', async () => !(await ear.hears(first)))
    const before = nulls
    const client = new pg.Client(first.connection)
    await client.connect()
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'notify mayfly_servers%' and datname = current_database()`,
    )
    await client.end()
    await until('sending', () => ear.hears(first))
    await until('back', async () => nulls > before)
    await until('alone again', async () => !(await ear.hears(first)))
  } finally {
    await ear.close()
    await first.close()
  }
})
