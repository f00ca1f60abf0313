// Objects are removed at one place at a time, and not while a backup is made of them: protocol/objects-stay.ts.
import { sql } from 'kysely'
import { objectsStayLock } from '../../protocol/objects-stay.ts'
import type { Db } from '../db/database.ts'

/** Not while a backup is made, nor beside another server: there is a next time. */
export const unlessObjectsStay = (db: Db, remove: () => Promise<unknown>): Promise<void> =>
  db.connection().execute(async (held) => {
    const { rows } = await sql<{ ours: boolean }>`
      select pg_try_advisory_lock(${sql.lit(objectsStayLock)}) as ours`.execute(held)
    if (rows[0]?.ours !== true) return
    try {
      await remove()
    } finally {
      await sql`select pg_advisory_unlock(${sql.lit(objectsStayLock)})`.execute(held)
    }
  })
