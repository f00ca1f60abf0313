// One attempt with its steps and receipt, as the API shows it.
import { sql } from 'kysely'
import type { AttemptId, RunId } from '../../base/ids.ts'
import type { Attempt, Step } from '../../protocol/api/shapes.ts'
import { stagesOf } from '../../protocol/stages.ts'
import type { Scope } from '../access/actor.ts'
import { inScope } from '../access/in-scope.ts'
import type { Db } from '../db/database.ts'
import { actorIn } from './actor-name.ts'
import { type AttemptRow, attemptColumns, attemptSummary } from './jobs-read.ts'
import { receiptClaims } from './receipt-claims.ts'
import { timeOrNull } from './summaries.ts'

type Row = AttemptRow & {
  readonly run: RunId | null
  readonly cancelledBy: Attempt['cancelled_by']
  readonly renewedAt: Date | null
  readonly pinned: Attempt['pinned']
  readonly lastSeq: number
  readonly logComplete: boolean
  readonly removedAt: Date | null
  readonly days: number | null
  readonly notes: readonly string[]
  readonly receipt: string | null
  readonly receiptVerified: boolean
  readonly steps: readonly StepRow[]
}

/** Read with its attempt: what ended at once is never seen half. */
type StepRow = Omit<Step, 'started_at' | 'finished_at'> & { readonly startedAt: string }

export const findAttempt = async (db: Db, scope: Scope, id: AttemptId): Promise<Attempt | null> => {
  const { rows } = await sql<Row>`
    select ${attemptColumns}, a.job_id as job, a.run_id as run,
      ${actorIn(sql`a.cancel_requested_by`)} as "cancelledBy", a.renewed_at as "renewedAt",
      case when p.attempt_id is not null
        then json_build_object('step', p.step, 'line', p.line, 'by', ${actorIn(sql`p.pinned_by`)}, 'at', p.pinned_at) end as pinned,
      a.last_seq as "lastSeq", a.log_complete as "logComplete", a.notes,
      a.receipt, a.receipt_verified as "receiptVerified", e.removed_at as "removedAt", e.days, ${stepsSql} as steps
    from attempts a left join runners n on n.id = a.runner_id left join expired_objects e on e.id = a.id
      left join pinned_errors p on p.attempt_id = a.id
    where a.id = ${id} and ${inScope(scope, 'a')}`.execute(db)
  const row = rows[0]
  if (row === undefined) return null
  const summary = attemptSummary(row)
  const steps = row.steps.map(stepOf)
  return {
    ...summary,
    job_id: row.job,
    run_id: row.run,
    cancelled_by: row.cancelledBy,
    steps,
    stages: stagesOf({ ...summary, steps }),
    renewed_at: timeOrNull(row.renewedAt),
    pinned: row.pinned === null ? null : { ...row.pinned, at: new Date(row.pinned.at).toISOString() },
    last_seq: row.lastSeq,
    log_complete: row.logComplete,
    log_expired:
      row.removedAt === null || row.days === null
        ? null
        : { removed_at: row.removedAt.toISOString(), days: row.days },
    notes: [...row.notes],
    receipt: receiptOf(row),
  }
}

const stepsSql = sql`(
        select coalesce(json_agg(json_build_object('index', s.index, 'name', s.name, 'type', s.type, 'status', s.status,
          'startedAt', s.started_at, 'duration_ms', s.duration_ms, 'exit_code', s.exit_code, 'message', s.message,
          'leftovers', s.leftovers, 'cache', s.cache) order by s.index), '[]')
        from steps s where s.attempt_id = a.id)`

const stepOf = ({ startedAt, ...row }: StepRow): Step => {
  const start = new Date(startedAt)
  const end = row.duration_ms === null ? null : new Date(start.getTime() + row.duration_ms)
  return { ...row, started_at: start.toISOString(), finished_at: end === null ? null : end.toISOString() }
}

/** The signature was checked when the receipt came; here it is only taken apart. */
const receiptOf = ({ receipt, receiptVerified }: Row): Attempt['receipt'] => {
  const claims = receipt === null ? null : receiptClaims(receipt)
  if (receipt === null || claims === null) return null
  return { claims: claims ?? {}, verified: claims !== undefined && receiptVerified, jws: receipt }
}
