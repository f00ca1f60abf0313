// Routes about projects, runs, logs and runners: thin calls of the use cases in server/use-cases.ts.
import { fault } from '../../../base/faults.ts'
import type { runRoutes } from '../../../protocol/api/run-routes.ts'
import type { Actor } from '../../access/actor.ts'
import { personBehind, readerOf } from '../../access/actor.ts'
import type { Compare } from '../../compare/compare-runs.ts'
import type { Live } from '../../live/live.ts'
import type { Logs } from '../../log-use-cases.ts'
import type {
  Admissions,
  Artifacts,
  AuditLog,
  Contexts,
  Deliveries,
  Identity,
  Orbs,
  Projects,
  Runners,
  Runs,
  Schedules,
  Secrets,
  Tests,
  TwoPerson,
  Webhooks,
} from '../../use-cases.ts'
import type { Handlers } from '../binder.ts'
import { pageOf } from '../paging.ts'
import { found, idOf } from './found.ts'
import { logHandlers } from './logs.ts'
import type { PeopleRoutes } from './people.ts'
import type { SecretRoutes } from './secrets.ts'
import type { SystemRoutes } from './system.ts'
import type { WebhookRoutes } from './webhooks.ts'

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
  readonly twoPerson: TwoPerson
  readonly identity: Identity
  readonly contexts: Contexts
  readonly admissions: Admissions
  readonly compare: Compare['compare']
  readonly webhooks: Webhooks
  readonly audit: AuditLog
}

type Waiting = { readonly live: Pick<Live, 'awaitVerdict' | 'standing'> }

type WorkRoutes = Exclude<keyof Handlers, PeopleRoutes | SystemRoutes | SecretRoutes | WebhookRoutes>

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
  compare,
  audit,
}: UseCases & Waiting): Pick<Handlers, WorkRoutes> => ({
  projectIdentity: ({ actor, params, query }) => identity.ofProject(actor.scope, params.project, query.ref),
  projects: ({ actor, query }) => projects.list(actor.scope, query),
  projectCreate: ({ actor, body }) => projects.create(actor, body),
  project: async ({ actor, params }) => found(await projects.find(actor.scope, params.project)),
  projectRemove: async ({ actor, params }) => {
    await projects.remove(actor, params.project)
    return {}
  },
  projectSettings: async ({ actor, params }) =>
    found(await projects.find(actor.scope, params.project)).settings,
  projectSet: ({ actor, params, body, expect }) => projects.set(actor, params.project, body, expect),
  projectParameters: ({ actor, params, query }) =>
    projects.parameters(actor.scope, { project: params.project, ref: query.ref }),
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
  audit: ({ actor, query }) => audit.list(actor.scope, query),
  deliveries: ({ actor, query }) => deliveries.list(actor.scope, query),
  delivery: async ({ actor, params }) =>
    found(await deliveries.find(actor.scope, idOf('delivery', params.delivery))),
  deliveryReplay: ({ actor, params }) => deliveries.replay(actor, idOf('delivery', params.delivery)),

  ...scheduleHandlers(schedules),

  ...runHandlers({ runs, live, compare }),
  ...logHandlers({ runs, logs, live }),
  ...artifactHandlers({ runs, artifacts }),
  ...testHandlers({ runs, tests }),

  runners: async ({ query }) => pageOf((await runners.list()).items, query, ({ id }) => id),
  operatorEnroll: ({ actor, body }) =>
    runners.enroll(actor, { id: idOf('runner', body.id), name: body.name, publicKey: body.public_key }),
})

const runHandlers = ({
  runs,
  live,
  compare,
}: Pick<UseCases, 'runs' | 'compare'> & Waiting): Pick<Handlers, keyof typeof runRoutes> => ({
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
  runCompare: ({ actor, params, query }) => compare(actor, idOf('run', params.run), idOf('run', query.with)),
  runTimeline: async ({ actor, params }) =>
    found(await runs.findTimeline(actor.scope, idOf('run', params.run))),
  runWorkspaces: async ({ actor, params }) =>
    found(await runs.findWorkspaces(actor.scope, idOf('run', params.run))),
  runChanges: async ({ actor, params }) =>
    found(await runs.findChanges(actor.scope, idOf('run', params.run))),
  runConfig: async ({ actor, params }) => found(await runs.findConfig(actor.scope, idOf('run', params.run))),
  runCancel: ({ actor, params }) => runs.cancelRun(actor, idOf('run', params.run)),
  runRerun: ({ actor, params, body }) => runs.rerunRun(actor, idOf('run', params.run), body.jobs),
  workflowCancel: ({ actor, params }) => runs.cancelJobs(actor, idOf('workflow', params.workflow)),
  jobCancel: ({ actor, params }) => runs.cancelJobs(actor, idOf('job', params.job)),
  jobRerun: ({ actor, params, body }) => runs.rerunJob(actor, idOf('job', params.job), body.class),
  jobApproval: async ({ actor, params }) => found(await runs.findApproval(actor, idOf('job', params.job))),
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
    const page = await artifacts.list(actor.scope, run, query)
    return { ...page, expired: query.cursor === undefined ? await artifacts.expired(actor.scope, run) : [] }
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
    const page = await tests.listRun(actor.scope, run, query)
    return { ...page, expired: query.cursor === undefined ? await tests.expired(actor.scope, run) : [] }
  },
  jobTests: ({ actor, params, query }) =>
    tests.listJob(actor.scope, idOf('job', params.job), query, readerOf(actor, 'view')),
})

const attachment = async (artifacts: Artifacts, actor: Actor, id: string) => {
  const { name, chunks } = await artifacts.open(actor.scope, id, readerOf(actor, 'download'))
  return { contentType: 'application/octet-stream', attachment: name, chunks }
}

/** What counts as passed, as in the exit code of `mayfly watch`. */
const good: readonly string[] = ['passed', 'unstable', 'skipped']
