// One attempt of the built-in plan job: reads the configuration at the commit, has it compiled behind a wall, and answers
// with the plan. What is wrong with the configuration is the attempt's failure, printed in its log. The plan is told as soon
// as it is made, then the sandboxes are closed; the attempt holds its place and ends when they are all proven gone.
// Steps in its log: 1 fetch, 2 compile.
import { fault, isFault } from '../base/faults.ts'
import type { Log } from '../base/log.ts'
import type { ChangedFiles } from '../protocol/changed-files.ts'
import type { CompileAnswer, CompileRequest } from '../protocol/compile.ts'
import type { Plan, RunFacts } from '../protocol/plan.ts'
import type { JobLease, PlanLease, PlanResult } from '../protocol/runner-wire.ts'
import { jcsDigest } from '../seal/index.ts'
import { type AttemptReason, type AttemptResult, stopped } from './attempt.ts'
import type { ReadCommit } from './checkout/fetched.ts'
import { type Read, type ReadDeps, readCommit } from './checkout/git-trees.ts'
import type { SourceKey } from './checkout/source-cell.ts'
import type { Compiled, Compilers } from './compile-cell.ts'
import type { KnownPlans } from './evidence/known-plans.ts'
import { describeProblem, firstError } from './problem-words.ts'
import { type AttemptSink, say } from './sink.ts'
import { sourceAddress } from './source-address.ts'

export type PlanDeps = ReadDeps & {
  readonly compilers: Compilers
  readonly knownPlans: KnownPlans
  readonly log: Log
}

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
    const destroyed = !isFault(error, 'E_DESTROY_UNVERIFIED')
    if (signal.aborted) return { ...ended('cancelled', null, nothing), ...stopped(signal), destroyed }
    const known = isFault(error) ? error : fault('E_DEFECT', { cause: error })
    deps.log.error('plan attempt broke', { code: known.code, error })
    return { ...ended('errored', { code: known.code, message: known.public }, nothing), destroyed }
  }
}

/** Closes a sandbox that has answered, and resolves when it is proven gone. */
type End = () => Promise<unknown>

const planIt = async (
  deps: PlanDeps,
  job: PlanAttempt,
  sink: AttemptSink,
  signal: AbortSignal,
): Promise<PlanAttemptResult> => {
  const ends: End[] = []
  let planned: Planned
  try {
    planned = await makePlan(deps, job, { sink, ends }, signal)
  } finally {
    await allEnded(ends)
  }
  return { ...planned.ended, receipt: (await planned.compiled?.end()) ?? null }
}

/** Together: one proof serves both. Rejects when one is not gone, after all of them were tried. */
export const allEnded = async (ends: readonly End[]): Promise<void> => {
  const settled = await Promise.allSettled(ends.map((end) => end()))
  for (const end of settled) if (end.status === 'rejected') throw end.reason
}

type Planned = { readonly ended: PlanAttemptResult; readonly compiled: Compiled | null }
/** `ends` gets the end of every sandbox that has answered. */
type Making = { readonly sink: AttemptSink; readonly ends: End[] }

const makePlan = async (
  deps: PlanDeps,
  job: PlanAttempt,
  making: Making,
  signal: AbortSignal,
): Promise<Planned> => {
  const found = await readIt(deps, job, making, signal)
  if (!found.ok)
    return { ended: ended('failed', { code: found.code, message: found.message }, nothing), compiled: null }
  // Beside the compiler, which takes longer; the cell waits for its end anyway.
  const [compiled, changes] = await Promise.all([
    compileIt(deps, job.lease, found.read, making, signal),
    found.changed?.(job.lease.run.change?.base ?? null) ?? null,
  ])
  if (compiled.answer.ok) remember(deps, job.lease, found.read.commit, compiled.answer.plan)
  return { ended: await conclude(compiled.answer, { ...found, changes }, making.sink), compiled }
}

const readIt = (
  deps: PlanDeps,
  { attempt, lease, key }: PlanAttempt,
  { sink, ends }: Making,
  signal: AbortSignal,
): Promise<Read> => {
  const of = { attempt, key, project: lease.project.id, source: lease.source, event: lease.run.event }
  return inStep(sink, { step: 1, name: 'Fetch the commit', phase: 'fetching' }, async () => {
    const value = await readCommit(deps, of, (bytes) => sink.output(1, bytes), signal)
    if (value.ok) ends.push(value.end)
    else await say(sink, 1, value.message)
    return { value, failure: value.ok ? null : value.message }
  })
}

const compileIt = (
  deps: PlanDeps,
  lease: PlanLease,
  read: ReadCommit,
  { sink, ends }: Making,
  signal: AbortSignal,
): Promise<Compiled> =>
  inStep(sink, { step: 2, name: 'Compile the configuration', phase: 'running' }, async () => {
    const value = await deps.compilers.compile(requestOf(lease, read), signal)
    ends.push(value.end)
    for (const problem of value.answer.problems) await say(sink, 2, describeProblem(problem))
    return { value, failure: value.answer.ok ? null : firstError(value.answer.problems) }
  })

/** What a configuration may know of its run beside the commit. */
export const runFactsOf = (lease: PlanLease | JobLease): RunFacts => ({
  id: lease.run.id,
  number: lease.run.number,
  organisation: lease.organisation.name,
  project: lease.project.name,
  defaultBranch: lease.project.defaultBranch,
  url: sourceAddress(lease.source),
  ...(lease.run.change === undefined ? {} : { change: lease.run.change }),
})

/** What every compile for a run is given of it, and of the commit. */
export const compileOf = (
  lease: PlanLease | JobLease,
  { files, about }: ReadCommit,
): Pick<CompileRequest, 'v' | 'files' | 'run'> => ({
  v: 1,
  files: Object.fromEntries([...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString('utf8')])),
  run: {
    ...runFactsOf(lease),
    commit: {
      subject: about.subject,
      author: about.author,
      ...(about.body === '' ? {} : { body: about.body }),
    },
  },
})

const requestOf = (lease: PlanLease, read: ReadCommit): CompileRequest => ({
  ...compileOf(lease, read),
  event: { ...lease.run.event, commit: read.commit },
  parameters: lease.parameters,
  ...(lease.untrustedInScripts === true ? { untrustedInScripts: true } : {}),
  ...(lease.orbs === undefined ? {} : { orbs: lease.orbs }),
})

/** Its jobs are proven by it when they come here. One that lets text from outside into scripts proves none. */
const remember = ({ knownPlans }: PlanDeps, lease: PlanLease, commit: string, plan: Plan): void => {
  if (lease.untrustedInScripts === true) return
  const { parameters, orbs = {}, run, project } = lease
  const event = { ...run.event, commit }
  knownPlans.keep({ project: project.id, commit, event, parameters, orbs, run: runFactsOf(lease) }, plan)
}

/** A plan is told before anything is closed: its jobs wait for it. */
const conclude = async (
  answer: CompileAnswer,
  { read, changes }: { readonly read: ReadCommit; readonly changes: ChangedFiles | null },
  sink: AttemptSink,
): Promise<PlanAttemptResult> => {
  const told = changes === null ? {} : { changes }
  const { body: _, ...words } = read.about
  const commit = { id: read.commit, ...words }
  const { problems } = answer
  if (!answer.ok)
    return ended(
      'failed',
      { code: null, message: firstError(problems) },
      { ...nothing, problems, commit, ...told },
    )
  const { plan, origins } = answer
  const planDigest = await jcsDigest(plan)
  const result: PlanResult = { kind: 'plan', plan, planDigest, origins, problems, commit, ...told }
  await sink.planned?.(result)
  return ended('passed', null, result)
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
