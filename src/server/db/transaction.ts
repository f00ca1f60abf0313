// One transaction per fact. Two that want the same rows in another order are not an error: the database ends one of
// them (deadlock, serialization), and it is tried again from its start. So `work` must not do anything but SQL; what
// else is to happen waits for the commit.
import assert from 'node:assert'
import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { Db } from './database.ts'
import type { Schema } from './schema.ts'

export type Tx = Transaction<Schema>

const attemptsMax = 4
const tryAgain: ReadonlySet<unknown> = new Set(['40P01', '40001'])

type Open = { readonly db: Db; readonly acts: (() => void)[] }
const opens = new WeakMap<Tx, Open>()

const openOf = (tx: Tx): Open => {
  const open = opens.get(tx)
  assert(open, 'a transaction begun by inTransaction')
  return open
}

export const databaseOf = (tx: Tx): Db => openOf(tx).db
/** Of what may be a transaction. */
export const databaseBehind = (db: Db | Tx): Db => opens.get(db as Tx)?.db ?? db

/** Runs `act` right after the commit, in the order of the calls, and never when there is none. */
export const onCommit = (tx: Tx, act: () => void): void => void openOf(tx).acts.push(act)

export const inTransaction = <T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> =>
  withAgain(db, work, (begin) => db.transaction().execute(begin))

/** For `work` that is one single statement, which is a transaction by itself: without the two ways of BEGIN and COMMIT. */
export const inOneStatement = <T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> =>
  // SAFE: an object of its own for `opens`; of a transaction `work` uses nothing but its way to the database.
  withAgain(db, work, (begin) => begin(db.withoutPlugins() as Tx))

const withAgain = async <T>(
  db: Db,
  work: (tx: Tx) => Promise<T>,
  execute: (begin: (tx: Tx) => Promise<T>) => Promise<T>,
): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    const acts: (() => void)[] = []
    try {
      const result = await execute((tx) => {
        opens.set(tx, { db, acts })
        return work(tx)
      })
      for (const act of acts) act()
      return result
    } catch (error) {
      if (attempt === attemptsMax || !tryAgain.has(sqlState(error))) throw error
    }
  }
}

const notWhole = 'written in part'

/** A column that ends its statement, and so takes back all that it wrote, unless `condition` holds. */
export const endUnless = (condition: RawBuilder<unknown>) =>
  sql`(case when ${condition} then '0' else ${sql.lit(notWhole)} end)::integer as whole`

/** Whether that was why. */
export const isEnded = (error: unknown): boolean =>
  sqlState(error) === '22P02' && error instanceof Error && error.message.includes(notWhole)

/** The five characters of PostgreSQL, or null. */
export const sqlState = (error: unknown): string | null =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : null
