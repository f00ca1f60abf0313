// Which part of a plan `mayfly run` carries out, and what it leaves out because nobody is there to decide it.
import { fault } from '../../base/faults.ts'
import type { Plan, PlanJob, PlanWorkflow } from '../../protocol/plan.ts'

export type Wished = {
  readonly name: string | undefined
  readonly job: string | undefined
  /** With those it needs. */
  readonly needs?: boolean
}

/** Of a setup configuration: what is not there may be part of what the run goes on with. */
export const chooseFirst = (plan: Plan, wish: Wished): { readonly plan: Plan; readonly later: Wished } => {
  const nothing = { name: undefined, job: undefined }
  const known = new Set(names(plan))
  const isKnown = [wish.name, wish.job].every((word) => word === undefined || known.has(word))
  return plan.setup === true && !isKnown
    ? { plan, later: wish }
    : { plan: choose(plan, wish), later: nothing }
}

/** `name` is a workflow or a job; a job comes alone, if nobody wants those it needs. */
export const choose = (plan: Plan, wish: Wished): Plan => {
  const byName = plan.workflows.filter((workflow) => workflow.name === wish.name)
  const isJob = wish.name !== undefined && byName.length === 0
  const workflows = byName.length > 0 ? byName : plan.workflows
  const job = wish.job ?? (isJob ? wish.name : undefined)
  if (job === undefined) return { ...plan, workflows }
  const pick = wish.needs === true ? jobAndNeeds : onlyJob
  const chosen = workflows.flatMap((workflow) => pick(workflow, job)).slice(0, 1)
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
  const jobs = workflow.jobs.filter((job) => isCalled(job, name))
  return jobs.length === 0 ? [] : [{ ...workflow, jobs: jobs.map((job) => ({ ...job, needs: [] })) }]
}

const jobAndNeeds = (workflow: PlanWorkflow, name: string): readonly PlanWorkflow[] => {
  const wanted = new Set(workflow.jobs.filter((job) => isCalled(job, name)).map(({ key }) => key))
  // A set is walked to its end, also over what is added on the way.
  for (const key of wanted)
    for (const need of workflow.jobs.find((job) => job.key === key)?.needs ?? []) wanted.add(need.job)
  return wanted.size === 0 ? [] : [{ ...workflow, jobs: workflow.jobs.filter(({ key }) => wanted.has(key)) }]
}

/** `--matrix os=linux`: of the jobs that a matrix made, those with these values; other jobs do not know the name, and stay. */
export const chooseMatrix = (plan: Plan, values: ReadonlyMap<string, string>): Plan => {
  const jobs = plan.workflows.flatMap((workflow) => workflow.jobs)
  for (const [name, value] of values) {
    const known = [...new Set(jobs.flatMap(({ matrix }) => matrix?.[name] ?? []).map(String))]
    if (!known.includes(value))
      throw fault('E_NOT_FOUND', {
        public: `no job has ${name}=${value} of a matrix${known.length === 0 ? '' : `; there are: ${known.join(', ')}`}`,
      })
  }
  const isLeft = ({ matrix }: PlanJob) =>
    [...values].every(([name, value]) => matrix?.[name] === undefined || String(matrix[name]) === value)
  return { ...plan, workflows: plan.workflows.map((workflow) => withoutJobs(workflow, isLeft)) }
}

/** What waited for a job that is left out waits for the others only. */
const withoutJobs = (workflow: PlanWorkflow, isLeft: (job: PlanJob) => boolean): PlanWorkflow => {
  const jobs = workflow.jobs.filter(isLeft)
  const keys = new Set(jobs.map(({ key }) => key))
  const needsOf = ({ needs }: PlanJob) => needs.filter((need) => keys.has(need.job))
  return { ...workflow, jobs: jobs.map((job) => ({ ...job, needs: needsOf(job) })) }
}

const isCalled = (job: PlanJob, name: string): boolean =>
  job.name === name || job.key === name || job.name === memberName(name, job)

/** What a matrix calls this job of those of one name, unless the configuration says how: its values follow, in the order of their names. */
const memberName = (name: string, { matrix }: PlanJob): string | null =>
  matrix === undefined
    ? null
    : [
        name,
        ...Object.keys(matrix)
          .sort()
          .map((each) => matrix[each]),
      ].join('-')

const names = (plan: Plan): readonly string[] => [
  ...new Set(plan.workflows.flatMap((workflow) => [workflow.name, ...workflow.jobs.map((job) => job.name)])),
]
