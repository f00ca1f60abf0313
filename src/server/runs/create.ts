// A run begins: with the project's next number and its built-in plan job, in the caller's transaction. When its plan is
// known (known-plan.ts) that job has nothing to do and the run begins at the jobs of the plan, else with a plan attempt.
// Either way what begins takes the places that wait for it (places.ts).
// Callers are intake/ (with the delivery) and startRun.
import { type RawBuilder, sql } from 'kysely'
import type { DeliveryId, JobId, OrganisationId, ProjectId, RunId } from '../../base/ids.ts'
import type { ChangeFacts, PlanInputs, RunEvent } from '../../protocol/plan.ts'
import { builtInClass } from '../../protocol/resource-class.ts'
import { decide, isFinal, newPlannedRun, newRun, type RunState, type Status } from '../../schedule/index.ts'
import { type Notice, noticeRows, sendSql, tellOnCommit } from '../db/notify.ts'
import { endUnless, onCommit, type Tx } from '../db/transaction.ts'
import type { NewId } from '../new-id.ts'
import { orbsKeySql, planMadeWithSql } from '../orbs/orbs.ts'
import { happeningsBetween } from '../webhooks/happenings.ts'
import { toldNotice, toldPart, toldSql } from '../webhooks/outbox.ts'
import { refusedHeadline } from './headline.ts'
import type { KnownPlan } from './known-plan.ts'
import { leasedJobs, leasedPlan, type OfProject, ofProject } from './leased-at-start.ts'
import { isInLine, lockNotice } from './lock-notice.ts'
import { leaseColumns, leaseDeadlineSeconds, leaseValues, type NewAttempt, newAttempts } from './new-lease.ts'
import { noPlacing, type Placing } from './places.ts'
import { type PlacedLease, placePlanned, plannedParts } from './planned-rows.ts'
import { decidedByEvent, type ToldOf } from './planned-schedules.ts'
import { isHeld, stepOf, turnOf } from './queue-entry.ts'
import { runNotice } from './run-notice.ts'

export type NewRun = {
  /** Given when something else names the run before it exists. */
  readonly id?: RunId
  readonly organisation: OrganisationId
  readonly project: ProjectId
  readonly event: RunEvent
  /** For the pipeline, from whoever starts it. */
  readonly parameters?: PlanInputs['parameters']
  readonly delivery: DeliveryId | null
  /** Of a push. */
  readonly told?: ToldOf
  /** What the delivery tells beside the event. */
  readonly change?: ChangeFacts
  /** Id of the actor, or `hook`. */
  readonly startedBy: string
  /** null: it has to be planned. */
  readonly plan: KnownPlan | null
  /** For the attempts that can begin at once; the caller releases what is not given in the end. */
  readonly placing: Placing
  /** Its jobs go through the queue, where its limits are looked at. */
  readonly isLimited: boolean
  /** What the same statement writes besides: `name as (insert …)`, also several, which `isWhole` (SQL) may call off with all the rest (`isEnded`). */
  readonly also?: { readonly parts: RawBuilder<unknown>; readonly isWhole?: RawBuilder<unknown> }
}

/** What a run with a known plan was made of, and what only the tables knew. */
export type Made = {
  readonly run: NewRun & { readonly id: RunId; readonly plan: KnownPlan }
  readonly project: OfProject
  readonly createdAt: Date
  readonly planJob: JobId
  readonly state: RunState
  readonly attempts: readonly NewAttempt[]
  readonly leases: ReadonlyMap<JobId, PlacedLease>
}

/** One statement, with what is `also` to be written. `made`: of what, when its plan was known. */
export const insertRun = async (
  tx: Tx,
  newId: NewId,
  run: NewRun,
): Promise<{ readonly id: RunId; readonly made: Made | null }> => {
  const id = run.id ?? newId('run')
  if (run.plan !== null) return { id, made: await insertPlanned(tx, newId, { ...run, id, plan: run.plan }) }
  await insertUnplanned(tx, newId, { ...run, id })
  return { id, made: null }
}

type Named = NewRun & { readonly id: RunId }

