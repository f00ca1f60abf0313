// A run all of whose jobs began with it, as the API shows it: put together from what it was made of, as the leases of its
// attempts are (leased-at-start.ts). Whoever asked for it is answered while the runner starts the first of them, and
// reading the run back would take the runner its processor.
import type { JobId } from '../../base/ids.ts'
import type { Run } from '../../protocol/api/shapes.ts'
import { builtInClass } from '../../protocol/resource-class.ts'
import { storable } from '../db/storable.ts'
import type { RunChanges } from '../use-cases.ts'
import { countOf } from './changes-read.ts'
import type { Made } from './create.ts'
import { type ChangedRow, jobsOf, nothingWaits } from './jobs-read.ts'
import { type RunRow, summaryOf } from './summaries.ts'

/** The same for who asked and for who follows it. */
export type Begun = { readonly run: Run; readonly changes: RunChanges }

/** null when one of its jobs waits, or has ended: why and for how long the tables tell. */
export const begunRun = (made: Made, usualMs: number | null): Begun | null => {
  const { run, state } = made
  const others = state.jobs.filter(({ id }) => id !== made.planJob)
  if (others.length === 0 || others.some(({ status }) => status !== 'running')) return null
  const rows = [planRow(made.planJob), ...jobRows(made)]
  const { plan, parameters = {}, event } = run
  const summary = summaryOf(runRow(made, usualMs))
  const jobs = jobsOf(rows, rows, nothingWaits(rows))
  const whole: Run = {
    ...summary,
    jobs,
    problems: plan.problems.map((problem) => ({ ...problem, frame: [...problem.frame] })),
    plan_digest: plan.digest,
    parameters,
    plan_of: { id: plan.run, number: plan.runNumber },
    setup: plan.isSetup ? { continued: null } : null,
    changed_files: countOf(plan.files, run.change?.base ?? null),
    delivery_id: run.delivery,
    schedule: event.schedule ?? null,
  }
  return { run: whole, changes: { rev: summary.rev, run: summary, jobs } }
}

const runRow = ({ run, project, createdAt, state }: Made, usualMs: number | null): RunRow => {
  const { id, event, plan } = run
  const { expanded } = plan.rows
  return {
    ...{ id, number: project.runNumber, rev: 1, project: run.project, projectName: project.projectName },
    ...{ status: state.status, kind: event.kind, ref: event.ref, commit: event.commit },
    ...{ branch: event.branch, tag: event.tag, subject: plan.subject, author: plan.author },
    ...{
      headline: plan.headline,
      delivery: run.delivery,
      cancelled: null,
      rerunAt: null,
      rerunBy: null,
      reruns: 0,
    },
    ...{ planDigest: plan.digest, parameters: run.parameters ?? {}, schedule: event.schedule ?? null },
    ...{ createdAt, startedAt: createdAt, finishedAt: null, usualMs },
    workflows: expanded.workflows.map(({ state: { id: workflow }, name }) => {
      const { status = 'running', isContinued = false } =
        state.workflows.find((one) => one.id === workflow) ?? {}
      return { id: workflow, name: storable(name), status, continued: isContinued }
    }),
  }
}

const jobRows = ({ run, createdAt, state, attempts, leases }: Made): readonly ChangedRow[] => {
  const { expanded, classes } = run.plan.rows
  const settled = new Map(state.jobs.map((job) => [job.id, job]))
  const attemptOf = new Map(attempts.map((attempt) => [attempt.job, attempt]))
  return expanded.jobs.flatMap(({ state: { id, workflow, needs }, plan, shard }): readonly ChangedRow[] => {
    const [job, attempt, lease] = [settled.get(id), attemptOf.get(id), leases.get(id)]
    if (job === undefined || attempt === undefined || lease === undefined) return []
    return [
      {
        ...{ ...began, job: id, rev: 1, workflow, key: plan.key, name: storable(plan.name), kind: plan.kind },
        ...{ jobStatus: job.status, needs, shard, shards: plan.shards, class: classes.get(id) ?? '' },
        ...{ image: plan.spec?.image.ref ?? null, lock: job.lock ?? null },
        ...{ id: attempt.id, number: attempt.number, cause: attempt.cause, status: attempt.status },
        attemptClass: classes.get(id) ?? '',
        ...{ runner: lease.runner, runnerName: lease.runnerName, phase: null },
        ...{ queuedAt: createdAt, startedAt: createdAt, finishedAt: null },
        ...{ failureCode: null, failureMessage: null },
      },
    ]
  })
}

const began = { skip: null, approvals: null, refused: null, holdUntil: null }

/** The built-in job, which has nothing to do. */
const planRow = (job: JobId): ChangedRow => ({
  ...{ ...began, job, rev: 1, workflow: null, key: 'plan', name: 'plan', kind: 'plan', jobStatus: 'passed' },
  ...{ needs: [], shard: 0, shards: 1, class: builtInClass, image: null, lock: null, id: null },
})
