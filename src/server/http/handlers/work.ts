// Routes about projects, runs, logs and runners: thin calls of the use cases in server/use-cases.ts.
import { fault } from '../../../base/faults.ts'
import { type AttemptId, type Id, type IdKind, parseId } from '../../../base/ids.ts'
import type { runRoutes } from '../../../protocol/api/run-routes.ts'
import type { FrameCodec } from '../../../protocol/frames.ts'
import type { Actor } from '../../access/actor.ts'
import { personBehind, readerOf } from '../../access/actor.ts'
import type { Live } from '../../live/live.ts'
import type {
  Artifacts,
  Contexts,
  Deliveries,
  Identity,
  LogReader,
  Logs,
  Orbs,
  Projects,
  Runners,
  Runs,
  Schedules,
  Secrets,
  Tests,
} from '../../use-cases.ts'
import type { Handlers } from '../binder.ts'
import { limits } from '../limits.ts'
import { downloadLog, type LogFormat } from '../log-download.ts'
import { pageOf } from '../paging.ts'
import type { PeopleRoutes } from './people.ts'
import type { SecretRoutes } from './secrets.ts'
import type { SystemRoutes } from './system.ts'

export type UseCases = {
  readonly runs: Runs
  readonly projects: Projects
  readonly deliveries: Deliveries
  readonly schedules: Schedules
  readonly orbs: Orbs
  readonly logs: Logs
  readonly artifacts: Artifacts
  readonly tests: Tests
  readonly runners: Runners
  readonly secrets: Secrets
  readonly identity: Identity
  readonly contexts: Contexts
}

type Waiting = { readonly live: Pick<Live, 'awaitVerdict'> }

type WorkRoutes = Exclude<keyof Handlers, PeopleRoutes | SystemRoutes | SecretRoutes>

export const workHandlers = ({
  runs,
  projects,
  deliveries,
  schedules,
  orbs,
  logs,
  artifacts,
  tests,
  runners,
  identity,
  live,
}: UseCases & Waiting): Pick<Handlers, WorkRoutes> => ({
  projectIdentity: ({ actor, params, query }) => identity.ofProject(actor.scope, params.project, query.ref),
  projects: ({ actor, query }) => projects.list(actor.scope, query),
  projectCreate: ({ actor, body }) => projects.create(actor, body),
  project: async ({ actor, params }) => found(await projects.find(actor.scope, params.project)),
  projectSettings: async ({ actor, params }) =>
    found(await projects.find(actor.scope, params.project)).settings,
  projectSet: ({ actor, params, body, expect }) => projects.set(actor, params.project, body, expect),
  orbs: async ({ actor, query }) => pageOf((await orbs.list(actor.scope)).items, query, ({ id }) => id),
  orbSources: async ({ actor, query }) =>
    pageOf((await orbs.sources(actor.scope)).items, query, ({ id }) => id),
  orbSource: async ({ actor, query }) => {
    const found = await orbs.source(actor.scope, query.id)
    if (found === null) throw fault('E_NOT_FOUND', { public: 'There is no such orb in the store' })
    return found
  },
  orbPut: ({ actor, body }) => orbs.put(actor, body),
  organisation: ({ actor }) => projects.organisation(actor.scope),
  organisationSet: ({ actor, body, expect }) => projects.setOrganisation(actor, body, expect),
  projectHook: ({ actor, params }) => projects.hookScript(actor.scope, params.project),
  projectHookRotate: ({ actor, params, body }) => projects.rotateHook(actor, params.project, body.eph),
  projectRefs: ({ actor, params }) => projects.contact(actor, params.project),
  projectHostKeys: ({ actor, params, body }) =>
    projects.confirmHostKey(actor, params.project, body.fingerprint),
  deliveries: ({ actor, query }) => deliveries.list(actor.scope, query),
  delivery: async ({ actor, params }) =>
    found(await deliveries.find(actor.scope, idOf('delivery', params.delivery))),
  deliveryReplay: ({ actor, params }) => deliveries.replay(actor, idOf('delivery', params.delivery)),

  ...scheduleHandlers(schedules),

  ...runHandlers({ runs, live }),
  attempt: async ({ actor, params }) =>
    found(await runs.findAttempt(actor.scope, idOf('attempt', params.attempt))),
  attemptLog: async ({ actor, params, query, signal }) => {
    const attempt = idOf('attempt', params.attempt)
    // Looked up first: once bytes flow, a 404 cannot be said any more.
    found(await runs.findAttempt(actor.scope, attempt))
    const isOfLines = query.from !== undefined || query.to !== undefined
    if (isOfLines && (query.step === undefined || query.format === 'frames' || query.follow === '1'))
      throw fault('E_INPUT', {
        public: 'Lines are counted per step: give step, as text or ndjson, without follow',
      })
    return downloadLog(query.format, framesFor(logs, { actor, attempt, signal, ...query }), query)
  },
  attemptLogIndex: async ({ actor, params, query }) => {
    const attempt = idOf('attempt', params.attempt)
    found(await runs.findAttempt(actor.scope, attempt))
    const options = { after: query.after, reader: readerOf(actor, 'download'), failureIn: query.failure_in }
    const index = await logs.readIndex(actor.scope, attempt, options)
    return {
      complete: index.isComplete,
      last_seq: index.lastSeq,
      first_failure: index.firstFailure,
      chunks: index.chunks.map(({ firstLine, seqFrom, seqTo, tMs, ...chunk }) => ({
        ...{ ...chunk, first_line: firstLine, seq_from: seqFrom, seq_to: seqTo, t_ms: tMs },
      })),
    }
  },

  ...artifactHandlers({ runs, artifacts }),
  ...testHandlers({ runs, tests }),

  runners: async ({ query }) => pageOf((await runners.list()).items, query, ({ id }) => id),
  operatorEnroll: ({ actor, body }) =>
    runners.enroll(actor, { id: idOf('runner', body.id), name: body.name, publicKey: body.public_key }),
})