const insertUnplanned = async (tx: Tx, newId: NewId, run: Named): Promise<void> => {
  const planJob = newId('job')
  run.placing.release()
  const place = run.placing.take(builtInClass)
  const begun = newRun(planJob)
  const { status } =
    place === null ? begun : decide(begun, { kind: 'claimed', job: planJob, number: 1 }).state
  const lease = place === null ? undefined : { ...place, deadlineSeconds: leaseDeadlineSeconds(null) }
  const attempt: NewAttempt = {
    ...{ id: newId('attempt'), job: planJob, number: 1, cause: 'start', lease },
    status: place === null ? 'queued' : 'running',
  }
  const notices = [
    noticeOf(run),
    ...(place === null ? [{ channel: 'mayfly_queue', payload: builtInClass } as const] : []),
  ]
  const { rows } = await sql<OfProject & { readonly orbsKey: string; readonly told: boolean }>`
    with ${newRunPart(run, { status, headline: null })}, ${planJobPart(planJob, status)}, new_attempt as (
      insert into attempts (id, organisation_id, project_id, run_id, job_id, number, cause, class, status, turn,
        ${leaseColumns}, compiler)
      select a.id, j.organisation_id, j.project_id, j.run_id, j.id, a.number, a.cause, j.class, a.status, ${turn(sql`0`)},
        ${leaseValues}, ${planMadeWithSql({ compiler: sql`a.compiler`, organisation: sql`j.organisation_id` })}
      from ${newAttempts([attempt])}, new_job j, project p
    )${alsoPart(run)}, ${toldPart(run, happeningsBetween(null, begun.status === status ? begun : { ...begun, status }, false), newId)}
    select ${ofProject(run.startedBy)}, ${orbsKeySql(sql`p.organisation_id`)} as "orbsKey", ${toldSql} as told${alsoWhole(run)} from project p, ${sentNotices(tx, notices)}`.execute(
    tx,
  )
  tellOnCommit(tx, rows[0]?.told ? [...notices, toldNotice] : notices)
  onCommit(tx, () =>
    run.placing.give(rows.flatMap(({ told: _, ...project }) => leasedPlan(run, project, attempt))),
  )
}

/** All of it in one statement: nothing that the rules decide here needs to be read first. */
const insertPlanned = async (tx: Tx, newId: NewId, run: Made['run']): Promise<Made | null> => {
  const { id, organisation, project, plan } = run
  const planJob = newId('job')
  const placing = run.isLimited ? noPlacing : run.placing
  const { state, leases } = placePlanned(plan.rows, placing, (claimed) =>
    decide(newPlannedRun(planJob), { kind: 'plan-known', ...plan.rows.event }, ...claimed),
  )
  const attempts = state.jobs.flatMap((job) =>
    job.attempts.map(({ number, cause, status }) => ({
      ...{ id: newId('attempt'), job: job.id, number, cause, status, lease: leases.get(job.id) },
    })),
  )
  const queued = attempts.filter(({ status }) => status === 'queued')
  const classes = new Set(queued.map(({ job }) => plan.rows.classes.get(job) ?? ''))
  const notices = [
    noticeOf(run),
    ...[...classes].map((payload) => ({ channel: 'mayfly_queue', payload }) as const),
    ...(run.isLimited ? [{ channel: 'mayfly_limits', payload: organisation } as const] : []),
    ...(state.jobs.some(isInLine) ? [lockNotice(organisation)] : []),
  ]
  const { rows } = await sql<OfProject & Pick<Made, 'createdAt'> & { readonly told: boolean }>`
    with ${newRunPart(run, { status: state.status, headline: plan.headline ?? refusedHeadline(state) })}, ${planJobPart(planJob, 'passed')}, new_plan as (
      insert into plans (run_id, digest, plan, origins, problems, changes, from_run_id)
      select new_run.id, p.digest, p.plan, p.origins, p.problems, p.changes, p.run_id from new_run, plans p
      where p.run_id = ${plan.run}
    ), ${plannedParts({ id, organisation, project, rev: 1 }, plan.rows, state, decidedByEvent(project, run.event, run.told ?? { sentAt: null, replayOf: null }))}, new_attempt as (
      insert into attempts (id, organisation_id, project_id, run_id, job_id, number, cause, class, status, turn, held,
        ${leaseColumns})
      select a.id, ${organisation}, ${project}, ${id}, j.id, a.number, a.cause, j.class, a.status,
        ${turn(sql`(row_number() over (partition by j.class order by j.number) - 1)`)},
        a.status = 'queued' and ${isHeld({ kind: sql`j.kind`, limits: [sql`p.jobs_max`, sql`o.jobs_max`] })},
        ${leaseValues}
      from ${newAttempts(attempts)} join planned_job j on j.id = a.job
        cross join project p join organisations o on o.id = p.organisation_id
      order by j.number
    )${alsoPart(run)}, ${toldPart(run, happeningsBetween(null, state, false), newId)}
    select ${ofProject(run.startedBy)}, now() as "createdAt", ${toldSql} as told${alsoWhole(run)} from project p, ${sentNotices(tx, notices)}`.execute(
    tx,
  )
  const [row] = rows
  tellOnCommit(tx, row?.told ? [...notices, toldNotice] : notices)
  if (row === undefined) return null
  const { createdAt, told: _, ...of } = row
  onCommit(tx, () => placing.give(leasedJobs(run, of, attempts)))
  return { run, project: of, createdAt, planJob, state, attempts, leases }
}

