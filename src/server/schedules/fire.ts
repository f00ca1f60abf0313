// Begins the runs that are due. The run and the next time are one transaction under the lock of the schedule's row, so each
// time begins one run, however many servers look. What passed while nobody looked is made up for by one run, which says how
// many times it stands for.
import { sql } from 'kysely'
import { parseCron } from '../../base/cron.ts'
import { cronTimes } from '../../base/cron-times.ts'
import type { OrganisationId, ProjectId, ScheduleId } from '../../base/ids.ts'
import type { PlanInputs } from '../../protocol/plan.ts'
import { openCommit } from '../../protocol/runner-wire.ts'
import type { Db } from '../db/database.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { eventOf, insertRun } from '../runs/create.ts'
import { noPlacing } from '../runs/places.ts'

/**
 * Of `s` (schedules). A next time that was found by a clock that was ahead is found anew when that came back; not when a clock was set
 * right by a little, for what was due in between would be due again.
 */
export const isScheduleDue = sql`(s.next_at <= now() or s.next_at is not null
  and s.reckoned_at > now() + make_interval(secs => ${sql.lit(limits.clockBackSeconds)}))`

type Deps = { readonly db: Db; readonly newId: NewId }

/** One pass; returns how many schedules were due. One that cannot be carried out holds up no other; its fault is told when all had their turn. */
export const fireDueSchedules = async (deps: Deps): Promise<number> => {
  const broken = new Map<ScheduleId, unknown>()
  let begun = 0
  while (begun + broken.size < limits.schedulesAtOnceMax) {
    const looked: Looked = { current: null, broken: [...broken.keys()] }
    try {
      if (!(await inTransaction(deps.db, (tx) => fireOne(tx, deps.newId, looked)))) break
      begun++
    } catch (error) {
      if (looked.current === null) throw error
      broken.set(looked.current, error)
    }
  }
  const [first] = broken.values()
  if (broken.size > 0) throw first
  return begun
}

type Looked = { current: ScheduleId | null; readonly broken: readonly ScheduleId[] }

type Due = {
  readonly id: ScheduleId
  readonly name: string
  readonly cron: string
  readonly zone: string
  readonly ref: string
  readonly parameters: PlanInputs['parameters']
  /** Of the configuration. */
  readonly workflow: string | null
  /** Just made, or by a clock that was ahead: its next time is to be found. */
  readonly fresh: boolean
  readonly nextAt: Date
  readonly now: Date
  readonly project: ProjectId
  readonly organisation: OrganisationId
  readonly isLimited: boolean
}

const fireOne = async (tx: Tx, newId: NewId, looked: Looked): Promise<boolean> => {
  const { rows } = await sql<Due>`
    select s.id, s.name, s.cron, s.zone, coalesce(s.ref, 'refs/heads/' || p.default_branch) as ref, s.parameters,
      s.workflow, s.fresh or s.next_at > now() as fresh, s.next_at as "nextAt", now() as now, p.id as project, p.organisation_id as organisation,
      coalesce(p.jobs_max, o.jobs_max) is not null as "isLimited"
    from schedules s join projects p on p.id = s.project_id join organisations o on o.id = p.organisation_id
    where ${isScheduleDue} and s.id <> all(${looked.broken}::text[])
    order by s.next_at limit 1 for update of s skip locked`.execute(tx)
  const [due] = rows
  looked.current = due?.id ?? null
  if (due === undefined) return false
  const { missed, nextAt } = passed(due)
  const { id, name, workflow, project, organisation, parameters, isLimited } = due
  if (due.fresh) {
    await sql`
      update schedules set next_at = ${nextAt}, paused = ${nextAt === null}, fresh = false, reckoned_at = now()
      where id = ${id}`.execute(tx)
    return true
  }
  const schedule = { id, name, ...(workflow === null ? {} : { workflow }) }
  const event = { ...eventOf('schedule', due.ref, openCommit), schedule }
  const { id: run } = await insertRun(tx, newId, {
    ...{ organisation, project, event, parameters, isLimited, plan: null, placing: noPlacing },
    ...{ delivery: null, startedBy: id },
  })
  await sql`
    update schedules set next_at = ${nextAt}, paused = ${nextAt === null}, last_at = now(), last_run_id = ${run},
      reckoned_at = now(), missed = ${missed}
    where id = ${id}`.execute(tx)
  return true
}

/** How many further times passed since the one that is due, and the next after now. */
const passed = ({ cron, zone, nextAt, now }: Due): { missed: number; nextAt: Date | null } => {
  const parsed = parseCron(cron)
  if (parsed === null) return { missed: 0, nextAt: null }
  const [next] = cronTimes(parsed, zone, { after: now.getTime(), count: 1 })
  const since = { after: nextAt.getTime(), until: now.getTime(), count: limits.missedTimesCounted }
  return {
    missed: cronTimes(parsed, zone, since).length,
    nextAt: next === undefined ? null : new Date(next),
  }
}
