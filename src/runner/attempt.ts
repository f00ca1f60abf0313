// One attempt of a job, from an empty sandbox to the receipt that it is gone. Knows no server: `sink` gets bytes and
// events, `signal` stops it. The server session and `mayfly run` both call it.
// Phases: 1 refuse what this runner cannot serve; 2 open the sandbox; 3 steps in order, by their `when`;
// 4 close, whatever happened before; 5 what was used.
import { randomBytes } from 'node:crypto'
import { type FaultCode, fault, isFault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import type { Outcome } from '../protocol/plan.ts'
import type { UsageSeries } from '../protocol/usage-series.ts'
import type { CloseReason, Receipt, Sandbox } from '../sandbox/index.ts'
import { jobEnvironment } from './environment/layers.ts'
import type { AttemptDeps, JobAttempt } from './job-attempt.ts'
import { differences, jobUser, layersOf, refusal, sandboxSpec } from './sandbox-spec.ts'
import { type AttemptSink, say } from './sink.ts'
import { runSteps, type StepsOutcome } from './steps/run-steps.ts'
import { startSampler } from './usage/sampler.ts'

/** Why an attempt is stopped from outside: `controller.abort(reason)`. */
export type StopReason = 'cancelled' | 'lost' | 'runner-stop'

export type AttemptReason = { readonly code: FaultCode | null; readonly message: string }

export type AttemptResult = {
  readonly outcome: Outcome
  /** Why it is not `passed`. */
  readonly reason: AttemptReason | null
  /** null when no sandbox was opened, or when one could not be proven gone. */
  readonly receipt: Receipt | null
  /** False: a sandbox may still exist, the runner must take no more work. */
  readonly destroyed: boolean
}

/** Resolves always; a fault of ours is outcome `errored`. */
export const runJobAttempt = async (
  deps: AttemptDeps,
  given: JobAttempt,
  sink: AttemptSink,
  signal: AbortSignal,
): Promise<AttemptResult> => {
  const job = given.spec.setup === true ? { ...given, continuationKey: newContinuationKey() } : given
  const refused = refusal(job.spec, deps.driver.can, {
    egress: job.egress.mode,
    isolation: deps.isolation ?? 'rootless',
  })
  if (refused !== null) return refuse(sink, refused)
  sink.event({ kind: 'phase', phase: 'opening' })
  let sandbox: Sandbox
  try {
    sandbox = await openSandbox(deps, job, signal)
  } catch (error) {
    const destroyed = !isFault(error, 'E_DESTROY_UNVERIFIED')
    return signal.aborted
      ? { ...stopped(signal), receipt: null, destroyed }
      : faulty(deps.log, error, null, destroyed)
  }
  return runInside(deps, job, { sandbox, sink }, signal)
}

const newContinuationKey = (): string => randomBytes(32).toString('base64url')

const refuse = async (sink: AttemptSink, message: string): Promise<AttemptResult> => {
  await say(sink, 0, message)
  return {
    outcome: 'failed',
    reason: { code: 'E_SANDBOX_UNAVAILABLE', message },
    receipt: null,
    destroyed: true,
  }
}

const openSandbox = (deps: AttemptDeps, job: JobAttempt, signal: AbortSignal): Promise<Sandbox> =>
  deps.driver.open(
    sandboxSpec({
      attempt: job.attempt,
      spec: job.spec,
      limits: job.limits,
      egress: job.egress,
      env: jobEnvironment(layersOf(job), jobUser),
    }),
    signal,
  )

const runInside = async (
  deps: AttemptDeps,
  job: JobAttempt,
  place: { readonly sandbox: Sandbox; readonly sink: AttemptSink },
  signal: AbortSignal,
): Promise<AttemptResult> => {
  const { sandbox, sink } = place
  let steps: StepsOutcome | null = null
  let series: UsageSeries | null = null
  let broken: unknown = null
  // A lost lease may run elsewhere already: no time to clean up.
  const onLost = () => void (signal.reason === 'lost' && closeSandbox(deps.log, sandbox, 'runner-stop'))
  signal.addEventListener('abort', onLost)
  try {
    for (const text of differences(job.spec, deps.driver.can)) {
      sink.event({ kind: 'note', text })
      await say(sink, 0, text)
    }
    sink.event({ kind: 'phase', phase: 'running' })
    const sampler = startSampler(deps, sandbox, job.limits)
    sink.sampling?.(sampler.series)
    try {
      steps = await runSteps(deps, job, place, signal)
      series = await sampler.finish()
    } finally {
      sampler.stop()
    }
    const records = sandbox.egress()
    if (records.length > 0) sink.event({ kind: 'egress', records })
  } catch (error) {
    broken = error
  }
  sink.event({ kind: 'phase', phase: 'closing' })
  const closed = await closeSandbox(deps.log, sandbox, closeReason(steps, broken, signal))
  signal.removeEventListener('abort', onLost)
  if (closed.receipt !== null) tellUsage(sink, closed.receipt, series)
  if (!closed.destroyed) return faulty(deps.log, closed.error, null, false)
  // What breaks because the sandbox was taken away under it is no defect.
  if (signal.reason === 'lost') return { ...stopped(signal), receipt: closed.receipt, destroyed: true }
  if (steps === null || broken !== null) return faulty(deps.log, broken, closed.receipt, true)
  const { outcome, reason } = steps.outcome === 'cancelled' ? stopped(signal) : steps
  return { outcome, reason, receipt: closed.receipt, destroyed: true }
}

/** As the receipt has it, which saves a question while somebody waits for the end. */
const tellUsage = (sink: AttemptSink, { usage }: Receipt, series: UsageSeries | null): void =>
  sink.event({ kind: 'usage', usage, ...(series === null ? {} : { series }) })

const closeReason = (steps: StepsOutcome | null, broken: unknown, signal: AbortSignal): CloseReason => {
  if (signal.aborted) return signal.reason === 'cancelled' ? 'cancelled' : 'runner-stop'
  if (broken !== null || steps === null) return 'fault'
  if (steps.overtime) return 'deadline'
  return steps.outcome === 'passed' ? 'done' : 'failed'
}

type Closed = { readonly receipt: Receipt | null; readonly destroyed: boolean; readonly error: unknown }

const closeSandbox = async (log: Log, sandbox: Sandbox, reason: CloseReason): Promise<Closed> => {
  try {
    return { receipt: await sandbox.close(reason), destroyed: true, error: null }
  } catch (error) {
    log.error('sandbox not proven gone', { sandbox: sandbox.id, error })
    return { receipt: null, destroyed: false, error }
  }
}

/** A person's wish is `cancelled`; a runner that had to go is our failure, and the attempt is tried again. */
export const stopped = (
  signal: AbortSignal,
): { readonly outcome: Outcome; readonly reason: AttemptReason } =>
  signal.reason === 'runner-stop'
    ? { outcome: 'errored', reason: { code: 'E_LEASE_LOST', message: 'the runner was stopped' } }
    : { outcome: 'cancelled', reason: { code: null, message: 'cancelled' } }

const faulty = (log: Log, error: unknown, receipt: Receipt | null, destroyed: boolean): AttemptResult => {
  const known = isFault(error) ? error : fault('E_DEFECT', { cause: error })
  log.error('attempt broke', { code: known.code, error })
  return { outcome: 'errored', reason: { code: known.code, message: known.public }, receipt, destroyed }
}
