// The server's PostgreSQL: two small pools behind Kysely, and one more connection for LISTEN. Every statement has a
// timeout; texts that come again are prepared once per connection (1.4–2.5× on point reads, platform.md §4).
// Opened by main/server.ts. Nothing here knows what the tables mean.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { fault } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import { limits } from '../limits.ts'
import { backendOf } from './backend.ts'
import { type Listener, openListener } from './listener.ts'
import type { OthersSettings } from './others.ts'
import type { Schema } from './schema.ts'
import { tellWith } from './tell.ts'

export type Db = Kysely<Schema>

export type DatabaseSettings = {
  /** The directory of the socket, or a host name. */
  readonly host: string
  readonly port?: number
  readonly database: string
  readonly user: string
  readonly passwordFile?: string
  /** Only of tests. */
  readonly others?: OthersSettings
  /** Only of tests: as `limits.answerMs`. */
  readonly answerMs?: number
  /** Only of tests: hears of each connection of the pools. */
  readonly onConnect?: (client: pg.PoolClient) => void
}

export type Database = {
  readonly db: Db
  /**
   * The same tables, for statements that find their rows by key: each is planned once for all values. Those of the way of
   * a job are long, and planning them takes as long as carrying them out (docs/decisions/0036).
   */
  readonly keyed: Db
  /** Calls `handler` with the payload of each notice on `channel`, ours or another server's; returns how to stop. */
  readonly listen: Listener['listen']
  /** What a `pg` client of our own needs: for migrations. */
  readonly connection: pg.ClientConfig
  /** Connections of both pools at this moment, and how many statements wait for one. */
  readonly pool: () => { readonly total: number; readonly idle: number; readonly waiting: number }
  close(): Promise<void>
}

export const openDatabase = async (settings: DatabaseSettings, log: Log): Promise<Database> => {
  const connection = await connectionOf(settings)
  const plannedOnce = `${connection.options} -c plan_cache_mode=force_generic_plan`
  const pools = [
    openPool(connection, limits.databaseConnections, log),
    openPool({ ...connection, options: plannedOnce }, limits.keyedConnections, log),
  ] as const
  if (settings.onConnect !== undefined) for (const pool of pools) pool.on('connect', settings.onConnect)
  const ours = pools.map(processIds)
  const answerMs = settings.answerMs ?? limits.answerMs
  const listener = openListener(
    { ...connection, connectionTimeoutMillis: answerMs, query_timeout: answerMs },
    log,
    settings.others ?? limits.otherServers,
    (processId) => ours.some((ids) => ids.has(processId)),
  )
  const open = (pool: pg.Pool): Db => {
    const db = new Kysely<Schema>({
      dialect: new PostgresDialect({ pool: preparing(pool, answerMs) }),
    })
    tellWith(db, {
      tell: ({ channel, payload }) => listener.tell(channel, payload),
      mayOthersListen: listener.mayOthersListen,
    })
    return db
  }
  const [db, keyed] = [open(pools[0]), open(pools[1])]
  const sum = (count: (pool: pg.Pool) => number) => pools.reduce((total, pool) => total + count(pool), 0)
  return {
    ...{ db, keyed, connection, listen: listener.listen },
    pool: () => ({
      total: sum((pool) => pool.totalCount),
      idle: sum((pool) => pool.idleCount),
      waiting: sum((pool) => pool.waitingCount),
    }),
    close: async () => {
      await listener.close()
      await Promise.all([db.destroy(), keyed.destroy()])
      await Promise.all(pools.map((pool) => (pool.ended ? undefined : pool.end())))
    },
  }
}

