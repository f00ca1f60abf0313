// Carries out a plan on this machine: schedule/ says what may start, each job runs as an attempt of the runner's own
// code. State lives in memory only.
import { tmpdir } from 'node:os'
import { isFault } from '../../base/faults.ts'
import { formatId, type IdKind, type JobId, type RunId, uuid7, type WorkflowId } from '../../base/ids.ts'
import { type Log, silentLog } from '../../base/log.ts'
import type { JobEgress } from '../../protocol/egress.ts'
import type { Env, JobSpec, Outcome, Plan } from '../../protocol/plan.ts'
import type { ReleasedSecret } from '../../protocol/released.ts'
import { defaultClass, foreignNeed } from '../../protocol/resource-class.ts'
import type { JobFacts } from '../../protocol/runner-wire.ts'
import {
  type AttemptResult,
  type AttemptSink,
  egressPolicy,
  runJobAttempt,
  withSecrets,
} from '../../runner/index.ts'
import type { Limits } from '../../sandbox/index.ts'
import {
  decide,
  type ExpandedJob,
  type ExpandedPlan,
  expandPlan,
  isFinal,
  newRun,
  nextHolder,
  type RunEvent,
  type RunState,
  requestsOf,
  type Status,
} from '../../schedule/index.ts'
import { jobNames } from '../api/job-name.ts'
import type { WorkTree } from '../git/work-tree.ts'
import type { LocalSandboxes, Surroundings } from '../surroundings.ts'
import { createLocalContinuing, type WentOn } from './local-continuing.ts'
import { type LocalPlaces, type LocalStores, openLocalStores } from './local-stores.ts'
import { createReport, type Report } from './report.ts'
import type { LocalFacts } from './run-facts.ts'
import { createWorkTreeSource } from './work-tree-source.ts'

export type LocalRun = {
  readonly plan: Plan
  readonly tree: WorkTree | null
  readonly root: string
  /** In place of its own configuration. */
  readonly config: string | null
  /** What path filtering compares with instead. */
  readonly changedSince: string | null
  /** What its configuration may know of it. */
  readonly facts: LocalFacts
  /** Which part of what the run goes on with is carried out: of a setup configuration. */
  readonly chooseLater: (plan: Plan) => Plan
  /** Above the job's own environment. */
  readonly variables: Env
  /** For `run` steps of every job. */
  readonly secrets: readonly ReleasedSecret[]
  readonly network: 'none' | 'open' | null
  /** The weakest class to run in; null: what the operator set. */
  readonly isolation: 'rootless' | 'container' | null
  readonly slots: number
  readonly sandboxes: LocalSandboxes
  readonly json: boolean
  readonly places: LocalPlaces
}

type Making = {
  readonly around: Surroundings
  readonly run: LocalRun
  readonly ids: ReturnType<typeof createIds>
  readonly expanded: GrowingPlan
  readonly report: Report
  readonly stores: LocalStores
}

/** Everybody looks at the same one: it grows when a setup configuration goes on. */
type GrowingPlan = {
  readonly workflows: ExpandedPlan['workflows'][number][]
  readonly jobs: ExpandedJob[]
  /** The job that went on with the run. */
  wentOn: JobId | null
}

export const runPlan = async (around: Surroundings, run: LocalRun): Promise<Status> => {
  const ids = createIds(around, run.facts.id)
  const first = expandPlan(run.plan, { workflow: ids.of('workflow'), job: ids.of('job') })
  const expanded: GrowingPlan = { workflows: [...first.workflows], jobs: [...first.jobs], wentOn: null }
  const report = createReport(around, { json: run.json, expanded, names: () => namesIn(expanded) })
  noteContexts(report, first)
  const stores = await openLocalStores(expanded, run.places)
  try {
    const state = await untilFinal({ around, run, ids, expanded, report, stores })
    report.finish(state)
    return state.status
  } finally {
    await stores.close()
  }
}

/** What a context holds, a vault releases to the jobs of its installation alone. */
const noteContexts = (report: Report, { jobs }: ExpandedPlan): void => {
  const names = [...new Set(jobs.flatMap(({ plan }) => plan.spec?.contexts ?? []))]
  if (names.length > 0)
    report.note(`secrets of contexts (${names.join(', ')}) are not here: -s NAME gives a job one of its own`)
}

