// A database whose transactions are committed, and whose connection is lost before anybody hears of it.
import type { Database } from '../../src/server/db/database.ts'

export const losingCommits = (database: Database): Database => {
  const { db } = database
  const transaction = () => ({
    execute: async (work: Parameters<ReturnType<typeof db.transaction>['execute']>[0]) => {
      await db.transaction().execute(work)
      // In the words of `pg`.
      throw new Error('Connection terminated unexpectedly')
    },
  })
  const lossy = new Proxy(db, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (name === 'transaction') return transaction
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { ...database, db: lossy }
}
