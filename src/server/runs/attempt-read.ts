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
}

export const findAttempt = async (db: Db, scope: Scope, id: AttemptId): Promise<Attempt | null> => {
  const { rows } = await sql<Row>`
    select ${attemptColumns}, a.job_id as job, a.run_id as run,
      ${actorIn(sql`a.cancel_requested_by`)} as "cancelledBy", a.renewed_at as "renewedAt",
      case when p.attempt_id is not null
        then json_build_object('step', p.step, 'line', p.line, 'by', ${actorIn(sql`p.pinned_by`)}, 'at', p.pinned_at) end as pinned,
      a.last_seq as "lastSeq", a.log_complete as "logComplete", a.notes,
      a.receipt, a.receipt_verified as "receiptVerified", e.removed_at as "removedAt", e.days
    from attempts a left join runners n on n.id = a.runner_id left join expired_objects e on e.id = a.id
      left join pinned_errors p on p.attempt_id = a.id
    where a.id = ${id} and ${inScope(scope, 'a')}`.execute(db)
  const row = rows[0]
  if (row === undefined) return null
  const summary = attemptSummary(row)
  const steps = await selectSteps(db, id)
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

type StepRow = {
  readonly index: number
  readonly name: string
  readonly type: string
  readonly status: Step['status']
  readonly startedAt: Date
  readonly durationMs: number | null
  readonly exitCode: number | null
  readonly message: string | null
  readonly leftovers: number
  readonly cache: Step['cache']
}

const selectSteps = async (db: Db, attempt: AttemptId): Promise<Step[]> => {
  const { rows } = await sql<StepRow>`
    select index, name, type, status, started_at as "startedAt", duration_ms as "durationMs", exit_code as "exitCode",
      message, leftovers, cache
    from steps where attempt_id = ${attempt} order by index`.execute(db)
  return rows.map((row) => ({
    index: row.index,
    name: row.name,
    type: row.type,
    status: row.status,
    started_at: row.startedAt.toISOString(),
    finished_at:
      row.durationMs === null ? null : new Date(row.startedAt.getTime() + row.durationMs).toISOString(),
    duration_ms: row.durationMs,
    exit_code: row.exitCode,
    message: row.message,
    leftovers: row.leftovers,
    cache: row.cache,
  }))
}

/** The signature was checked when the receipt came; here it is only taken apart. */
const receiptOf = ({ receipt, receiptVerified }: Row): Attempt['receipt'] => {
  const claims = receipt === null ? null : receiptClaims(receipt)
  if (receipt === null || claims === null) return null
  return { claims: claims ?? {}, verified: claims !== undefined && receiptVerified, jws: receipt }
}
