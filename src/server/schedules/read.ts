// Schedules as the API shows them, with the next times and what came of the last one.
import { type RawBuilder, sql } from 'kysely'
import { parseCron } from '../../base/cron.ts'
import { cronTimes } from '../../base/cron-times.ts'
import type { ScheduleId } from '../../base/ids.ts'
import type { Schedule } from '../../protocol/api/schedules.ts'
import type { PlanInputs } from '../../protocol/plan.ts'
import { schedulesMax } from '../../protocol/plan-parse.ts'
import type { Db } from '../db/database.ts'
import type { Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'

export type ScheduleRow = {
  readonly id: ScheduleId
  readonly name: string
  readonly cron: string
  readonly zone: string
  readonly ref: string | null
  readonly parameters: PlanInputs['parameters']
  readonly paused: boolean
  /** Of the configuration. */
  readonly workflow: string | null
  readonly fresh: boolean
  readonly nextAt: Date | null
  readonly lastAt: Date | null
  readonly missed: number
  readonly run: NonNullable<Schedule['last']>['run']
}

/** `where` narrows `s` (schedules). */
export const selectSchedules = async (
  db: Db | Tx,
  where: RawBuilder<unknown>,
): Promise<readonly ScheduleRow[]> => {
  const { rows } = await sql<ScheduleRow>`
    select s.id, s.name, s.cron, s.zone, s.ref, s.parameters, s.paused, s.workflow, s.fresh, s.next_at as "nextAt", s.last_at as "lastAt",
      s.missed, case when r.id is not null then
        json_build_object('id', r.id, 'number', r.number, 'status', r.status) end as run
    from schedules s left join runs r on r.id = s.last_run_id
    where ${where} order by s.name, s.cron limit ${limits.schedulesPerProjectMax + schedulesMax}`.execute(db)
  return rows
}

export const scheduleOf = (row: ScheduleRow): Schedule => ({
  id: row.id,
  name: row.name,
  cron: row.cron,
  zone: row.zone,
  ref: row.ref,
  parameters: row.parameters,
  paused: row.paused,
  workflow: row.workflow,
  next: nextTimes(row).map((at) => new Date(at).toISOString()),
  last: row.lastAt === null ? null : { at: row.lastAt.toISOString(), run: row.run, missed: row.missed },
})

const shownTimes = 5

/** The first is the one that is stored: while it is overdue, it is still the next. */
const nextTimes = ({ cron, zone, nextAt, fresh }: ScheduleRow): readonly number[] => {
  const parsed = parseCron(cron)
  if (nextAt === null || fresh || parsed === null) return []
  const after = nextAt.getTime()
  return [after, ...cronTimes(parsed, zone, { after, count: shownTimes - 1 })]
}
