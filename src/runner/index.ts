// The door of the runner: one attempt of a job (also for `mayfly run`), and the session with a server.
export {
  type AttemptDeps,
  type AttemptReason,
  type AttemptResult,
  type JobAttempt,
  runJobAttempt,
  type StopReason,
} from './attempt.ts'
export type { AttemptSink, EventBody } from './sink.ts'
export type { TreeSource } from './tree-source.ts'
