// A plan becomes workflows and jobs: one job row per shard, in the order of the plan.
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
  readonly workflows: readonly { readonly state: WorkflowState; readonly name: string }[]
  readonly jobs: readonly ExpandedJob[]
}

export const expandPlan = (
  plan: Plan,
  newId: { readonly workflow: () => WorkflowId; readonly job: () => JobId },
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
    workflows: workflows.map(({ state, name }) => ({ state, name })),
    jobs: shards.map(({ workflow, plan: job, shard }, i) => ({
      state: waitingJob(newId.job(), workflow, job),
      plan: job,
      shard,
      number: i + 1,
    })),
  }
}

const waitingJob = (id: JobId, workflow: WorkflowId, job: PlanJob): JobState => ({
  id,
  workflow,
  key: job.key,
  name: job.name,
  kind: job.kind,
  needs: job.needs.map(({ job: key, on }) => ({ key, on })),
  status: 'waiting',
  skip: null,
  attempts: [],
  ...(job.lock === undefined ? {} : { lock: { name: job.lock, state: 'free' } }),
})
