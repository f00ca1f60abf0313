// The difference between two states of a run, as the list of things a store has to do, in an order it can do them.
import type { JobId, WorkflowId } from '../base/ids.ts'
import {
  type AttemptCause,
  type AttemptState,
  type AttemptStatus,
  type ContextsOfJob,
  isFinal,
  type JobState,
  type LockState,
  type RefusedContext,
  type RunState,
  type SkipReason,
  type Status,
  type WorkflowState,
} from './state.ts'

export type Change =
  | { readonly kind: 'run'; readonly from: Status; readonly to: Status }
  | { readonly kind: 'run-cancel-requested' }
  /** It had ended and goes on: what was told of its end is not true any more. */
  | { readonly kind: 'run-reopened' }
  | { readonly kind: 'workflow-added'; readonly workflow: WorkflowState }
  | {
      readonly kind: 'workflow'
      readonly workflow: WorkflowId
      readonly from: Status
      readonly to: Status
    }
  /** It was rerun from failed by itself, or will not be any more. */
  | { readonly kind: 'workflow-reruns'; readonly workflow: WorkflowId; readonly left: number }
  | { readonly kind: 'job-added'; readonly job: JobState }
  | {
      readonly kind: 'job'
      readonly job: JobId
      readonly from: Status
      readonly to: Status
      readonly skip: SkipReason | null
      /** With `policy`: the context that does not admit it. */
      readonly refused?: RefusedContext
    }
  /** Somebody else wants it now: its contexts are judged for them. */
  | { readonly kind: 'job-wanted'; readonly job: JobId; readonly by: string }
  | {
      readonly kind: 'lock'
      readonly job: JobId
      readonly from: LockState['state']
      readonly to: LockState['state']
    }
  | {
      readonly kind: 'attempt-added'
      readonly job: JobId
      readonly number: number
      readonly cause: AttemptCause
      /** Already running when it was claimed in the same breath. */
      readonly status: AttemptStatus
    }
  | {
      readonly kind: 'attempt'
      readonly job: JobId
      readonly number: number
      readonly from: AttemptStatus
      readonly to: AttemptStatus
    }
  | { readonly kind: 'attempt-cancel-requested'; readonly job: JobId; readonly number: number }

export const changesBetween = (before: RunState, after: RunState): readonly Change[] => {
  const workflows = new Map(before.workflows.map((workflow) => [workflow.id, workflow]))
  const jobs = new Map(before.jobs.map((job) => [job.id, job]))
  return [
    ...(before.cancelRequested || !after.cancelRequested ? [] : [{ kind: 'run-cancel-requested' as const }]),
    ...(isFinal(before.status) && !isFinal(after.status) ? [{ kind: 'run-reopened' as const }] : []),
    ...(before.status === after.status
      ? []
      : [{ kind: 'run' as const, from: before.status, to: after.status }]),
    ...after.workflows.flatMap((workflow) => ofWorkflow(workflows.get(workflow.id), workflow)),
    ...after.jobs.flatMap((job) => ofJob(jobs.get(job.id), job)),
  ]
}

const ofWorkflow = (before: WorkflowState | undefined, after: WorkflowState): readonly Change[] => {
  if (before === undefined) return [{ kind: 'workflow-added', workflow: after }]
  const { id: workflow, rerunsLeft: left = 0 } = after
  return [
    ...(before.status === after.status
      ? []
      : [{ kind: 'workflow' as const, workflow, from: before.status, to: after.status }]),
    ...((before.rerunsLeft ?? 0) === left ? [] : [{ kind: 'workflow-reruns' as const, workflow, left }]),
  ]
}

const ofJob = (before: JobState | undefined, after: JobState): readonly Change[] => {
  if (before === after) return []
  const attempts = after.attempts.flatMap((attempt, i) => ofAttempt(after.id, before?.attempts[i], attempt))
  if (before === undefined) return [{ kind: 'job-added', job: after }, ...attempts]
  const rest = [
    ...ofLock(after.id, before.lock, after.lock),
    ...ofWanting(after.id, before.contexts, after.contexts),
    ...attempts,
  ]
  const { status: to, skip, refused } = after
  const reason = skip === 'policy' && refused !== undefined ? { skip, refused } : { skip }
  return before.status === to
    ? rest
    : [{ kind: 'job', job: after.id, from: before.status, to, ...reason }, ...rest]
}

const ofWanting = (
  job: JobId,
  before: ContextsOfJob | undefined,
  after: ContextsOfJob | undefined,
): readonly Change[] =>
  after === undefined || before?.wanting.id === after.wanting.id
    ? []
    : [{ kind: 'job-wanted', job, by: after.wanting.id }]

const ofLock = (
  job: JobId,
  before: LockState | undefined,
  after: LockState | undefined,
): readonly Change[] =>
  before === undefined || after === undefined || before.state === after.state
    ? []
    : [{ kind: 'lock', job, from: before.state, to: after.state }]

const ofAttempt = (job: JobId, before: AttemptState | undefined, after: AttemptState): readonly Change[] => {
  const { number } = after
  if (before === undefined)
    return [{ kind: 'attempt-added', job, number, cause: after.cause, status: after.status }]
  const changes: Change[] = []
  if (before.status !== after.status)
    changes.push({ kind: 'attempt', job, number, from: before.status, to: after.status })
  if (!before.cancelRequested && after.cancelRequested)
    changes.push({ kind: 'attempt-cancel-requested', job, number })
  return changes
}
