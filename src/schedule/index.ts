// The door of schedule: the rules of what a run does next, for the server and for `mayfly run`.
export {
  type ApprovalFacts,
  type ApprovalRefusal,
  type ApprovalRules,
  approvalRefusal,
  approvalRest,
  approvalsGiven,
  approvalWords,
  type Candidate,
  isEnough,
} from './approvals.ts'
export type { Change } from './changes.ts'
export { type Decision, decide, type RunEvent } from './decide.ts'
export { type ExpandedJob, type ExpandedPlan, expandPlan } from './expand.ts'
export { createForecast, type Durations } from './forecast.ts'
export { type LockRequest, nextHolder, requestsOf } from './locks.ts'
export type { Rerun } from './rerun.ts'
export {
  type AttemptCause,
  type AttemptState,
  type AttemptStatus,
  type ContextsOfJob,
  type FinalStatus,
  isFinal,
  type JobState,
  type LockState,
  newPlannedRun,
  newRun,
  outcomeOf,
  type RefusedContext,
  type RunState,
  type SkipReason,
  type Status,
  standings,
  statusOf,
  type Wanting,
  type WorkflowState,
} from './state.ts'
export { upstreamOf } from './upstream.ts'
export {
  type KnownOfWaiting,
  type LockHolder,
  type QueueFacts,
  turnOf,
  type Why,
  whyQueued,
  whySkipped,
} from './why-queued.ts'
