// One transaction per fact. Two that want the same rows in another order are not an error: the database ends one of
// them (deadlock, serialization), and it is tried again from its start. So `work` must not do anything but SQL.
import type { Transaction } from 'kysely'
import type { Db } from './database.ts'
import type { Schema } from './schema.ts'

export type Tx = Transaction<Schema>

const attemptsMax = 4
const tryAgain: ReadonlySet<unknown> = new Set(['40P01', '40001'])

export const inTransaction = async <T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(work)
    } catch (error) {
      if (attempt === attemptsMax || !tryAgain.has(sqlState(error))) throw error
    }
  }
}

/** The five characters of PostgreSQL, or null. */
export const sqlState = (error: unknown): string | null =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : null
