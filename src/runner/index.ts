// The door of the runner: one attempt of a job (also for `mayfly run`), and the session with a server.
export {
  type AttemptDeps,
  type AttemptReason,
  type AttemptResult,
  type JobAttempt,
  runJobAttempt,
  type StopReason,
} from './attempt.ts'
export { type CarryOutDeps, createCarryOut } from './carry-out.ts'
export { createPackStore } from './checkout/pack-store.ts'
export { createCompilers } from './compile-cell.ts'
export { nextSession } from './session/counter.ts'
export { createRequests } from './session/requests.ts'
export { openSession, type Session } from './session/session.ts'
export type { AttemptSink, EventBody } from './sink.ts'
export type { TreeSource } from './tree-source.ts'
