// The steps of one job in order: which of them run (`when`, halt, cancel, time), what each reports, and what the job
// comes to (how one is carried out: carry-out-step.ts). Background steps run beside the others and never decide the verdict.
import type { FaultCode } from '../../base/faults.ts'
import type { Outcome, PlanStep, StepWhen } from '../../protocol/plan.ts'
import type { Sandbox } from '../../sandbox/index.ts'
import { aboveSecrets } from '../environment/layers.ts'
import { createStepTokens } from '../identity/step-tokens.ts'
import type { AttemptDeps, JobAttempt } from '../job-attempt.ts'
import { termMs } from '../limits.ts'
import { layersOf } from '../sandbox-spec.ts'
import { onceInAttempt } from '../setup/continuing.ts'
import { openRelay } from '../setup/relay.ts'
import { openJobSocket } from '../signing/job-socket.ts'
import { type AttemptSink, say } from '../sink.ts'
import { carryOut, quiet, type StepPlace } from './carry-out-step.ts'
import { createDelivery } from './deliver-secrets.ts'
import { describeMs, overtime, type StepVerdict } from './run-step.ts'
import { createJobAgent } from './ssh-keys.ts'
import { asksForTests, deliverTestLists } from './tests/test-lists.ts'

export type StepsOutcome = {
  readonly outcome: Outcome
  readonly reason: { readonly code: FaultCode | null; readonly message: string } | null
  /** The job's own time limit ended it. */
  readonly overtime: boolean
}

type Place = { readonly sandbox: Sandbox; readonly sink: AttemptSink }

type Progress = {
  /** The first failure decides the job's outcome. */
  first: { readonly name: string; readonly verdict: StepVerdict } | null
  halted: boolean
  /** The number of the step that was begun last. */
  current: number
  /** The last step that is no teardown was carried out. */
  began: boolean
  /** A fault of ours in a background step. */
  broken: unknown
  readonly background: Promise<void>[]
}

export const runSteps = async (
  given: AttemptDeps,
  job: JobAttempt,
  place: Place,
  signal: AbortSignal,
): Promise<StepsOutcome> => {
  const deps = { ...given, continuing: onceInAttempt(given.continuing) }
  const endMs = deps.clock.monotonicMs() + job.spec.timeoutMs
  const late = new AbortController()
  const ends = new AbortController()
  const timer = setTimeout(() => late.abort(overtime), job.spec.timeoutMs)
  const stop = AbortSignal.any([signal, late.signal, ends.signal])
  const secrets = createDelivery(secretsOf(job), place.sandbox)
  const lists = onceOf((stopped) => testLists(deps, job, place.sandbox, stopped))
  const { sandbox } = place
  const agent = createJobAgent({ ...deps, sandbox, secrets: job.secrets, timeoutMs: job.spec.timeoutMs })
  const tokens = createStepTokens(deps, job, place.sink)
  const progress: Progress = {
    ...{ first: null, halted: false, began: false, current: 1, broken: null, background: [] },
  }
  try {
    await openEndpoint(deps, job, place, stop)
    const { signing } = deps
    if (signing !== undefined) await openJobSocket({ ...place, signing, step: () => progress.current }, stop)
    for (const [at, step] of job.spec.steps.entries()) {
      progress.current = at + 1
      const leftMs = Math.max(1, endMs - deps.clock.monotonicMs()) + termMs
      await oneStep(
        deps,
        job,
        { ...place, secrets, tokens, lists, agent, step, index: at + 1, leftMs },
        progress,
        stop,
      )
    }
  } finally {
    clearTimeout(timer)
    // A reason of our own: the default one is an error with a stack, made for every job.
    ends.abort('ended')
    await agent.close()
  }
  await Promise.race([Promise.all(progress.background), delay(2 * termMs)])
  if (progress.broken !== null) throw progress.broken
  return conclude(progress, signal.aborted, late.signal.aborted, job.spec.timeoutMs)
}

/** Of a setup configuration. */
const openEndpoint = async (
  { continuing }: AttemptDeps,
  { continuationKey: key, spec }: JobAttempt,
  { sandbox, sink }: Place,
  stop: AbortSignal,
): Promise<void> => {
  if (key === undefined) return
  const print = (text: string) => say(sink, 0, text)
  await openRelay({ sandbox, continuing, key, print, deadlineMs: spec.timeoutMs }, stop)
}