const runHandlers = ({
  runs,
  live,
}: Pick<UseCases, 'runs'> & Waiting): Pick<Handlers, keyof typeof runRoutes> => ({
  runs: ({ actor, query }) =>
    runs.listRuns(actor.scope, { ...query, mine: query.mine && personBehind(actor) }),
  runStart: ({ actor, body }) => runs.startRun(actor, body),
  run: async ({ actor, params }) => found(await runs.findRun(actor.scope, idOf('run', params.run))),
  runWait: async ({ actor, params, query, signal }) => {
    const asked = { run: idOf('run', params.run), timeoutMs: query.timeout * 1000, signal }
    const run = found(await live.awaitVerdict(actor, asked))
    if (query.must === 'pass' && !good.includes(run.status))
      throw fault('E_NOT_PASSED', { public: `Run ${run.number} of ${run.project.name}: ${run.status}` })
    return run
  },
  runConfig: async ({ actor, params }) => found(await runs.findConfig(actor.scope, idOf('run', params.run))),
  runCancel: ({ actor, params }) => runs.cancelRun(actor, idOf('run', params.run)),
  runRerun: ({ actor, params, body }) => runs.rerunRun(actor, idOf('run', params.run), body.jobs),
  workflowCancel: ({ actor, params }) => runs.cancelJobs(actor, idOf('workflow', params.workflow)),
  jobCancel: ({ actor, params }) => runs.cancelJobs(actor, idOf('job', params.job)),
  jobRerun: ({ actor, params }) => runs.rerunJob(actor, idOf('job', params.job)),
  jobApprove: ({ actor, params, body }) =>
    runs.decideApproval(actor, idOf('job', params.job), {
      decision: 'approved',
      comment: body.comment ?? null,
    }),
  jobReject: ({ actor, params, body }) =>
    runs.decideApproval(actor, idOf('job', params.job), {
      decision: 'rejected',
      comment: body.comment ?? null,
    }),
})

