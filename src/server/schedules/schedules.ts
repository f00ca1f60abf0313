// Schedules of a project: runs that begin at set times, with parameters. What changes one says when it is due next; the rest
// is fire.ts.
import { sql } from 'kysely'
import { parseCron } from '../../base/cron.ts'
import { cronTimes, isTimeZone } from '../../base/cron-times.ts'
import { fault } from '../../base/faults.ts'
import type { ProjectId, ScheduleId } from '../../base/ids.ts'
import type { Schedule, ScheduleChange, ScheduleInput } from '../../protocol/api/schedules.ts'
import { type Actor, actorId } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import type { Database, Db } from '../db/database.ts'
import { inTransaction, sqlState, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { getProjectId } from '../projects/find-id.ts'
import { fullRef } from '../runs/git-names.ts'
import type { NamedSchedule, Schedules } from '../use-cases.ts'
import { type ScheduleRow, scheduleOf, selectSchedules } from './read.ts'

type Deps = { readonly database: Database; readonly newId: NewId }

export const createSchedules = (deps: Deps): Schedules => ({
  list: async (scope, project) => {
    const found = await getProjectId(deps.database.db, scope, project)
    const rows = await selectSchedules(deps.database.db, sql`s.project_id = ${found}`)
    return { items: rows.map(scheduleOf), next_cursor: null }
  },
  add: (actor, project, input) => add(deps, actor, project, input),
  find: async (scope, named) => {
    const { db } = deps.database
    return scheduleOf(await findRow(db, await getProjectId(db, scope, named.project), named.schedule))
  },
  set: (actor, named, changes, expect) => set(deps, actor, named, { changes, expect }),
  remove: (actor, named, expect) => remove(deps, actor, named, expect),
})

const add = async (deps: Deps, actor: Actor, name: string, input: ScheduleInput): Promise<Schedule> => {
  const { db } = deps.database
  const project = await getProjectId(db, actor.scope, name)
  const id = deps.newId('schedule')
  const cron = { cron: input.cron.trim(), zone: input.zone }
  await whenTaken(input.name, () =>
    inTransaction(db, async (tx) => {
      const nextAt = await nextTime(tx, cron)
      const { rows } = await sql`
        insert into schedules (id, organisation_id, project_id, name, cron, zone, ref, parameters, created_by, next_at)
        select ${id}, ${actor.scope.organisation}, ${project}, ${input.name}, ${cron.cron}, ${cron.zone},
          ${refOf(input.ref)}, ${JSON.stringify(input.parameters ?? {})}::jsonb, ${actorId(actor)}, ${nextAt}
        where (select count(*) from schedules where project_id = ${project} and workflow is null) < ${limits.schedulesPerProjectMax}
        returning 1`.execute(tx)
      if (rows.length === 0)
        throw fault('E_CONFLICT', {
          public: `At most ${limits.schedulesPerProjectMax} schedules in a project`,
        })
      const facts = { project }
      await writeAudit(tx, actor, {
        action: 'schedule.add',
        target: id,
        project,
        result: 'ok',
        facts,
      })
    }),
  )
  return get(db, project, id)
}

type Expect = Parameters<Schedules['remove']>[2]

/** What is left out stays. What was due while it was paused is not made up for. */
const set = async (
  deps: Deps,
  actor: Actor,
  named: NamedSchedule,
  { changes, expect }: { readonly changes: ScheduleChange; readonly expect: Expect },
): Promise<Schedule> => {
  const { db } = deps.database
  const project = await getProjectId(db, actor.scope, named.project)
  const { id } = await findOwnRow(db, project, named.schedule)
  await whenTaken(changes.name ?? '', () =>
    inTransaction(db, async (tx) => {
      const before = await holdRow(tx, id, expect)
      const after = {
        ...{ name: changes.name ?? before.name, cron: changes.cron?.trim() ?? before.cron },
        ...{ zone: changes.zone ?? before.zone, paused: changes.paused ?? before.paused },
        ref: changes.ref === undefined ? before.ref : refOf(changes.ref),
        parameters: changes.parameters ?? before.parameters,
      }
      const isSameTime =
        after.cron === before.cron && after.zone === before.zone && after.paused === before.paused
      const nextAt = after.paused ? null : isSameTime ? before.nextAt : await nextTime(tx, after)
      await sql`
        update schedules set name = ${after.name}, cron = ${after.cron}, zone = ${after.zone}, ref = ${after.ref},
          parameters = ${JSON.stringify(after.parameters)}::jsonb, paused = ${after.paused}, next_at = ${nextAt},
          reckoned_at = case when ${isSameTime} then reckoned_at else now() end
        where id = ${id}`.execute(tx)
      await writeAudit(tx, actor, { action: 'schedule.set', target: id, project, result: 'ok' })
    }),
  )
  return get(db, project, id)
}

const remove = async (deps: Deps, actor: Actor, named: NamedSchedule, expect: Expect): Promise<void> => {
  const { db } = deps.database
  const project = await getProjectId(db, actor.scope, named.project)
  const { id } = await findOwnRow(db, project, named.schedule)
  await inTransaction(db, async (tx) => {
    await holdRow(tx, id, expect)
    await sql`delete from schedules where id = ${id}`.execute(tx)
    await writeAudit(tx, actor, { action: 'schedule.remove', target: id, project, result: 'ok' })
  })
}

/** After now, by the clock of the database, which all servers share. */
const nextTime = async (tx: Tx, { cron, zone }: { readonly cron: string; readonly zone: string }) => {
  const parsed = parseCron(cron)
  if (parsed === null)
    throw fault('E_INPUT', {
      public: 'cron: five fields: minute, hour, day of the month, month, day of the week; "0 6 * * 1-5"',
    })
  if (!isTimeZone(zone)) throw fault('E_INPUT', { public: 'zone is no time zone; Europe/Vienna or UTC is' })
  const { rows } = await sql<{ now: Date }>`select now() as now`.execute(tx)
  const [next] = cronTimes(parsed, zone, { after: rows[0]?.now.getTime() ?? 0, count: 1 })
  if (next === undefined) throw fault('E_INPUT', { public: 'cron names a day that never comes' })
  return new Date(next)
}

const refOf = (ref: string | null | undefined): string | null => {
  if (ref === null || ref === undefined) return null
  const full = fullRef(ref)
  if (full === null) throw fault('E_INPUT', { public: 'ref is not the name of a branch or tag' })
  return full
}

const whenTaken = async (name: string, work: () => Promise<void>): Promise<void> => {
  try {
    await work()
  } catch (error) {
    if (sqlState(error) !== '23505') throw error
    throw fault('E_CONFLICT', { public: `There is a schedule named ${name} already` })
  }
}

const notThere = () => fault('E_NOT_FOUND', { public: 'No such schedule' })

const get = async (db: Db, project: ProjectId, id: ScheduleId): Promise<Schedule> =>
  scheduleOf(await findRow(db, project, id))

/** Nobody else changes it meanwhile. */
const holdRow = async (tx: Tx, id: ScheduleId, expect: Expect): Promise<ScheduleRow> => {
  await sql`select 1 from schedules where id = ${id} for update`.execute(tx)
  const [row] = await selectSchedules(tx, sql`s.id = ${id}`)
  if (row === undefined) throw notThere()
  expect?.(scheduleOf(row))
  return row
}

/** Those of the configuration are changed there. */
const findOwnRow = async (db: Db, project: ProjectId, named: string): Promise<ScheduleRow> => {
  const row = await findRow(db, project, named)
  if (row.workflow !== null)
    throw fault('E_CONFLICT', {
      public: `It stands in the configuration, as a trigger of the workflow ${JSON.stringify(row.workflow)}: change it there`,
    })
  return row
}

const findRow = async (db: Db, project: ProjectId, named: string): Promise<ScheduleRow> => {
  const where = sql`s.project_id = ${project} and (s.id = ${named} or s.name = ${named})`
  const rows = await selectSchedules(db, where)
  const row = rows.find(({ workflow }) => workflow === null) ?? rows[0]
  if (row === undefined) throw notThere()
  return row
}
