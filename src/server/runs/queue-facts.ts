// What keeps queued jobs of a run where they are: what is before them, which limit holds them back, who could take them,
// and how long jobs take. Read when somebody looks, never by a claim.
import { sql } from 'kysely'
import type { JobId, RunId } from '../../base/ids.ts'
import { builtInClass } from '../../protocol/resource-class.ts'
import type { Durations, QueueFacts } from '../../schedule/index.ts'
import type { Db } from '../db/database.ts'
import { onlineRunners } from '../runners/online.ts'

export type FactsByJob = (job: {
  readonly job: JobId
  readonly class: string
}) => Omit<QueueFacts, 'durations'>

type Row = {
  readonly job: JobId
  readonly ahead: number
  readonly held: QueueFacts['held']
}

/** How long most jobs of a class took lately, by class; of those of which enough ended. */
export type Usual = ReadonlyMap<string, Durations>

export const queueFacts = async (db: Db, run: RunId): Promise<FactsByJob> => {
  const [rows, runners] = await Promise.all([selectQueued(db, run), onlineRunners(db)])
  const byJob = new Map(rows.map((row) => [row.job, row]))
  return ({ job, class: className }) => ({
    class: className,
    ahead: byJob.get(job)?.ahead ?? 0,
    held: byJob.get(job)?.held ?? null,
    // Each takes our own jobs, and none says so: people read what it says.
    runners:
      className === builtInClass ? runners.map((runner) => ({ ...runner, classes: [className] })) : runners,
  })
}

const selectQueued = async (db: Db, run: RunId): Promise<readonly Row[]> => {
  const { rows } = await sql<Row>`
    with about as (
      select r.organisation_id, r.project_id, p.name, p.jobs_max, o.name as organisation, o.jobs_max as organisation_max, (
        select count(*) from attempts a
        where a.organisation_id = o.id and a.project_id = p.id and a.status = 'running' and ${isOfJob}
      ) + (
        select count(*) from attempts a where a.project_id = p.id and a.status = 'queued' and not a.held and ${isOfJob}
      ) as used
      from runs r join projects p on p.id = r.project_id join organisations o on o.id = r.organisation_id
      where r.id = ${run}
    ), line as (
      select job_id, run_id, class, false as held, row_number() over (partition by class order by turn, queue_order) - 1 as ahead
      from attempts where status = 'queued' and not held
      union all
      select a.job_id, a.run_id, a.class, true, row_number() over (order by a.queue_order) - 1
      from attempts a, about where a.organisation_id = about.organisation_id and a.project_id = about.project_id
        and a.status = 'queued' and a.held
    )
    select line.job_id as job, line.ahead, case when line.held then
        case when about.jobs_max <= about.used
          then json_build_object('of', 'project', 'name', about.name, 'max', about.jobs_max)
          else json_build_object('of', 'organisation', 'name', about.organisation, 'max', coalesce(about.organisation_max, about.jobs_max))
        end end as held
    from line cross join about where line.run_id = ${run}`.execute(db)
  return rows
}

export const usualDurations = async (db: Db, run: RunId): Promise<Usual> => {
  const { rows } = await sql<{ class: string; ms: readonly [number, number] }>`
    select a.class, percentile_cont(array[0.25, 0.75]) within group (
      order by extract(epoch from a.finished_at - a.started_at) * 1000) as ms
    from (
        select id from runs where organisation_id = (select organisation_id from runs where id = ${run})
          and id > 'run_' and id < 'run_w'
        order by id desc limit 20
      ) r join attempts a on a.run_id = r.id
    where a.status in ('passed', 'failed') and a.started_at is not null and ${isOfJob}
    group by a.class having count(*) >= ${samplesMin}`.execute(db)
  return new Map(rows.map(({ class: name, ms: [fromMs, toMs] }) => [name, { fromMs, toMs }]))
}

/** Of an attempt `a`: each finds its job by its key, also in tables that nobody counted yet (OFFSET 0 keeps it no join; decision 0077). */
const isOfJob = sql`exists (select from jobs j where j.id = a.job_id and j.kind is not distinct from 'job' offset 0)`

/** Fewer say nothing about the next. */
const samplesMin = 3