const scheduleHandlers = (
  schedules: Schedules,
): Pick<Handlers, 'schedules' | 'schedule' | 'scheduleAdd' | 'scheduleSet' | 'scheduleRemove'> => ({
  schedules: async ({ actor, params, query }) =>
    pageOf((await schedules.list(actor.scope, params.project)).items, query, ({ id }) => id),
  scheduleAdd: ({ actor, params, body }) => schedules.add(actor, params.project, body),
  schedule: ({ actor, params }) => schedules.find(actor.scope, params),
  scheduleSet: ({ actor, params, body, expect }) => schedules.set(actor, params, body, expect),
  scheduleRemove: async ({ actor, params, expect }) => {
    await schedules.remove(actor, params, expect)
    return {}
  },
})

const artifactHandlers = ({
  runs,
  artifacts,
}: Pick<UseCases, 'runs' | 'artifacts'>): Pick<Handlers, 'runArtifacts' | 'artifact'> => ({
  runArtifacts: async ({ actor, params, query }) => {
    const run = idOf('run', params.run)
    found(await runs.findRun(actor.scope, run))
    return artifacts.list(actor.scope, run, query)
  },
  artifact: ({ actor, params }) => attachment(artifacts, actor, params.artifact),
})

const testHandlers = ({
  runs,
  tests,
}: Pick<UseCases, 'runs' | 'tests'>): Pick<Handlers, 'runTests' | 'jobTests'> => ({
  runTests: async ({ actor, params, query }) => {
    const run = idOf('run', params.run)
    found(await runs.findRun(actor.scope, run))
    return tests.listRun(actor.scope, run, query)
  },
  jobTests: ({ actor, params, query }) =>
    tests.listJob(actor.scope, idOf('job', params.job), query, readerOf(actor, 'view')),
})

const attachment = async (artifacts: Artifacts, actor: Actor, id: string) => {
  const { name, chunks } = await artifacts.open(actor.scope, id, readerOf(actor, 'download'))
  return { contentType: 'application/octet-stream', attachment: name, chunks }
}

const framesFor = (
  logs: Logs,
  ask: {
    readonly actor: Actor
    readonly attempt: AttemptId
    readonly signal: AbortSignal
    readonly after: number
    readonly until?: number | undefined
    readonly step?: number | undefined
    readonly from?: number | undefined
    readonly to?: number | undefined
    readonly follow: '0' | '1'
    readonly format: LogFormat
  },
) => {
  const options = {
    after: ask.after,
    until: ask.until,
    step: ask.step,
    reader: readerOf(ask.actor, 'download'),
    // Frames are for browsers; text is made of them here.
    codec: ask.format === 'frames' ? ('deflate-raw' as const) : ('zstd' as const),
  }
  if (ask.from !== undefined || ask.to !== undefined) return framesOfLines(logs, ask, options)
  if (ask.follow === '0') return logs.readFrames(ask.actor.scope, ask.attempt, options)
  const signal = AbortSignal.any([ask.signal, AbortSignal.timeout(limits.logDownloadMs)])
  return logs.follow(ask.actor.scope, ask.attempt, { ...options, signal })
}

/** The frames that hold these lines; what comes before and after them inside is cut off by whoever writes them down. */
const framesOfLines = async function* (
  logs: Logs,
  { actor, attempt, from = 1, to = Number.POSITIVE_INFINITY, step }: Parameters<typeof framesFor>[1],
  options: { readonly after: number; readonly reader: LogReader; readonly codec: FrameCodec },
) {
  const { chunks } = await logs.readIndex(actor.scope, attempt, options)
  const wanted = chunks.filter(
    (chunk) => chunk.step === step && chunk.firstLine <= to && chunk.firstLine + chunk.lines >= from,
  )
  const [first, last] = [wanted.at(0), wanted.at(-1)]
  if (first === undefined || last === undefined) return
  yield* logs.readFrames(actor.scope, attempt, {
    ...{ reader: options.reader, codec: options.codec, step },
    ...{ after: first.seqFrom - 1, until: last.seqTo },
  })
}

/** What counts as passed, as in the exit code of `mayfly watch`. */
const good: readonly string[] = ['passed', 'unstable', 'skipped']

const found = <T>(value: T | null): T => {
  if (value === null) throw fault('E_NOT_FOUND')
  return value
}

/** A malformed id names nothing. */
const idOf = <K extends IdKind>(kind: K, text: string): Id<K> => found(parseId(kind, text))
