// Which part of a plan `mayfly run` carries out, and what it leaves out because nobody is there to decide it.
import { fault } from '../../base/faults.ts'
import type { Plan, PlanJob, PlanWorkflow } from '../../protocol/plan.ts'

export type Wished = { readonly name: string | undefined; readonly job: string | undefined }

/** Of a setup configuration: what is not there may be part of what the run goes on with. */
export const chooseFirst = (plan: Plan, wish: Wished): { readonly plan: Plan; readonly later: Wished } => {
  const nothing = { name: undefined, job: undefined }
  const known = new Set(names(plan))
  const isKnown = [wish.name, wish.job].every((word) => word === undefined || known.has(word))
  return plan.setup === true && !isKnown
    ? { plan, later: wish }
    : { plan: choose(plan, wish), later: nothing }
}

/** `name` is a workflow or a job; a job comes alone, without those it needs. */
export const choose = (plan: Plan, wish: Wished): Plan => {
  const byName = plan.workflows.filter((workflow) => workflow.name === wish.name)
  const isJob = wish.name !== undefined && byName.length === 0
  const workflows = byName.length > 0 ? byName : plan.workflows
  const job = wish.job ?? (isJob ? wish.name : undefined)
  if (job === undefined) return { ...plan, workflows }
  const chosen = workflows.flatMap((workflow) => onlyJob(workflow, job)).slice(0, 1)
  if (chosen.length === 0)
    throw fault('E_NOT_FOUND', {
      public: `there is no workflow or job "${job}"; there are: ${names(plan).join(', ')}`,
    })
  return { ...plan, workflows: chosen }
}

/** Approvals have nobody to ask here: they pass, and that is said. */
export const withoutWaiting = (plan: Plan): { readonly plan: Plan; readonly notes: readonly string[] } => {
  const jobs = plan.workflows.flatMap((workflow) => workflow.jobs)
  const passing = jobs.filter(({ kind }) => kind === 'approval')
  const workflows = plan.workflows.map((workflow) => ({ ...workflow, jobs: workflow.jobs.map(passed) }))
  return {
    plan: { ...plan, workflows },
    notes: passing.map((job) => `"${job.name}" (${job.kind}) passes without asking anybody`),
  }
}

const passed = (job: PlanJob): PlanJob => (job.kind === 'approval' ? { ...job, kind: 'noop' } : job)

const onlyJob = (workflow: PlanWorkflow, name: string): readonly PlanWorkflow[] => {
  const jobs = workflow.jobs.filter((job) => job.name === name || job.key === name)
  return jobs.length === 0 ? [] : [{ ...workflow, jobs: jobs.map((job) => ({ ...job, needs: [] })) }]
}

const names = (plan: Plan): readonly string[] => [
  ...new Set(plan.workflows.flatMap((workflow) => [workflow.name, ...workflow.jobs.map((job) => job.name)])),
]