/** One attempt per claimed job, as many at once as there are slots; Ctrl-C asks all of them to stop. */
const untilFinal = async (making: Making): Promise<RunState> => {
  const { around, run, expanded } = making
  let state = withLocks(planned(making))
  let changed = Promise.withResolvers<void>()
  const happen = (event: RunEvent) => {
    state = withLocks(decide(state, event).state)
    changed.resolve()
  }
  const running = new Map<string, Promise<void>>()
  const onInterrupt = () => happen({ kind: 'cancel-requested' })
  around.interrupted.addEventListener('abort', onInterrupt, { once: true })
  while (!isFinal(state.status)) {
    for (const { id, attempts, status } of state.jobs) {
      const job = expanded.jobs.find((candidate) => candidate.state.id === id)
      const attempt = attempts.at(-1)
      if (status !== 'queued' || job === undefined || attempt === undefined || running.size >= run.slots)
        continue
      happen({ kind: 'claimed', job: id, number: attempt.number })
      const onPlan = (plan: Plan) => goOn(making, plan, { job: id, number: attempt.number }, happen)
      const settled = runJob(making, job, attempt.number, onPlan).then((result) => {
        running.delete(id)
        happen({ kind: 'finished', job: id, number: attempt.number, outcome: result.outcome })
      })
      running.set(id, settled)
    }
    if (running.size === 0) break
    await Promise.race([...running.values(), changed.promise])
    changed = Promise.withResolvers()
  }
  await Promise.all(running.values())
  around.interrupted.removeEventListener('abort', onInterrupt)
  return state
}

/** Nobody else shares the locks of a run on this machine. */
const withLocks = (state: RunState): RunState => {
  for (const requests of requestsOf(state).values()) {
    const { grant } = nextHolder(requests)
    if (grant !== null) return withLocks(decide(state, { kind: 'lock-granted', jobs: grant.jobs }).state)
  }
  return state
}

const planned = ({ ids, expanded }: Making): RunState => {
  const job = ids.of('job')()
  const start = decide(newRun(job), { kind: 'claimed', job, number: 1 }).state
  const workflows = expanded.workflows.map((workflow) => workflow.state)
  const jobs = expanded.jobs.map((each) => each.state)
  return decide(start, { kind: 'planned', job, number: 1, workflows, jobs }).state
}

/** Once, as with a server. */
const goOn = (
  { expanded, ids, run, report }: Making,
  plan: Plan,
  by: { readonly job: JobId; readonly number: number },
  happen: (event: RunEvent) => void,
): WentOn => {
  if (expanded.wentOn !== null) return expanded.wentOn === by.job ? 'kept' : 'refused'
  const after = { workflows: expanded.workflows.length, jobs: expanded.jobs.length }
  const more = expandPlan(run.chooseLater(plan), { workflow: ids.of('workflow'), job: ids.of('job') }, after)
  expanded.wentOn = by.job
  noteContexts(report, more)
  expanded.workflows.push(...more.workflows)
  expanded.jobs.push(...more.jobs)
  const [workflows, jobs] = [more.workflows.map(({ state }) => state), more.jobs.map(({ state }) => state)]
  happen({ kind: 'continued', ...by, workflows, jobs })
  return 'taken'
}

const runJob = async (
  making: Making,
  job: ExpandedJob,
  number: number,
  onPlan: (plan: Plan) => WentOn,
): Promise<AttemptResult> => {
  const { around, run, ids, expanded, report, stores } = making
  const spec = specOf(run, job)
  const limits = limitsOf(run, spec)
  const name = namesIn(expanded).get(job.state.id) ?? job.plan.name
  const sink: AttemptSink = report.job(job.state.id, name, number)
  if (limits === null) {
    const refused = noSuchClass(spec.resourceClass ?? '')
    report.ended(job.state.id, name, refused)
    return refused
  }
  const deps = {
    driver: run.sandboxes.driver,
    isolation: run.isolation ?? run.sandboxes.isolation ?? 'rootless',
    trees: createWorkTreeSource(around, run.tree, run.root),
    stores: stores.of(job, name),
    continuing: createLocalContinuing(around, {
      ...{ tree: run.tree, root: run.root, facts: run.facts, onPlan },
      ...{ event: run.plan.inputs.event, parameters: run.plan.inputs.parameters },
      ...{ config: run.config, changedSince: run.changedSince },
      isSetup: spec.setup === true,
    }),
    // Only keys that a vault released need one.
    agentDirectory: tmpdir(),
    clock: around.clock,
    log: tellingWhatBroke(report),
  }
  const egress = egressPolicy(egressOf(run, spec), run.sandboxes.privateRanges)
  const about = { attempt: ids.of('attempt')(), facts: factsOf(making, job), spec, limits, egress }
  const result = await withSecrets({ secrets: run.secrets }, sink, (secrets, masked) =>
    runJobAttempt(deps, { ...about, secrets }, masked, abortWith(around.interrupted)),
  )
  report.ended(job.state.id, name, result)
  return result
}

