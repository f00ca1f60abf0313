// What the leases of attempts that begin with their run tell: put together from what the run is made of, and from what the
// statement that makes it answers. Nothing is read back.
import { sql } from 'kysely'
import type { OrganisationId, ProjectId, RunId } from '../../base/ids.ts'
import type { ChangeFacts, PlanInputs, RunEvent } from '../../protocol/plan.ts'
import { builtInClass } from '../../protocol/resource-class.ts'
import { storable } from '../db/storable.ts'
import type { LeaseDetails } from './leased.ts'
import type { NewAttempt } from './new-lease.ts'
import type { PlannedRows } from './planned-rows.ts'

/** What only the tables know of a new run, at its commit. */
export type OfProject = Pick<
  LeaseDetails,
  | 'startedBy'
  | 'organisationName'
  | 'projectName'
  | 'defaultBranch'
  | 'source'
  | 'hasSecrets'
  | 'untrustedInScripts'
> & { readonly runNumber: number }

/** From part `project` of the statement that makes the run, which returns the whole row. */
export const ofProject = (startedBy: string) => sql`
  p.number as "runNumber", p.name as "projectName", p.default_branch as "defaultBranch", p.source,
  p.untrusted_in_scripts as "untrustedInScripts",
  (select name from organisations where id = p.organisation_id) as "organisationName",
  (select name from users where id = ${startedBy}) as "startedBy",
  exists (select from secrets s where s.project_id = p.id and s.state = 'active') as "hasSecrets"`

type MadeRun = {
  readonly id: RunId
  readonly organisation: OrganisationId
  readonly project: ProjectId
  readonly event: RunEvent
  readonly parameters?: PlanInputs['parameters']
  readonly change?: ChangeFacts
}

const commonOf = (run: MadeRun, project: OfProject, { id: attempt, number, job }: NewAttempt) => ({
  ...project,
  // Only jobs that name no contexts are leased without the tables.
  role: null,
  ...{ attempt, number, job, organisation: run.organisation, project: run.project, run: run.id },
  ...{
    eventKind: run.event.kind,
    ref: run.event.ref,
    commit: run.event.commit,
    parameters: run.parameters ?? {},
    schedule: run.event.schedule ?? null,
    change: run.change ?? null,
  },
})

/** Of its plan attempt, when that has a lease. */
export const leasedPlan = (
  run: MadeRun,
  project: OfProject & { readonly orbsKey: string },
  attempt: NewAttempt,
): readonly LeaseDetails[] => {
  const { lease } = attempt
  if (lease === undefined) return []
  const named = { jobKind: 'plan', jobKey: 'plan', jobName: 'plan', jobNumber: 0 } as const
  const absent = { spec: null, specDigest: null, workflow: null, workflowName: null, planDigest: null }
  const { orbsKey } = project
  const common = commonOf(run, project, attempt)
  return [
    { ...common, ...named, ...absent, lease: lease.id, shard: 0, shards: 1, class: builtInClass, orbsKey },
  ]
}

/** Of the attempts that have a lease. */
export const leasedJobs = (
  run: MadeRun & { readonly plan: { readonly digest: string; readonly rows: PlannedRows } },
  project: OfProject,
  attempts: readonly NewAttempt[],
): readonly LeaseDetails[] => {
  const { digest, rows } = run.plan
  const byJob = new Map(
    rows.expanded.jobs.map((job, i) => [job.state.id, { ...job, digest: rows.digests[i] ?? null }]),
  )
  const names = new Map(rows.expanded.workflows.map(({ state, name }) => [state.id, name]))
  return attempts.flatMap((attempt): readonly LeaseDetails[] => {
    const job = byJob.get(attempt.job)
    if (job === undefined || attempt.lease === undefined) return []
    const { plan, state } = job
    return [
      {
        ...commonOf(run, project, attempt),
        ...{ lease: attempt.lease.id, jobKind: plan.kind, jobKey: plan.key, jobName: storable(plan.name) },
        ...{
          jobNumber: job.number,
          shard: job.shard,
          shards: plan.shards,
          class: rows.classes.get(state.id) ?? '',
        },
        ...{ spec: plan.spec, specDigest: job.digest, planDigest: digest, orbsKey: null },
        ...{
          workflow: state.workflow,
          workflowName: state.workflow === null ? null : storable(names.get(state.workflow) ?? ''),
        },
      },
    ]
  })
}