const testLists = async (
  { stores }: AttemptDeps,
  { spec, facts }: JobAttempt,
  sandbox: Sandbox,
  stop: AbortSignal,
): Promise<void> => {
  if (!asksForTests(spec, facts.shard.total)) return
  try {
    await deliverTestLists({ sandbox, stores }, stop)
  } catch (error) {
    if (!stop.aborted) throw error
  }
}

const onceOf = <T>(work: (signal: AbortSignal) => Promise<T>): ((signal: AbortSignal) => Promise<T>) => {
  let done: Promise<T> | null = null
  return (signal) => {
    done ??= work(signal)
    return done
  }
}

/** Those that no variable of the job stands above. */
const secretsOf = (job: JobAttempt) => {
  const names = new Set(aboveSecrets(layersOf(job)).map(([name]) => name))
  return job.secrets.filter(({ name }) => !names.has(name))
}

const oneStep = async (
  deps: AttemptDeps,
  job: JobAttempt,
  here: StepPlace,
  progress: Progress,
  stop: AbortSignal,
): Promise<void> => {
  const { step, index, sink } = here
  sink.event({ kind: 'step-started', step: index, name: step.name, type: step.kind })
  if (!isDue(job, step, progress) || stop.aborted) {
    sink.event(finished(index, { ...quiet, status: 'skipped' }))
    return
  }
  const carriedOut = carryOut(deps, job, here, stop)
  if (step.kind === 'run' && step.background) {
    progress.background.push(watchBackground(carriedOut, sink, index, progress))
    return
  }
  const verdict = await carriedOut
  sink.event(finished(index, verdict))
  if (verdict.status !== 'passed') progress.first ??= { name: step.name, verdict }
  progress.halted = verdict.halt
}

const isDue = ({ facts }: JobAttempt, step: PlanStep, progress: Progress): boolean => {
  const isOfTeardown = 'teardown' in step && step.teardown === true
  const isForAnother = step.kind === 'run' && step.firstShardOnly === true && facts.shard.index > 0
  const isAdmitted = admits(step.when, progress.first !== null) && !isForAnother && !progress.halted
  if (isOfTeardown) return isAdmitted && progress.began
  progress.began = isAdmitted
  return isAdmitted
}

const watchBackground = async (
  carriedOut: Promise<StepVerdict>,
  sink: AttemptSink,
  index: number,
  progress: Progress,
): Promise<void> => {
  try {
    sink.event(finished(index, endOfBackground(await carriedOut)))
  } catch (error) {
    progress.broken ??= error
  }
}

const admits = (when: StepWhen, hasFailed: boolean): boolean =>
  when === 'always' || (when === 'on_fail') === hasFailed

const finished = (
  step: number,
  verdict: Omit<StepVerdict, 'status' | 'halt'> & { readonly status: StepVerdict['status'] | 'skipped' },
) => ({
  kind: 'step-finished' as const,
  step,
  status: verdict.status,
  exitCode: verdict.exitCode,
  ms: verdict.ms,
  leftovers: verdict.leftovers,
  message: verdict.message,
  ...(verdict.cache === undefined ? {} : { cache: verdict.cache }),
})

/** A background step that was still running did what it was for. */
const endOfBackground = (verdict: StepVerdict): StepVerdict =>
  verdict.status === 'cancelled'
    ? { ...verdict, status: 'passed', message: 'stopped at the end of the job' }
    : verdict

const conclude = (progress: Progress, cancelled: boolean, isLate: boolean, limitMs: number): StepsOutcome => {
  if (cancelled)
    return { outcome: 'cancelled', reason: { code: null, message: 'cancelled' }, overtime: false }
  if (isLate) {
    const message = `the job's time limit of ${describeMs(limitMs)} is over`
    return { outcome: 'timed_out', reason: { code: null, message }, overtime: true }
  }
  if (progress.first === null) return { outcome: 'passed', reason: null, overtime: false }
  const { name, verdict } = progress.first
  const outcome = verdict.status === 'timed_out' ? 'timed_out' : 'failed'
  return {
    outcome,
    reason: { code: null, message: `${name}: ${verdict.message ?? verdict.status}` },
    overtime: false,
  }
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms).unref())
