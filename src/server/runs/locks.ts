// Gives the locks of an organisation to who is next (docs/decisions/0026): serial groups and `lock` jobs. Who asks stands
// in the rows of jobs; schedule/ says who is next; one look at a time in an organisation makes a holder, so that there is
// never a second one, however many servers look.
import { sql } from 'kysely'
import { type OrganisationId, parseId, type RunId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import { type LockRequest, nextHolder, type RunEvent } from '../../schedule/index.ts'
import type { Database, Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { changeRun } from './change.ts'
import { createRounds } from './rounds.ts'

export type Locks = {
  /** Looks after all organisations in which somebody waits: for what no notice told of, and for who waits too long. */
  sweep(): Promise<void>
  close(): void
}

export const createLocks = ({
  database,
  newId,
  log,
}: {
  readonly database: Database
  readonly newId: NewId
  readonly log: Log
}): Locks => {
  const { db } = database
  const look = createRounds((organisation) => settleLocks({ db, newId }, organisation))
  const stop = database.listen('mayfly_locks', (payload) => {
    const organisation = parseId('organisation', payload ?? '')
    if (organisation === null) return
    look(organisation).catch((error: unknown) => log.error('locks not given', { error }))
  })
  return {
    sweep: async () => {
      const { rows } = await sql<{ id: OrganisationId }>`
        select distinct organisation_id as id from jobs where lock_state = 'asked'`.execute(db)
      for (const { id } of rows) await look(id)
    },
    close: stop,
  }
}

type Deps = { readonly db: Db; readonly newId: NewId }

/** One run a transaction: whoever changes several at once would have to agree with claims on their order. */
const settleLocks = async ({ db, newId }: Deps, organisation: OrganisationId): Promise<void> => {
  for (let i = 0; i < limits.locksGivenAtOnceMax; i++) {
    const isChanged = await inTransaction(db, async (tx) => {
      // A statement of its own: the next one sees what every look before this one has done.
      await sql`select pg_advisory_xact_lock(hashtextextended(${`locks ${organisation}`}, 0))`.execute(tx)
      const next = nextStep(await selectRequests(tx, organisation))
      if (next !== null) await changeRun(tx, next.id, [next.event], { newId })
      return next !== null
    })
    if (!isChanged) return
  }
}

type Request = LockRequest & { readonly id: RunId; readonly name: string; readonly isLate: boolean }

/** In the order in which they asked. */
const selectRequests = async (tx: Tx, organisation: OrganisationId): Promise<readonly Request[]> => {
  const { rows } = await sql<Request>`
    select j.lock_name as name, j.run_id as id, r.project_id as project, r.number as run, json_agg(j.id) as jobs,
      bool_or(j.lock_state = 'held') as "isHeld",
      min(j.lock_asked_at) < now() - make_interval(secs => ${limits.lockWaitMaxMs / 1000}) as "isLate"
    from jobs j join runs r on r.id = j.run_id
    where j.organisation_id = ${organisation} and j.lock_state in ('asked', 'held')
    group by j.lock_name, j.run_id, r.project_id, r.number, j.workflow_id, j.key
    order by min(j.lock_asked_at), min(j.id)`.execute(tx)
  return rows
}

type Step = { readonly id: RunId; readonly event: RunEvent }

const nextStep = (requests: readonly Request[]): Step | null => {
  const late = requests.find(({ isHeld, isLate }) => isLate && !isHeld)
  if (late !== undefined) return refusal(late, 'too-long')
  for (const inLine of Map.groupBy(requests, ({ name }) => name).values()) {
    const { grant, refuse } = nextHolder(inLine)
    const [replaced] = refuse
    if (replaced !== undefined) return refusal(replaced, 'replaced')
    if (grant !== null) return { id: grant.id, event: { kind: 'lock-granted', jobs: grant.jobs } }
  }
  return null
}

const refusal = ({ id, jobs }: Request, why: 'replaced' | 'too-long'): Step => ({
  ...{ id, event: { kind: 'lock-refused', jobs, why } },
})
