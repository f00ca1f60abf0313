// The rows of workflows and jobs that a plan brings, as parts of a statement: for a run whose plan attempt has just
// passed, and for one that begins with a plan that is known.
import assert from 'node:assert'
import { type RawBuilder, sql } from 'kysely'
import type { JobId } from '../../base/ids.ts'
import type { JobSpec, Plan } from '../../protocol/plan.ts'
import {
  type Decision,
  type ExpandedPlan,
  expandPlan,
  type RunEvent,
  type RunState,
} from '../../schedule/index.ts'
import { specDigest } from '../../seal/index.ts'
import type { Db } from '../db/database.ts'
import { storable } from '../db/storable.ts'
import type { NewId } from '../new-id.ts'
import { leaseDeadlineSeconds, type NewLease } from './new-lease.ts'
import type { Place, Placing } from './places.ts'
import { type PlannedSchedule, plannedSchedules, scheduleParts } from './planned-schedules.ts'
import { holdUntil } from './queue-entry.ts'
import { findClasses } from './resource-class.ts'
import type { LockedRun } from './state.ts'

export type PlannedRows = {
  /** For the event that brings them. */
  readonly event: Pick<Extract<RunEvent, { kind: 'planned' }>, 'workflows' | 'jobs'>
  readonly expanded: ExpandedPlan
  readonly classes: ReadonlyMap<JobId, string>
  readonly specs: ReadonlyMap<JobId, JobSpec | null>
  /** Of each job's spec, in the order of the jobs. */
  readonly digests: readonly (string | null)[]
  readonly schedules: readonly PlannedSchedule[]
}

export const planRows = async (
  { db, newId }: { readonly db: Db; readonly newId: NewId },
  plan: Plan,
  after?: Parameters<typeof expandPlan>[2],
): Promise<PlannedRows> => {
  const expanded = expandPlan(plan, { workflow: () => newId('workflow'), job: () => newId('job') }, after)
  const words = expanded.jobs.map(({ plan: { spec } }) => spec?.resourceClass ?? null)
  const classOf = await findClasses(db, words)
  return {
    event: {
      workflows: expanded.workflows.map(({ state }) => state),
      jobs: expanded.jobs.map(({ state }) => state),
    },
    expanded,
    classes: new Map(expanded.jobs.map(({ state }, i) => [state.id, classOf(words[i] ?? null)])),
    specs: new Map(expanded.jobs.map(({ state, plan: { spec } }) => [state.id, spec])),
    digests: await Promise.all(
      expanded.jobs.map(({ plan: { spec } }) => (spec === null ? null : specDigest(spec))),
    ),
    schedules: plannedSchedules(newId, plan),
  }
}

/** A lease that goes out with the poll whose place it took. */
export type PlacedLease = NewLease & Pick<Place, 'runnerName'>

/**
 * What its event makes of a run, with the attempts that find a place begun at once. The places are the transaction's:
 * given with its commit.
 */
export const placePlanned = (
  planned: PlannedRows,
  placing: Placing,
  /** What happens with these events after those of the plan. */
  follows: (claimed: readonly RunEvent[]) => Decision,
): Decision & { readonly leases: ReadonlyMap<JobId, PlacedLease> } => {
  placing.release()
  const leases = new Map<JobId, PlacedLease>()
  const claimed = follows([]).changes.flatMap((change): RunEvent[] => {
    if (change.kind !== 'attempt-added') return []
    const { job, number } = change
    // Its contexts are judged once more when it is leased, by what the tables say then.
    if ((planned.specs.get(job)?.contexts ?? []).length > 0) return []
    const place = placing.take(planned.classes.get(job) ?? '')
    if (place === null) return []
    const seconds = leaseDeadlineSeconds(planned.specs.get(job) ?? null)
    leases.set(job, { ...place, deadlineSeconds: seconds, compiler: null })
    return [{ kind: 'claimed', job, number }]
  })
  return { ...follows(claimed), leases }
}

/** What is said of a run whose plan has no jobs; else null. */
export const planHeadline = ({ expanded }: PlannedRows): string | null =>
  expanded.jobs.length === 0 ? 'No workflow of the configuration is for this event' : null

/** Parts `planned_workflow` and `planned_job` of a statement; each row has the status that `state` gives it. `decided`: whose schedules. */
export const plannedParts = (
  run: Pick<LockedRun, 'id' | 'organisation' | 'project' | 'rev'>,
  planned: PlannedRows,
  state: Pick<RunState, 'workflows' | 'jobs'>,
  decided: RawBuilder<unknown> | null,
): RawBuilder<unknown> => sql`
  ${scheduleParts(decided, planned.schedules)}
  planned_workflow as (
    insert into workflows (id, run_id, position, name, status, reruns_left, continued)
    select id, ${run.id}, position, name, status, reruns, continued
    from jsonb_to_recordset(${JSON.stringify(workflowRows(planned, state))}::jsonb)
      as w (id text, position integer, name text, status text, reruns integer, continued boolean)
  ), planned_job as (
    insert into jobs (id, organisation_id, project_id, run_id, workflow_id, number, key, name, kind, status, skip_reason,
      needs, shard, shards, class, image, spec, spec_digest, rev, hold_until, lock_name, lock_state, lock_asked_at,
      contexts, refused)
    select id, ${run.organisation}, ${run.project}, ${run.id}, workflow, number, key, name, kind, status, skip,
      needs, shard, shards, class, image, spec, digest, ${run.rev},
      ${holdUntil({ status: sql`status`, project: sql`${run.project}` })}, lock, "lockState",
      case "lockState" when 'asked' then clock_timestamp() end, contexts, refused
    from jsonb_to_recordset(${JSON.stringify(jobRows(planned, state))}::jsonb)
      as j (id text, workflow text, number integer, key text, name text, kind text, status text, skip text, needs jsonb,
        shard integer, shards integer, class text, image text, spec jsonb, digest text,
        lock text, "lockState" text, contexts text[], refused jsonb)
    returning id, number, class, kind
  )`

const workflowRows = ({ expanded }: PlannedRows, { workflows }: Pick<RunState, 'workflows'>) => {
  const settled = new Map(workflows.map((workflow) => [workflow.id, workflow]))
  return expanded.workflows.map(({ state, name, position }) => {
    const { status, rerunsLeft: reruns = 0, isContinued: continued = false } = settled.get(state.id) ?? state
    return { id: state.id, position, name: storable(name), status, reruns, continued }
  })
}

/** null: none. */
const contextsIn = (spec: JobSpec | null): readonly string[] | null =>
  spec === null || spec.contexts.length === 0 ? null : spec.contexts.map(storable)

const jobRows = ({ expanded, classes, digests }: PlannedRows, { jobs }: Pick<RunState, 'jobs'>) => {
  const settled = new Map(jobs.map((job) => [job.id, job]))
  return expanded.jobs.map(({ state, plan, shard, number }, i) => {
    const job = settled.get(state.id)
    assert(job, 'every planned job was added')
    const { spec } = plan
    return {
      ...{ id: state.id, workflow: state.workflow, number, key: plan.key, name: storable(plan.name) },
      ...{
        kind: plan.kind,
        status: job.status,
        skip: job.skip,
        needs: state.needs,
        shard,
        shards: plan.shards,
      },
      ...{ class: classes.get(state.id), image: spec?.image.ref ?? null },
      ...{ spec, digest: digests[i] ?? null },
      ...{ lock: job.lock?.name ?? null, lockState: job.lock?.state ?? null },
      ...{ contexts: contextsIn(spec), refused: job.refused ?? null },
    }
  })
}
