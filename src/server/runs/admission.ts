// Lets held attempts into the queue, as many as the limits of their project and organisation leave room for. Only the
// admission makes that number grow, and for one organisation one admission at a time: so a limit holds exactly, however
// many runners claim at once, and the claim itself need not know of limits (docs/decisions/0022).
import { type RawBuilder, sql } from 'kysely'
import { type OrganisationId, parseId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Database, Db } from '../db/database.ts'
import { notify } from '../db/notify.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import { isOffered } from '../runners/online.ts'
import { stepOf, turnOf } from './queue-entry.ts'
import { createRounds } from './rounds.ts'
import { parseRunNotice } from './run-notice.ts'

export type Admission = {
  /** Looks after all organisations with held attempts: for what no notice told of. */
  sweep(): Promise<void>
  close(): void
}

/** Wakes when an attempt was held, when settings changed, and when something ended in an organisation that waits. */
export const createAdmission = ({
  database,
  log,
}: {
  readonly database: Database
  readonly log: Log
}): Admission => {
  const { db } = database
  const waiting = new Set<OrganisationId>()
  const look = createRounds(async (organisation) => {
    if (await admit(db, organisation)) waiting.add(organisation)
    else waiting.delete(organisation)
  })
  const wake = (organisation: OrganisationId | null | undefined): void => {
    if (organisation === null || organisation === undefined) return
    look(organisation).catch((error: unknown) => log.error('held attempts not admitted', { error }))
  }
  const stops = [
    database.listen('mayfly_limits', (payload) => wake(parseId('organisation', payload ?? ''))),
    database.listen('mayfly_run', (payload) => {
      const organisation = payload === null ? undefined : parseRunNotice(payload)?.organisation
      if (organisation !== undefined && waiting.has(organisation)) wake(organisation)
    }),
  ]
  return {
    sweep: async () => {
      const organisations = await selectWaiting(db)
      if (organisations.length > 0) await holdUnoffered(db)
      for (const organisation of organisations) await look(organisation)
    },
    close: () => {
      for (const stop of stops) stop()
    },
  }
}

const selectWaiting = async (db: Db): Promise<readonly OrganisationId[]> => {
  const { rows } = await sql<{ id: OrganisationId }>`
    select distinct organisation_id as id from attempts where status = 'queued' and held`.execute(db)
  return rows.map(({ id }) => id)
}

/** Whether any are still held. */
export const admit = (db: Db, organisation: OrganisationId): Promise<boolean> =>
  inTransaction(db, async (tx) => {
    // A statement of its own: the next one sees what every admission before this one has done.
    await sql`select pg_advisory_xact_lock(hashtextextended(${`admission ${organisation}`}, 0))`.execute(tx)
    const classes = await letIn(tx, organisation)
    await notify(
      tx,
      classes.map((payload) => ({ channel: 'mayfly_queue', payload }) as const),
    )
    const { rows } = await sql`
      select 1 from attempts where organisation_id = ${organisation} and status = 'queued' and held limit 1`.execute(
      tx,
    )
    return rows.length > 0
  })

/**
 * The oldest of each project (`least` passes over a limit that is not set); their place among all others is given here. Where the organisation
 * has room for few, chance says whose they are, by the priorities of the projects: who was first before would keep what becomes free one
 * by one. The classes that got work.
 */
const letIn = async (tx: Tx, organisation: OrganisationId): Promise<readonly string[]> => {
  const { rows } = await sql<{ class: string }>`
    with used as (
      select project_id, count(*) as n from (
        select project_id, job_id from attempts where organisation_id = ${organisation} and status = 'running'
        union all select a.project_id, a.job_id from attempts a join projects p on p.id = a.project_id
          where p.organisation_id = ${organisation} and a.status = 'queued' and not a.held) live
      where exists (select from jobs j where j.id = job_id and j.kind = 'job') group by project_id
    ), fitting as (
      select h.id, h.class, h.queue_order, p.id as project, p.priority, (h.nth - 1 + p.luck) * ${stepOf(sql`p.priority`)} as rank
      from (select *, -ln(1 - random()) as luck from projects) p left join used u on u.project_id = p.id cross join lateral (
        select id, class, queue_order, row_number() over (order by queue_order) as nth from (
          select id, class, queue_order from attempts
          where organisation_id = ${organisation} and project_id = p.id and status = 'queued' and held
            and ${isOffered(sql`class`)}
          order by queue_order limit greatest(0, least(${limits.admittedAtOnceMax}, p.jobs_max - coalesce(u.n, 0)))) o) h
      where p.organisation_id = ${organisation}
    ), chosen as (
      select f.* from fitting f order by f.rank, f.queue_order limit (
        select greatest(0, least(${limits.admittedAtOnceMax}, o.jobs_max - (select coalesce(sum(n), 0) from used)))
        from organisations o where o.id = ${organisation})
    ), placed as (
      select id, ${turnOf({
        ...{ project: sql`c.project`, className: sql`c.class`, step: stepOf(sql`c.priority`) },
        nth: sql`(row_number() over (partition by c.project, c.class order by c.queue_order) - 1)`,
      })} as turn from chosen c
    )
    update attempts a set held = false, turn = placed.turn from placed
    where a.id = placed.id and a.status = 'queued' and a.held returning a.class`.execute(tx)
  return [...new Set(rows.map((row) => row.class))]
}

/** After limits were set: what has not begun waits for the admission, so that a lower limit counts at once. */
export const holdQueued = async (tx: Tx, organisation: OrganisationId): Promise<void> => {
  await holdWhere(tx, sql`o.id = ${organisation}`)
  await notify(tx, [{ channel: 'mayfly_limits', payload: organisation }])
}

/** A job of a class that no runner takes (any more) would have the place of others for as long as it waits. */
const holdUnoffered = (db: Db): Promise<void> => holdWhere(db, sql`not ${isOffered(sql`a.class`)}`)

/** Of the limited ones that have not begun; whoever claims one in the same moment has it. */
const holdWhere = async (db: Db, condition: RawBuilder<unknown>): Promise<void> =>
  void (await sql`
    update attempts a set held = true from jobs j, projects p, organisations o
    where j.id = a.job_id and p.id = a.project_id and o.id = p.organisation_id and a.status = 'queued' and not a.held
      and j.kind = 'job' and coalesce(p.jobs_max, o.jobs_max) is not null and ${condition}`.execute(db))