const openPool = (
  connection: pg.ClientConfig,
  { max, kept }: { readonly max: number; readonly kept: number },
  log: Log,
): pg.Pool => {
  const pool = new pg.Pool({
    ...connection,
    max,
    // These stay: whoever pushes after a quiet hour finds statements that are planned.
    min: kept,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: 10_000,
  })
  // An idle connection that breaks must not end the process; the next query gets a new one.
  pool.on('error', (error) => log.warn('database connection lost', { error }))
  // Nor one that breaks between two statements of a transaction, of which the pool hears nothing: the next statement says so.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

/** Of the connections that are open: PostgreSQL says with each notice which of them sent it. */
const processIds = (pool: pg.Pool): ReadonlySet<number> => {
  const ids = new Set<number>()
  pool.on('connect', (client) => void ids.add(backendOf(client)))
  pool.on('remove', (client) => void ids.delete(backendOf(client)))
  return ids
}

const connectionOf = async (settings: DatabaseSettings): Promise<pg.ClientConfig> => ({
  host: settings.host,
  port: settings.port ?? 5432,
  database: settings.database,
  user: settings.user,
  application_name: 'mayfly-server',
  // None of our statements is so long that compiling it would pay.
  options: '-c jit=off',
  ...(settings.passwordFile === undefined ? {} : { password: await readPassword(settings.passwordFile) }),
  statement_timeout: limits.statementMs,
  lock_timeout: limits.lockMs,
  idle_in_transaction_session_timeout: limits.idleInTransactionMs,
  types: { getTypeParser },
})

const readPassword = async (path: string): Promise<string> => {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    throw fault('E_DATABASE', { detail: 'the password file of the database cannot be read', cause })
  }
}

const int8 = 20

/** Counters and sizes are `bigint` in SQL and numbers here; one that does not fit is a defect. */
const getTypeParser = ((oid: number, format?: 'text' | 'binary') =>
  oid === int8 && format !== 'binary' ? safeInteger : pg.types.getTypeParser(oid, format)) as (
  oid: number,
  format?: 'text' | 'binary',
) => (value: string) => unknown

const safeInteger = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError('a bigint outside the safe range')
  return value
}

/**
 * Ends the connection when it stays silent for longer than any statement may take: its other end is gone, and did not say so. Half of
 * the time each, so that a process that itself stood still reads first what came meanwhile.
 */
const withAnswer = async <T>(client: pg.PoolClient, answerMs: number, answer: Promise<T>): Promise<T> => {
  let timer = setTimeout(() => {
    timer = setTimeout(() => breakOff(client), answerMs / 2)
  }, answerMs / 2)
  try {
    return await answer
  } finally {
    clearTimeout(timer)
  }
}

/** Without the word that ends it in order: nobody would answer that either. The statement says that its connection is lost. */
const breakOff = (client: pg.PoolClient): void =>
  // SAFE: `pg` has the connection and its socket since it was connected; its types leave both out.
  void (client as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream.destroy()

/**
 * Names every parametrised statement, so that `pg` prepares it on first use of a connection. Our texts are few
 * because lists are arrays (`= any($1)`); past the cap a text runs unnamed rather than filling the server's memory.
 */
const preparing = (pool: pg.Pool, answerMs: number): PostgresPool => {
  const names = new Map<string, string>()
  const wrapped = new WeakMap<pg.PoolClient, PostgresPoolClient>()
  const nameOf = (text: string): string | undefined => {
    const known = names.get(text)
    if (known !== undefined || names.size >= limits.preparedStatements) return known
    const name = createHash('sha256').update(text).digest('base64url').slice(0, 22)
    names.set(text, name)
    return name
  }
  const wrap = (client: pg.PoolClient): PostgresPoolClient => {
    const query = (text: string, values: readonly unknown[] = []) => {
      const name = values.length > 0 ? nameOf(text) : undefined
      const asked = { text, values: [...values], ...(name === undefined ? {} : { name }) }
      return withAnswer(client, answerMs, client.query(asked))
    }
    // SAFE: of the client Kysely uses `query(text, values)` without a cursor, and `release`.
    return { query, release: (destroy?: boolean) => client.release(destroy) } as unknown as PostgresPoolClient
  }
  return {
    options: pool.options,
    end: () => pool.end(),
    connect: async () => {
      const client = await pool.connect()
      const made = wrapped.get(client) ?? wrap(client)
      wrapped.set(client, made)
      return made
    },
  }
}
