// What a held poll looks for, in one statement: whether there is work, and word about the leases that a runner has (a
// person wants the end, somebody watches). Said once, and again after a while as long as it is still true: the answer
// may have been lost on its way.
import { sql } from 'kysely'
import type { Clock } from '../../base/clock.ts'
import type { AttemptId, LeaseId, RunnerId } from '../../base/ids.ts'
import type { LeaseControl } from '../../protocol/runner-wire.ts'
import type { Db } from '../db/database.ts'
import type { Watchers } from '../logs/watchers.ts'
import type { Granted } from './granted.ts'
import { untouched } from './untouched.ts'

type Said = { readonly cancelAt: number | null; readonly watched: boolean }
type Row = HeldLease & { readonly cancelledBy: string | null }

export type HeldLease = {
  readonly attempt: AttemptId
  readonly lease: LeaseId
  readonly session: number
  /** Nothing was heard of it yet. */
  readonly isUntouched: boolean
}

export type Pending = {
  readonly control: readonly LeaseControl[]
  readonly leases: readonly HeldLease[]
  /** An attempt of one of the classes is queued; somebody else may be quicker. */
  readonly hasWork: boolean
}
export type Control = {
  /** `seen`: what `pendingSql` has just answered; else it looks. */
  pending(runner: RunnerId, classes: readonly string[], seen: SeenPending | null): Promise<Pending>
  /**
   * Of leases that this process granted: who is watched now and was not. That nobody watches any more is no news: whoever
   * sends frames is told with the answer.
   */
  watchNews(runner: RunnerId): readonly LeaseControl[]
  /** It was told otherwise whether somebody watches. */
  told(runner: RunnerId, lease: LeaseId, watched: boolean): void
}

const unsaid: Said = { cancelAt: null, watched: false }

const sayAgainMs = 10_000

export const createControl = (deps: {
  readonly db: Db
  readonly clock: Clock
  readonly watchers: Watchers
  readonly granted: Granted
}): Control => {
  const said = new Map<RunnerId, Map<LeaseId, Said>>()
  return {
    pending: async (runner, classes, seen) => {
      const { leases, hasWork } = seen ?? (await look(deps.db, runner, classes))
      const rows = leases ?? []
      deps.granted.keep(
        runner,
        rows.map(({ lease }) => lease),
      )
      const before = said.get(runner)
      const after = new Map<LeaseId, Said>()
      const controls = rows.flatMap((row) => {
        const last = before?.get(row.lease) ?? unsaid
        const now = deps.clock.monotonicMs()
        const watched = deps.watchers.isWatched(row.attempt)
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
      return { control: controls, leases: rows, hasWork }
    },
    watchNews: (runner) =>
      [...deps.granted.ofRunner(runner)].flatMap(({ lease, attempt }) => {
        const leases = said.get(runner) ?? new Map<LeaseId, Said>()
        const last = leases.get(lease) ?? unsaid
        const watched = deps.watchers.isWatched(attempt)
        if (!watched || last.watched) return []
        said.set(runner, leases.set(lease, { ...last, watched }))
        return [{ lease, watched }]
      }),
    told: (runner, lease, watched) => {
      const leases = said.get(runner) ?? new Map<LeaseId, Said>()
      said.set(runner, leases.set(lease, { ...(leases.get(lease) ?? unsaid), watched }))
    },
  }
}

const look = async (db: Db, runner: RunnerId, classes: readonly string[]): Promise<SeenPending> => {
  const { rows } = await sql<SeenPending>`select ${pendingSql(runner, classes)}`.execute(db)
  return rows[0] ?? { leases: null, hasWork: false }
}

export type SeenPending = { readonly leases: readonly Row[] | null; readonly hasWork: boolean }

/** The columns of a statement. */
export const pendingSql = (runner: RunnerId, classes: readonly string[]) => sql`(
      select json_agg(json_build_object('attempt', id, 'lease', lease_id, 'session', session,
        'cancelledBy', cancel_requested_by, 'isUntouched', ${untouched}))
      from attempts where runner_id = ${runner} and status = 'running') as leases,
      exists (
        select from unnest(${classes}::text[]) as c (name)
        where exists (select from attempts where status = 'queued' and not held and class = c.name)) as "hasWork"`
