// One step, by its kind: in the sandbox, or by the runner around it. Each comes to a verdict; who is next and what the job
// comes to is run-steps.ts.
import { fault } from '../../base/faults.ts'
import { freshTokensPath } from '../../protocol/job-commands.ts'
import type {
  PlanCheckoutStep,
  PlanFilesStep,
  PlanSetupStep,
  PlanSshKeysStep,
  PlanStep,
} from '../../protocol/plan.ts'
import type { GuestPath, Sandbox } from '../../sandbox/index.ts'
import { guestPath } from '../guest-path.ts'
import type { PutTokens, StepTokens } from '../identity/step-tokens.ts'
import type { AttemptDeps, JobAttempt } from '../job-attempt.ts'
import { jobUser, jobWorkdir } from '../sandbox-spec.ts'
import { setupStep } from '../setup/setup-steps.ts'
import { type AttemptSink, say } from '../sink.ts'
import { jobsOwn } from '../stores/cells.ts'
import type { SecretVariables } from './deliver-secrets.ts'
import { fileStep } from './files/file-step.ts'
import type { FilesAnswer } from './files/place.ts'
import { putFile } from './put-file.ts'
import { runStep, type StepVerdict } from './run-step.ts'
import type { JobAgent } from './ssh-keys.ts'

/** Where a step is carried out, and what only some kinds ask for. */
export type StepPlace = {
  readonly sandbox: Sandbox
  readonly sink: AttemptSink
  readonly secrets: (signal: AbortSignal) => Promise<SecretVariables>
  /** By which a step proves who its job is. */
  readonly tokens: StepTokens
  /** What is known of earlier tests, before the first command. */
  readonly lists: (signal: AbortSignal) => Promise<void>
  readonly agent: JobAgent
  readonly step: PlanStep
  readonly index: number
  readonly leftMs: number
}

export const carryOut = async (
  deps: AttemptDeps,
  job: JobAttempt,
  here: StepPlace,
  stop: AbortSignal,
): Promise<StepVerdict> => {
  const { step, sink, index } = here
  const workdir = jobWorkdir(job.spec)
  switch (step.kind) {
    case 'run': {
      await here.lists(stop)
      const directory = step.workdir === null ? workdir : guestPath(step.workdir, workdir, jobUser.home)
      const secrets = await here.secrets(stop)
      const { sandbox, leftMs: deadlineMs } = here
      const place = { sandbox, sink, index, root: workdir, workdir: directory, deadlineMs }
      return here.tokens(index, putTokens(sandbox, index), stop, (tokens) =>
        runStep(
          step,
          { ...place, secrets: new Map([...secrets, ...tokens]), agent: here.agent.current() },
          stop,
        ),
      )
    }
    case 'checkout':
      return checkOut(deps, { ...here, step, at: guestPath(step.path, workdir, jobUser.home) }, stop)
    case 'persist':
    case 'attach':
    case 'save-cache':
    case 'restore-cache':
    case 'store-artifacts':
    case 'store-tests':
    case 'filter-paths':
    case 'merge-configs':
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

/** As often as they are renewed. */
const putTokens = (sandbox: Sandbox, index: number): PutTokens => {
  let count = 0
  return async (text, signal) => {
    const file = { path: freshTokensPath, content: Buffer.from(text), how: 'replace' as const }
    const isThere = await putFile(sandbox, { id: `s${index}-t${++count}`, ...file }, signal)
    if (!isThere && !signal.aborted) throw fault('E_EXEC_FAILED', { detail: 'renewed identity tokens' })
  }
}

const checkOut = async (
  deps: AttemptDeps,
  here: StepPlace & { readonly step: PlanCheckoutStep; readonly at: GuestPath },
  stop: AbortSignal,
): Promise<StepVerdict> => {
  const { step, sink, index, sandbox, at } = here
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
    return brokenOff(error, stop)
  }
}

/** What is done around the sandbox rather than in it. */
const carryOutside = async (
  deps: AttemptDeps,
  job: JobAttempt,
  here: Pick<StepPlace, 'sandbox' | 'sink'> & {
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
    ...{ nowMs: deps.clock.now, mask: sink.mask, watch: sink.watch },
  }
  const isOfSetup = step.kind === 'filter-paths' || step.kind === 'merge-configs' || step.kind === 'continue'
  try {
    const answer: FilesAnswer = await (isOfSetup
      ? setupStep(step, { ...place, continuing }, stop)
      : fileStep(step, place, stop))
    const ms = Math.round(deps.clock.monotonicMs() - startedMs)
    return answer.ok
      ? { ...quiet, status: 'passed', ms, ...(answer.cache === undefined ? {} : { cache: answer.cache }) }
      : { ...(await told(sink, index, answer.message, 'failed')), ms }
  } catch (error) {
    const message = stop.aborted ? null : jobsOwn(error)
    if (message === null) return brokenOff(error, stop)
    return told(sink, index, message, 'failed')
  }
}

const addKeys = async (
  { agent, sink, index }: StepPlace,
  step: PlanSshKeysStep,
  stop: AbortSignal,
): Promise<StepVerdict> => {
  try {
    const { ok, lines } = await agent.add(step, `s${index}`, stop)
    for (const line of lines.slice(1)) await say(sink, index, line)
    return told(sink, index, lines[0] ?? '', ok ? 'passed' : 'failed')
  } catch (error) {
    return brokenOff(error, stop)
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

/** Because the job ends, or something of ours broke. */
const brokenOff = (error: unknown, stop: AbortSignal): StepVerdict => {
  if (stop.aborted) return { ...quiet, status: 'cancelled', message: 'cancelled' }
  throw error
}

/** What the verdict of a step says that ran no command. */
export const quiet = { exitCode: null, ms: 0, leftovers: 0, message: null, halt: false }
