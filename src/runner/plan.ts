// One attempt of the built-in plan job: reads the configuration at the commit, has it compiled behind a wall, and answers
// with the plan. What is wrong with the configuration is the attempt's failure, printed in its log. Each sandbox ends as
// soon as it has answered; the attempt ends when they are all proven gone.
// Steps in its log: 1 fetch, 2 compile.
import { fault, isFault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import type { Problem } from '../base/problem.ts'
import type { PlanLease, PlanResult } from '../protocol/runner-wire.ts'
import { jcsDigest } from '../seal/index.ts'
import { type AttemptReason, type AttemptResult, stopped } from './attempt.ts'
import type { ReadCommit } from './checkout/fetched.ts'
import { type ReadDeps, readCommit } from './checkout/git-trees.ts'
import type { SourceKey } from './checkout/source-cell.ts'
import type { Compiled, Compilers } from './compile-cell.ts'
import { type AttemptSink, say } from './sink.ts'

export type PlanDeps = ReadDeps & { readonly compilers: Compilers; readonly log: Log }

export type PlanAttempt = {
  readonly attempt: string
  readonly lease: PlanLease
  readonly key: SourceKey | null
}

export type PlanAttemptResult = AttemptResult & { readonly result: PlanResult }

/** Resolves always, like `runJobAttempt`. */
export const runPlanAttempt = async (
  deps: PlanDeps,
  job: PlanAttempt,
  sink: AttemptSink,
  signal: AbortSignal,
): Promise<PlanAttemptResult> => {
  try {
    return await planIt(deps, job, sink, signal)
  } catch (error) {
    if (signal.aborted) return { ...ended('cancelled', null, nothing), ...stopped(signal) }
    const known = isFault(error) ? error : fault('E_DEFECT', { cause: error })
    deps.log.error('plan attempt broke', { code: known.code, error })
    return {
      ...ended('errored', { code: known.code, message: known.public }, nothing),
      destroyed: known.code !== 'E_DESTROY_UNVERIFIED',
    }
  }
}

const planIt = async (
  deps: PlanDeps,
  job: PlanAttempt,
  sink: AttemptSink,
  signal: AbortSignal,
): Promise<PlanAttemptResult> => {
  const { lease } = job
  const of = {
    attempt: job.attempt,
    project: lease.project.id,
    source: lease.source,
    key: job.key,
    event: lease.run.event,
  }
  const found = await inStep(sink, { step: 1, name: 'Fetch the commit', phase: 'fetching' }, async () => {
    const answer = await readCommit(deps, of, (bytes) => sink.output(1, bytes), signal)
    if (!answer.ok) await say(sink, 1, answer.message)
    return { value: answer, failure: answer.ok ? null : answer.message }
  })
  if (!found.ok) return ended('failed', { code: found.code, message: found.message }, nothing)
  try {
    return await compileIt(deps, lease, found.read, sink, signal)
  } finally {
    await found.closed
  }
}

const compileIt = async (
  deps: PlanDeps,
  lease: PlanLease,
  read: ReadCommit,
  sink: AttemptSink,
  signal: AbortSignal,
): Promise<PlanAttemptResult> => {
  const compiled = await inStep(
    sink,
    { step: 2, name: 'Compile the configuration', phase: 'running' },
    async () => {
      const value = await deps.compilers.compile(requestOf(lease, read), signal)
      for (const problem of value.answer.problems) await say(sink, 2, describeProblem(problem))
      return { value, failure: value.answer.ok ? null : firstError(value.answer.problems) }
    },
  )
  return conclude(compiled, read)
}

const requestOf = ({ run, parameters }: PlanLease, read: ReadCommit) => ({
  v: 1 as const,
  files: Object.fromEntries(
    [...read.files].map(([path, bytes]) => [path, Buffer.from(bytes).toString('utf8')]),
  ),
  event: { ...run.event, commit: read.commit },
  parameters,
})

const conclude = async ({ answer, receipt }: Compiled, read: ReadCommit): Promise<PlanAttemptResult> => {
  const commit = { id: read.commit, ...read.about }
  const { problems } = answer
  if (!answer.ok) {
    const failed = ended(
      'failed',
      { code: null, message: firstError(problems) },
      { ...nothing, problems, commit },
    )
    return { ...failed, receipt: await receipt }
  }
  const planDigest = await jcsDigest(answer.plan)
  const result: PlanResult = {
    kind: 'plan',
    plan: answer.plan,
    planDigest,
    origins: answer.origins,
    problems,
    commit,
  }
  return { ...ended('passed', null, result), receipt: await receipt }
}

/** A step of the built-in job, with its events. */
const inStep = async <T>(
  sink: AttemptSink,
  about: { readonly step: number; readonly name: string; readonly phase: 'fetching' | 'running' },
  carryOut: () => Promise<{ readonly value: T; readonly failure: string | null }>,
): Promise<T> => {
  const { step, name, phase } = about
  sink.event({ kind: 'phase', phase })
  sink.event({ kind: 'step-started', step, name, type: 'built-in' })
  const startedMs = performance.now()
  const end = (status: 'passed' | 'failed', message: string | null) =>
    sink.event({
      kind: 'step-finished',
      step,
      status,
      exitCode: null,
      ms: Math.round(performance.now() - startedMs),
      leftovers: 0,
      message,
    })
  try {
    const { value, failure } = await carryOut()
    end(failure === null ? 'passed' : 'failed', failure)
    return value
  } catch (error) {
    end('failed', isFault(error) ? error.public : null)
    throw error
  }
}

const nothing: PlanResult = {
  kind: 'plan',
  plan: null,
  planDigest: null,
  origins: {},
  problems: [],
  commit: null,
}

const ended = (
  outcome: AttemptResult['outcome'],
  reason: AttemptReason | null,
  result: PlanResult,
): PlanAttemptResult => ({ outcome, reason, receipt: null, destroyed: true, result })

const firstError = (problems: readonly Problem[]): string => {
  const first = problems.find((problem) => problem.severity === 'error')
  return first === undefined ? 'the configuration is not valid' : describeProblem(first)
}

/** One line; frames with carets are for the page, which gets the problems themselves. */
const describeProblem = ({ at, severity, code, message }: Problem): string =>
  `${at === null ? '' : `${at.file}:${at.line}:${at.column}: `}${severity}[${code}]: ${message}`
