// The steps of one job in order: which of them run (`when`, halt, cancel, time), what each reports, and what the job
// comes to. Background steps run beside the others and never decide the verdict.
import type { FaultCode } from '../../base/faults.ts'
import type {
  Outcome,
  PlanFilesStep,
  PlanSetupStep,
  PlanSshKeysStep,
  PlanStep,
  StepWhen,
} from '../../protocol/plan.ts'
import type { GuestPath, Sandbox } from '../../sandbox/index.ts'
import { aboveSecrets } from '../environment/layers.ts'
import { guestPath } from '../guest-path.ts'
import type { AttemptDeps, JobAttempt } from '../job-attempt.ts'
import { termMs } from '../limits.ts'
import { jobUser, jobWorkdir, layersOf } from '../sandbox-spec.ts'
import { onceInAttempt } from '../setup/continuing.ts'
import { openRelay } from '../setup/relay.ts'
import { setupStep } from '../setup/setup-steps.ts'
import { type AttemptSink, say } from '../sink.ts'
import { jobsOwn } from '../stores/cells.ts'
import { createDelivery, type SecretVariables } from './deliver-secrets.ts'
import { fileStep } from './files/file-step.ts'
import { describeMs, overtime, runStep, type StepVerdict } from './run-step.ts'
import { createJobAgent, type JobAgent } from './ssh-keys.ts'
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
  const progress: Progress = { first: null, halted: false, broken: null, background: [] }
  try {
    await openEndpoint(deps, job, place, stop)
    for (const [at, step] of job.spec.steps.entries()) {
      const leftMs = Math.max(1, endMs - deps.clock.monotonicMs()) + termMs
      await oneStep(
        deps,
        job,
        { ...place, secrets, lists, agent, step, index: at + 1, leftMs },
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

type StepPlaceHere = Place & {
  readonly secrets: (signal: AbortSignal) => Promise<SecretVariables>
  /** What is known of earlier tests, before the first command. */
  readonly lists: (signal: AbortSignal) => Promise<void>
  readonly agent: JobAgent
  readonly step: PlanStep
  readonly index: number
  readonly leftMs: number
}

const oneStep = async (
  deps: AttemptDeps,
  job: JobAttempt,
  here: StepPlaceHere,
  progress: Progress,
  stop: AbortSignal,
): Promise<void> => {
  const { step, index, sink } = here
  sink.event({ kind: 'step-started', step: index, name: step.name, type: step.kind })
  if (stop.aborted || progress.halted || !admits(step.when, progress.first !== null)) {
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

const carryOut = async (
  deps: AttemptDeps,
  job: JobAttempt,
  here: StepPlaceHere,
  stop: AbortSignal,
): Promise<StepVerdict> => {
  const { step, sink, index } = here
  const workdir = jobWorkdir(job.spec)
  switch (step.kind) {
    case 'run': {
      await here.lists(stop)
      const directory = step.workdir === null ? workdir : guestPath(step.workdir, workdir, jobUser.home)
      return runStep(
        step,
        {
          ...{
            sandbox: here.sandbox,
            sink,
            index,
            root: workdir,
            workdir: directory,
            deadlineMs: here.leftMs,
          },
          secrets: await here.secrets(stop),
          agent: here.agent.current(),
        },
        stop,
      )
    }
    case 'checkout':
      return checkOut(deps, { ...here, at: guestPath(step.path, workdir, jobUser.home) }, stop)
    case 'persist':
    case 'attach':
    case 'save-cache':
    case 'restore-cache':
    case 'store-artifacts':
    case 'store-tests':
      return carryOutside(deps, job, { ...here, step, workdir }, stop)
    case 'filter-paths':
    case 'continue':
      return carryOutside(deps, job, { ...here, step, workdir }, stop)
    case 'ssh-keys':
      return addKeys(here, step, stop)
    case 'note':
      return told(sink, index, step.text, 'passed')
    case 'refused':
      return told(sink, index, `${step.what}: ${step.reason}`, 'failed')
  }
}

const checkOut = async (
  deps: AttemptDeps,
  here: StepPlaceHere & { readonly at: GuestPath },
  stop: AbortSignal,
): Promise<StepVerdict> => {
  const { step, sink, index, sandbox, at } = here
  if (step.kind !== 'checkout') throw new TypeError('not a checkout step')
  const startedMs = deps.clock.monotonicMs()
  sink.event({ kind: 'phase', phase: 'fetching' })
  const print = (bytes: Uint8Array) => sink.output(index, bytes)
  try {
    const placed = await deps.trees.place({ step, id: `s${index}`, at, sandbox, print }, stop)
    sink.event({ kind: 'phase', phase: 'running' })
    const ms = Math.round(deps.clock.monotonicMs() - startedMs)
    if (placed.ok) return { ...quiet, status: 'passed', ms }
    await say(sink, index, placed.message)
    return { ...quiet, status: 'failed', ms, message: placed.message }
  } catch (error) {
    if (stop.aborted) return { ...quiet, status: 'cancelled', message: 'cancelled' }
    throw error
  }
}

/** What is done around the sandbox rather than in it. */
const carryOutside = async (
  deps: AttemptDeps,
  job: JobAttempt,
  here: Place & {
    readonly step: PlanFilesStep | PlanSetupStep
    readonly index: number
    readonly workdir: GuestPath
  },
  stop: AbortSignal,
): Promise<StepVerdict> => {
  const { step, index, sink, sandbox, workdir } = here
  const startedMs = deps.clock.monotonicMs()
  const print = (text: string) => say(sink, index, text)
  const { stores, continuing } = deps
  const place = {
    ...{ sandbox, stores, job, id: `s${index}`, workdir, print },
    ...{ nowMs: deps.clock.now, mask: sink.mask },
  }
  const isOfSetup = step.kind === 'filter-paths' || step.kind === 'continue'
  try {
    const answer = await (isOfSetup
      ? setupStep(step, { ...place, continuing }, stop)
      : fileStep(step, place, stop))
    const ms = Math.round(deps.clock.monotonicMs() - startedMs)
    return answer.ok
      ? { ...quiet, status: 'passed', ms }
      : { ...(await told(sink, index, answer.message, 'failed')), ms }
  } catch (error) {
    if (stop.aborted) return { ...quiet, status: 'cancelled', message: 'cancelled' }
    const message = jobsOwn(error)
    if (message === null) throw error
    return told(sink, index, message, 'failed')
  }
}

const addKeys = async (
  { agent, sink, index }: StepPlaceHere,
  step: PlanSshKeysStep,
  stop: AbortSignal,
): Promise<StepVerdict> => {
  try {
    const { ok, lines } = await agent.add(step, `s${index}`, stop)
    for (const line of lines.slice(1)) await say(sink, index, line)
    return told(sink, index, lines[0] ?? '', ok ? 'passed' : 'failed')
  } catch (error) {
    if (stop.aborted) return { ...quiet, status: 'cancelled', message: 'cancelled' }
    throw error
  }
}

const told = async (
  sink: AttemptSink,
  index: number,
  text: string,
  status: 'passed' | 'failed',
): Promise<StepVerdict> => {
  await say(sink, index, text)
  return { ...quiet, status, message: text }
}

const quiet = { exitCode: null, ms: 0, leftovers: 0, message: null, halt: false }

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