/** Whoever runs here is the operator: what an operator would look up in the log of a runner is said. */
const tellingWhatBroke = ({ note }: Pick<Report, 'note'>): Log => {
  const log: Log = {
    ...silentLog,
    error: (message, { error } = {}) => {
      // The words for everybody come with the end of the job.
      if (isFault(error) && error.detail === '') return
      note(error instanceof Error ? `${message}: ${error.message}` : message)
    },
    child: () => log,
  }
  return log
}

/** null: there is no such class. The size of another kind of machine is refused in words by the attempt itself. */
const limitsOf = ({ sandboxes }: LocalRun, { resourceClass: word }: JobSpec): Limits | null =>
  sandboxes.classLimits(word === null || foreignNeed(word) !== null ? defaultClass : word)

/** What the person said goes before what the file says, and that before the operator's settings. */
const egressOf = ({ network, sandboxes }: LocalRun, spec: JobSpec): JobEgress =>
  (network === null ? spec.egress : null) ?? { mode: network ?? sandboxes.egressDefault, allow: [] }

/** The attempt reads from the reason that a person wanted it. */
const abortWith = (interrupted: AbortSignal): AbortSignal => {
  const controller = new AbortController()
  const stop = () => controller.abort('cancelled')
  if (interrupted.aborted) stop()
  else interrupted.addEventListener('abort', stop, { once: true })
  return controller.signal
}

const noSuchClass = (word: string): AttemptResult => {
  const message = `there is no resource class "${word}" on this machine`
  const outcome: Outcome = 'failed'
  return { outcome, reason: { code: 'E_CLASS_UNKNOWN', message }, receipt: null, destroyed: true }
}

const specOf = (run: LocalRun, job: ExpandedJob): JobSpec => {
  const { spec } = job.plan
  if (spec === null) throw new TypeError('only jobs with steps are queued')
  return { ...spec, env: [...spec.env, ...run.variables] }
}

const namesIn = ({ workflows, jobs }: ExpandedPlan): ReadonlyMap<JobId, string> => {
  const nameOf = new Map<WorkflowId | null, string>(workflows.map(({ state, name }) => [state.id, name]))
  return jobNames(
    jobs.map(({ plan, shard, state }) => ({
      ...{ id: state.id, name: plan.name, shard, shards: plan.shards },
      workflow: nameOf.get(state.workflow) ?? null,
    })),
  )
}

const factsOf = ({ run, ids, expanded }: Making, job: ExpandedJob): JobFacts => {
  const workflow = expanded.workflows.find(({ state }) => state.id === job.state.workflow)
  if (workflow === undefined) throw new TypeError('a job of no workflow')
  return {
    organisation: { id: ids.organisation, name: 'local' },
    project: { id: ids.project, name: run.tree?.name ?? 'local', defaultBranch: run.tree?.branch ?? 'main' },
    run: { id: ids.run, number: run.facts.number, event: run.plan.inputs.event },
    workflow: { id: workflow.state.id, name: workflow.name },
    job: { id: job.state.id, key: job.plan.key, name: job.plan.name, number: job.number },
    shard: { index: job.shard, total: job.plan.shards },
    serverUrl: 'http://localhost',
    source: { kind: 'local', root: 0, path: run.tree?.remote ?? run.root },
  }
}

const createIds = ({ clock, randomBytes }: Surroundings, run: RunId) => {
  const of =
    <K extends IdKind>(kind: K) =>
    () =>
      formatId(kind, uuid7(clock.now(), randomBytes(10)))
  return { of, organisation: of('organisation')(), project: of('project')(), run }
}
