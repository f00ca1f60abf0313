// What a held poll tells a runner about leases it has: a person wants the end, somebody watches. Said once, and again
// after a while as long as it is still true: the answer may have been lost on its way.
import { sql } from 'kysely'
import type { Clock } from '../../base/clock.ts'
import type { AttemptId, LeaseId, RunnerId } from '../../base/ids.ts'
import type { LeaseControl } from '../../protocol/runner-wire.ts'
import type { Db } from '../db/database.ts'
import type { Watchers } from '../logs/watchers.ts'

type Said = { readonly cancelAt: number | null; readonly watched: boolean }
type Row = { readonly id: AttemptId; readonly lease: LeaseId; readonly cancelledBy: string | null }

export type Control = { pending(runner: RunnerId): Promise<readonly LeaseControl[]> }

const sayAgainMs = 10_000

export const createControl = (deps: {
  readonly db: Db
  readonly clock: Clock
  readonly watchers: Watchers
}): Control => {
  const said = new Map<RunnerId, Map<LeaseId, Said>>()
  return {
    pending: async (runner) => {
      const rows = await selectLeases(deps.db, runner)
      const before = said.get(runner)
      const after = new Map<LeaseId, Said>()
      const controls = rows.flatMap((row) => {
        const last = before?.get(row.lease) ?? { cancelAt: null, watched: false }
        const now = deps.clock.monotonicMs()
        const watched = deps.watchers.isWatched(row.id)
        const isDue = last.cancelAt === null || now - last.cancelAt >= sayAgainMs
        const cancel = row.cancelledBy !== null && isDue ? { by: row.cancelledBy } : null
        after.set(row.lease, { watched, cancelAt: cancel === null ? last.cancelAt : now })
        if (cancel === null && watched === last.watched) return []
        return [
          {
            lease: row.lease,
            ...(cancel === null ? {} : { cancel }),
            ...(watched === last.watched ? {} : { watched }),
          },
        ]
      })
      if (after.size === 0) said.delete(runner)
      else said.set(runner, after)
      return controls
    },
  }
}

const selectLeases = async (db: Db, runner: RunnerId): Promise<readonly Row[]> => {
  const { rows } = await sql<Row>`
    select id, lease_id as lease, cancel_requested_by as "cancelledBy" from attempts
    where runner_id = ${runner} and status = 'running'`.execute(db)
  return rows
}
