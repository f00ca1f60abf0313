// A job of a setup configuration goes on with its run (protocol/continue-wire.ts): its runner has compiled what it found and
// tells the plan, which is judged like any that came out of a sandbox. A run goes on once: its row in `continuations` says so
// (docs/decisions/0032). Refusals are answers in words, for the log of the step that asked.
import { sql } from 'kysely'
import type { AttemptId, JobId, OrganisationId, RunId } from '../../base/ids.ts'
import {
  type ContinueAnswer,
  type ContinueRequest,
  type ContinueTerms,
  parseContinueRequest,
  parseContinuing,
} from '../../protocol/continue-wire.ts'
import type { PlanInputs } from '../../protocol/plan.ts'
import type { Db } from '../db/database.ts'
import { jsonText } from '../db/json.ts'
import { inTransaction, type Tx } from '../db/transaction.ts'
import { limits } from '../limits.ts'
import type { NewId } from '../new-id.ts'
import { orbsOf } from '../orbs/orbs.ts'
import { changeRun } from '../runs/change.ts'
import { type Places, withPlacing } from '../runs/places.ts'
import { planRows } from '../runs/planned-rows.ts'
import { parsedBody } from './bodies.ts'
import { type LeaseKey, leaseLost } from './events.ts'
import { checkDigest } from './finish-plan.ts'
import type { RunnerRoutes } from './listener.ts'
import { isStillLeased } from './plan-made.ts'

type Deps = { readonly db: Db; readonly newId: NewId; readonly places: Places }

export const continueVerbs = (deps: Deps): RunnerRoutes['ofLease'] => ({
  continuing: ({ caller }, lease, body) => {
    parsedBody(parseContinuing, body)
    return termsOf(deps, { lease, runner: caller.id })
  },
  continue: ({ caller }, lease, body) =>
    goOn(deps, { lease, runner: caller.id }, parsedBody(parseContinueRequest, body)),
})

type Asking = {
  readonly attempt: AttemptId
  readonly number: number
  readonly job: JobId
  readonly run: RunId
  readonly organisation: OrganisationId
  readonly ref: string
  readonly commit: string
  readonly parameters: PlanInputs['parameters']
  readonly untrustedInScripts: boolean
  readonly isSetup: boolean
  /** Jobs of the project may be owed secrets. */
  readonly mayBeOwed: boolean
  /** Who went on with the run before. */
  readonly before: {
    readonly attempt: AttemptId
    readonly job: JobId
    readonly name: string
    readonly digest: string
  } | null
  readonly workflows: number
  readonly jobs: number
}

/** 409 when the lease is not that of a running job. */
const findAsking = async (db: Db, { lease, runner }: LeaseKey): Promise<Asking> => {
  const { rows } = await sql<Asking>`
    select a.id as attempt, a.number, a.job_id as job, a.run_id as run, a.organisation_id as organisation, r.ref, r.commit,
      r.parameters, p.untrusted_in_scripts as "untrustedInScripts",
      (exists (select from secrets s where s.project_id = a.project_id and s.state = 'active')
        or exists (select from contexts c where c.organisation_id = a.organisation_id and c.state = 'active')) as "mayBeOwed",
      w.continued = false and exists (select from plans where run_id = r.id and plan ? 'setup') as "isSetup",
      (select json_build_object('attempt', c.attempt_id, 'job', c.job_id, 'name', cj.name, 'digest', c.digest)
        from continuations c join jobs cj on cj.id = c.job_id where c.run_id = r.id) as before,
      (select count(*)::integer from workflows where run_id = r.id) as workflows,
      (select max(number) from jobs where run_id = r.id) as jobs
    from attempts a join jobs j on j.id = a.job_id join workflows w on w.id = j.workflow_id
      join runs r on r.id = a.run_id join projects p on p.id = a.project_id
    where a.lease_id = ${lease} and a.runner_id = ${runner} and a.status = 'running' and j.kind = 'job'`.execute(
    db,
  )
  if (rows[0] === undefined) throw leaseLost()
  return rows[0]
}

