// A run that has ended, with everything that happened in it and when: what metrics count and traces show. Read once, after
// the end, from what is stored: nothing on the way of a run is measured twice, and a restart loses nothing.
import { sql } from 'kysely'
import type { AttemptId, JobId, ProjectId, RunId } from '../../base/ids.ts'
import type { Status } from '../../protocol/api/shapes.ts'
import type { Db } from '../db/database.ts'
import { limits } from '../limits.ts'

export type EndedStep = {
  readonly index: number
  readonly name: string
  readonly status: Status
  readonly startedAt: Date
  readonly durationMs: number | null
}

export type EndedAttempt = {
  readonly id: AttemptId
  readonly number: number
  /** The attempt of the same job before it. */
  readonly previous: AttemptId | null
  readonly cause: 'start' | 'retry' | 'rerun'
  readonly status: Status
  readonly job: JobId
  readonly name: string
  readonly kind: string
  readonly queuedAt: Date
  /** null: it was cancelled while it waited. */
  readonly startedAt: Date | null
  readonly finishedAt: Date
  readonly steps: readonly EndedStep[]
}

export type EndedRun = {
  readonly id: RunId
  readonly number: number
  readonly project: { readonly id: ProjectId; readonly name: string }
  readonly status: Status
  readonly event: string
  readonly branch: string | null
  readonly tag: string | null
  readonly commit: string
  readonly receivedAt: Date | null
  readonly createdAt: Date
  readonly rerunAt: Date | null
  readonly finishedAt: Date
  /** Those of this end: of a run that was wanted again, not the ones from before. */
  readonly attempts: readonly EndedAttempt[]
}

/** null: there is no such run, or it goes on. */
export const readEndedRun = async (db: Db, run: RunId): Promise<EndedRun | null> => {
  const { rows } = await sql<
    Omit<EndedRun, 'project' | 'attempts'> & { projectId: ProjectId; projectName: string }
  >`
    select r.id, r.number, r.status, r.event_kind as event, r.branch, r.tag, r.commit, r.created_at as "createdAt",
      r.rerun_at as "rerunAt", r.finished_at as "finishedAt", d.received_at as "receivedAt", p.id as "projectId",
      p.name as "projectName"
    from runs r join projects p on p.id = r.project_id left join deliveries d on d.id = r.delivery_id
    where r.id = ${run} and r.finished_at is not null`.execute(db)
  if (rows[0] === undefined) return null
  const { projectId, projectName, ...row } = rows[0]
  const attempts = await readAttempts(db, run, row.rerunAt ?? row.createdAt)
  return { ...row, project: { id: projectId, name: projectName }, attempts }
}

type AttemptRow = Omit<EndedAttempt, 'steps'>

const readAttempts = async (db: Db, run: RunId, since: Date): Promise<readonly EndedAttempt[]> => {
  const { rows } = await sql<AttemptRow>`
    select a.id, a.number, a.cause, a.status, a.queued_at as "queuedAt", a.started_at as "startedAt",
      a.finished_at as "finishedAt", j.id as job, j.name, j.kind,
      (select b.id from attempts b where b.job_id = a.job_id and b.number = a.number - 1) as previous
    from attempts a join jobs j on j.id = a.job_id
    where a.run_id = ${run} and a.finished_at >= ${since} order by a.id
    limit ${limits.telemetry.attemptsPerRunMax}`.execute(db)
  const ids = rows.map(({ id }) => id)
  const { rows: steps } = await sql<EndedStep & { readonly attempt: AttemptId }>`
    select attempt_id as attempt, index, name, status, started_at as "startedAt", duration_ms as "durationMs"
    from steps where attempt_id = any(${ids}::text[]) order by attempt_id, index
    limit ${limits.telemetry.stepsPerRunMax}`.execute(db)
  const byAttempt = Map.groupBy(steps, ({ attempt }) => attempt)
  return rows.map((row) => ({ ...row, steps: byAttempt.get(row.id) ?? [] }))
}
