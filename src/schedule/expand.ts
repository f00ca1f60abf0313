// A plan becomes workflows and jobs: one job row per shard, in the order of the plan. Those of a second plan of the same run
// come after those of the first.
import type { JobId, WorkflowId } from '../base/ids.ts'
import type { Plan, PlanJob } from '../protocol/plan.ts'
import type { JobState, WorkflowState } from './state.ts'

export type ExpandedJob = {
  readonly state: JobState
  readonly plan: PlanJob
  readonly shard: number
  /** Position within the run, from 1. */
  readonly number: number
}

export type ExpandedPlan = {
  readonly workflows: readonly {
    readonly state: WorkflowState
    readonly name: string
    /** Within the run, from 0. */
    readonly position: number
  }[]
  readonly jobs: readonly ExpandedJob[]
}

export const expandPlan = (
  plan: Plan,
  newId: { readonly workflow: () => WorkflowId; readonly job: () => JobId },
  /** How many the run has already. */
  after: { readonly workflows: number; readonly jobs: number } = { workflows: 0, jobs: 0 },
): ExpandedPlan => {
  const workflows = plan.workflows.map((workflow) => ({
    state: {
      ...{ id: newId.workflow(), status: 'waiting' as const },
      ...(workflow.maxAutoReruns === undefined ? {} : { rerunsLeft: workflow.maxAutoReruns }),
    },
    name: workflow.name,
    jobs: workflow.jobs,
  }))
  const shards = workflows.flatMap(({ state, jobs }) =>
    jobs.flatMap((job) =>
      Array.from({ length: job.shards }, (_, shard) => ({ workflow: state.id, plan: job, shard })),
    ),
  )
  return {
    workflows: workflows.map(({ state, name }, i) => ({ state, name, position: after.workflows + i })),
    jobs: shards.map(({ workflow, plan: job, shard }, i) => ({
      state: waitingJob(newId.job(), workflow, { job, shard }),
      plan: job,
      shard,
      number: after.jobs + i + 1,
    })),
  }
}

const waitingJob = (
  id: JobId,
  workflow: WorkflowId,
  { job, shard }: { readonly job: PlanJob; readonly shard: number },
): JobState => ({
  id,
  workflow,
  key: job.key,
  name: job.name,
  kind: job.kind,
  needs: [
    ...job.needs.map(({ job: key, on }) => ({ key, on })),
    ...(shard === 0 && finishesAlone(job) ? [{ key: job.key, on: ['passed', 'unstable'] as const }] : []),
  ],
  status: 'waiting',
  skip: null,
  attempts: [],
  ...(job.lock === undefined ? {} : { lock: { name: job.lock, state: 'free' } }),
})

/** A step of it is for the first shard alone, once all others have passed: so that one begins last and waits for nobody. */
const finishesAlone = ({ shards, spec }: PlanJob): boolean =>
  shards > 1 && (spec?.steps ?? []).some((step) => step.kind === 'run' && step.firstShardOnly === true)