/** Of what enters the queue for class `j.class`. */
const turn = (nth: RawBuilder<unknown>) =>
  turnOf({ project: sql`p.id`, className: sql`j.class`, step: stepOf(sql`p.priority`), nth })

const noticeOf = ({ organisation, project, id }: Named) =>
  runNotice({ organisation, project, run: id, rev: 1 })

const alsoPart = ({ also }: Named) => (also === undefined ? sql`` : sql`, ${also.parts}`)
const alsoWhole = ({ also }: Named) =>
  also?.isWhole === undefined ? sql`` : sql`, ${endUnless(also.isWhole)}`

/** In the FROM of a statement that answers one row. */
const sentNotices = (tx: Tx, notices: readonly Notice[]) => sql`
  (select count(sent) from (
    select ${sendSql(tx, sql`channel`, sql`payload`)} as sent from (${noticeRows(notices)}) as notice) as told) as told`

/** `status` may be final already: a plan without a job. */
const newRunPart = (
  { id, organisation, project, event, parameters = {}, delivery, change, startedBy, plan }: Named,
  { status, headline }: { readonly status: Status; readonly headline: string | null },
) => sql`
  project as (
    update projects set next_run_number = next_run_number + 1
    where id = ${project} and organisation_id = ${organisation}
    returning *, next_run_number - 1 as number
  ), new_run as (
    insert into runs (id, organisation_id, project_id, number, status, event_kind, ref, commit, branch, tag,
      parameters, schedule, change, delivery_id, started_by, plan_digest, subject, author, headline, started_at, finished_at)
    select ${id}, organisation_id, id, number, ${status}, ${event.kind}, ${event.ref}, ${event.commit}, ${event.branch},
      ${event.tag}, ${JSON.stringify(parameters)}::jsonb,
      ${event.schedule === undefined ? null : JSON.stringify(event.schedule)}::jsonb,
      ${change === undefined ? null : JSON.stringify(change)}::jsonb, ${delivery}, ${startedBy}, ${plan?.digest ?? null},
      ${plan?.subject ?? null}, ${plan?.author ?? null}, ${headline},
      case when ${status} = 'running' then now() end, case when ${isFinal(status)} then now() end from project
    returning id, organisation_id, project_id
  )`

const planJobPart = (id: JobId, status: Status) => sql`
  new_job as (
    insert into jobs (id, organisation_id, project_id, run_id, number, key, name, kind, status, class)
    select ${id}, organisation_id, project_id, id, 0, 'plan', 'plan', 'plan', ${status}, ${builtInClass}
    from new_run
    returning *
  )`

const branchPrefix = 'refs/heads/'
const tagPrefix = 'refs/tags/'

/** `ref` is a full name. */
export const eventOf = (kind: RunEvent['kind'], ref: string, commit: string): RunEvent => ({
  kind,
  ref,
  commit,
  branch: ref.startsWith(branchPrefix) ? ref.slice(branchPrefix.length) : null,
  tag: ref.startsWith(tagPrefix) ? ref.slice(tagPrefix.length) : null,
})