type Refused = Extract<ContinueTerms, { state: 'refused' }>
const refused = (message: string): Refused => ({ state: 'refused', message })

/** null: it may go on, or has told this very plan before. */
const standing = ({ isSetup, before, job, attempt }: Asking): Refused | { readonly state: 'kept' } | null => {
  if (!isSetup) return refused('only a job of a configuration with "setup: true" continues its run')
  if (before === null || before.attempt === attempt) return null
  return before.job === job
    ? { state: 'kept' }
    : refused(`the run went on before, by its job "${before.name}"; that happens once`)
}

const termsOf = async ({ db }: Deps, key: LeaseKey): Promise<ContinueTerms> => {
  const asking = await findAsking(db, key)
  const { organisation, parameters, untrustedInScripts, mayBeOwed } = asking
  return (
    standing(asking) ?? {
      ...{ state: 'open', parameters, orbs: (await orbsOf(db, [organisation]))[organisation] ?? {} },
      ...(untrustedInScripts ? { untrustedInScripts } : {}),
      ...(mayBeOwed ? { prove: true } : {}),
    }
  )
}

const goOn = async (deps: Deps, key: LeaseKey, request: ContinueRequest): Promise<ContinueAnswer> => {
  const asking = await findAsking(deps.db, key)
  const stands = standing(asking) ?? toldBefore(asking, request)
  if (stands !== null) return stands
  const wrong = await wrongWith(asking, request)
  if (wrong !== null) return refused(`the plan was refused: ${wrong}`)
  const rows = await planRows(deps, request.plan, asking)
  const count = asking.jobs + rows.expanded.jobs.length
  if (count > limits.jobsPerRunMax)
    return refused(`${count} jobs, shards included; at most ${limits.jobsPerRunMax} fit into one run`)
  const event = { kind: 'continued', job: asking.job, number: asking.number, ...rows.event } as const
  const changed = await withPlacing(deps.places, (placing) =>
    inTransaction(deps.db, (tx) =>
      changeRun(tx, asking.run, [event], {
        ...{ newId: deps.newId, planned: rows, placing },
        locked: () => store(tx, key, asking, request),
      }),
    ),
  )
  if (changed !== null) return { state: 'taken' }
  // Somebody was first, between the look and the lock.
  const now = await findAsking(deps.db, key)
  return standing(now) ?? toldBefore(now, request) ?? refused('the run cannot go on any more')
}

/** The same attempt asks again, because an answer was lost. */
const toldBefore = ({ before }: Asking, { planDigest }: ContinueRequest): ContinueAnswer | null => {
  if (before === null) return null
  return before.digest === planDigest
    ? { state: 'taken' }
    : refused('this job has continued its run before, with another configuration')
}

/** It must have the digest its runner says, and be for what this run is about. */
const wrongWith = async (
  { ref, commit }: Asking,
  { plan, planDigest }: ContinueRequest,
): Promise<string | null> => {
  const { wrong } = await checkDigest(plan, planDigest)
  if (wrong !== null) return wrong
  const { event } = plan.inputs
  if (event.ref !== ref || event.commit !== commit) return 'it is for another commit'
  return plan.setup === true ? 'it is a setup configuration itself' : null
}

/** Under the lock of the run, which every end of its attempts takes first. False when the run has gone on. */
const store = async (
  tx: Tx,
  key: LeaseKey,
  { run, job, attempt }: Asking,
  { plan, planDigest, origins, problems, proof }: ContinueRequest,
): Promise<boolean> => {
  if (!(await isStillLeased(tx, attempt, key))) throw leaseLost()
  const { rows } = await sql`
    insert into continuations (run_id, job_id, attempt_id, digest, plan, origins, problems, proof)
    values (${run}, ${job}, ${attempt}, ${planDigest}, ${JSON.stringify(plan)}::jsonb, ${jsonText(origins)}::jsonb,
      ${jsonText(problems)}::jsonb, ${proof ?? null})
    on conflict (run_id) do nothing returning 1`.execute(tx)
  return rows.length === 1
}
