// The HTTP API as data: method, path, the verb that authorises it, input and output shapes. The router, OpenAPI,
// the access tests, the web and the CLI all read this table; server/http binds a handler to each entry.
import { z } from 'zod'
import { contextRoutes } from './context-routes.ts'
import { identityRoutes } from './identity-routes.ts'
import { peopleRoutes } from './people-routes.ts'
import { paging, type Route, route } from './route.ts'
import { scheduleRoutes } from './schedule-routes.ts'
import { secretRoutes } from './secret-routes.ts'
import * as s from './shapes.ts'
import { storedRoutes } from './stored-routes.ts'

export type { Access, Route } from './route.ts'

const decision = z.strictObject({ comment: z.string().trim().min(1).max(500).optional() })

const none = z.object({})
const newOwner = { token: z.string().max(200), name: z.string().min(1).max(100), email: z.email().max(254) }

const frameNumber = z.coerce
  .number()
  .int()
  .min(0)
  .max(2 ** 31 - 1)
const lineNumber = z.coerce.number().int().min(1).max(0xffff_ffff)

export const routes = {
  me: route({
    method: 'GET',
    path: '/api/v1/me',
    access: 'public',
    summary: 'Who am I, and is this installation claimed',
    answer: s.me,
  }),
  claimOptions: route({
    method: 'POST',
    path: '/api/v1/claim/passkey-options',
    access: 'public',
    summary: 'Start a passkey for the owner',
    body: z.strictObject(newOwner),
    answer: z.object({ options: z.record(z.string(), z.unknown()) }),
  }),
  claim: route({
    method: 'POST',
    path: '/api/v1/claim',
    access: 'public',
    summary: 'Become the owner with the one-time link',
    body: z.strictObject({
      ...newOwner,
      password: z.string().min(12).max(1024).optional(),
      passkey: z.record(z.string(), z.unknown()).optional(),
    }),
    answer: s.me,
  }),
  signIn: route({
    method: 'POST',
    path: '/api/v1/sign-in',
    access: 'public',
    summary: 'Sign in with a password',
    body: z.strictObject({ email: z.string().max(254), password: z.string().max(1024) }),
    answer: s.me,
  }),
  signInOptions: route({
    method: 'POST',
    path: '/api/v1/sign-in/passkey-options',
    access: 'public',
    summary: 'Start a passkey sign-in',
    body: z.strictObject({}),
    answer: z.object({ challenge: z.string(), options: z.record(z.string(), z.unknown()) }),
  }),
  signInPasskey: route({
    method: 'POST',
    path: '/api/v1/sign-in/passkey',
    access: 'public',
    summary: 'Finish a passkey sign-in',
    body: z.strictObject({ challenge: z.string(), passkey: z.record(z.string(), z.unknown()) }),
    answer: s.me,
  }),
  signOut: route({
    method: 'POST',
    path: '/api/v1/sign-out',
    access: 'session',
    summary: 'End this session',
    body: z.strictObject({}),
    answer: none,
  }),

  organisation: route({
    method: 'GET',
    path: '/api/v1/organisation',
    access: 'project.view',
    summary: 'What holds for all projects',
    ofAll: true,
    answer: s.organisation,
    versioned: true,
  }),
  organisationSet: route({
    method: 'PATCH',
    path: '/api/v1/organisation',
    access: 'organisation.manage',
    summary: 'Change what holds for all projects',
    ofAll: true,
    body: s.organisationInput,
    answer: s.organisation,
  }),
  projects: route({
    method: 'GET',
    path: '/api/v1/projects',
    access: 'project.view',
    summary: 'All projects',
    query: z.strictObject(paging),
    answer: s.page(s.project),
  }),
  projectCreate: route({
    method: 'POST',
    path: '/api/v1/projects',
    access: 'project.manage',
    summary: 'Add a project',
    ofAll: true,
    body: s.projectInput,
    answer: s.projectCreated,
  }),
  project: route({
    method: 'GET',
    path: '/api/v1/projects/:project',
    access: 'project.view',
    summary: 'One project, by id or name',
    answer: s.project,
  }),
  projectSettings: route({
    method: 'GET',
    path: '/api/v1/projects/:project/settings',
    access: 'project.view',
    summary: 'How the runs of a project are handled',
    answer: s.projectSettings,
    versioned: true,
  }),
  projectSet: route({
    method: 'PATCH',
    path: '/api/v1/projects/:project/settings',
    access: 'project.manage',
    summary: 'Change how the runs of a project are handled',
    body: s.projectSettingsInput,
    answer: s.project,
  }),
  orbs: route({
    method: 'GET',
    path: '/api/v1/orbs',
    access: 'project.view',
    summary: 'The orb store',
    query: z.strictObject(paging),
    answer: s.page(s.orb),
  }),
  orbSources: route({
    method: 'GET',
    path: '/api/v1/orbs/sources',
    access: 'project.view',
    summary: 'The sources of all orbs of the store, for compilers that run elsewhere',
    query: z.strictObject(paging),
    answer: s.page(s.orbSource),
  }),
  orbSource: route({
    method: 'GET',
    path: '/api/v1/orbs/source',
    access: 'project.view',
    summary: 'The source of one orb of the store',
    query: z.strictObject({ id: z.string().min(1).max(512) }),
    answer: s.orbSource,
  }),
  orbPut: route({
    method: 'POST',
    path: '/api/v1/orbs',
    access: 'project.manage',
    summary: 'Put the source of an orb into the store',
    ofAll: true,
    body: s.orbInput,
    answer: s.orb,
  }),
  projectHook: route({
    method: 'GET',
    path: '/api/v1/projects/:project/hook-script',
    access: 'project.manage',
    summary: 'The post-receive script to register',
    answer: z.object({ script: z.string() }),
  }),
  projectHookRotate: route({
    method: 'POST',
    path: '/api/v1/projects/:project/hook/rotate',
    access: 'project.manage',
    summary: 'A new hook secret, sealed to the caller',
    body: z.strictObject({ eph: z.string().min(40).max(64) }),
    answer: s.projectCreated,
  }),
  projectRefs: route({
    method: 'POST',
    path: '/api/v1/projects/:project/refs',
    access: 'project.manage',
    summary: 'Contact the source host: checks access and shows its key',
    body: z.strictObject({}),
    answer: z.object({ attempt_id: z.string() }),
  }),
  projectHostKeys: route({
    method: 'POST',
    path: '/api/v1/projects/:project/host-keys',
    access: 'project.manage',
    summary: 'Confirm the host key by its fingerprint',
    body: z.strictObject({ fingerprint: z.string().max(100) }),
    answer: s.project,
  }),
  ...peopleRoutes,
  ...contextRoutes,
  ...secretRoutes,
  ...identityRoutes,
  ...scheduleRoutes,
  deliveries: route({
    method: 'GET',
    path: '/api/v1/deliveries',
    access: 'run.view',
    summary: 'What source hosts sent and what came of it',
    query: z.strictObject({
      ...paging,
      project: z.string().optional(),
      verdict: s.deliveryVerdict.optional(),
      source: s.deliverySource.optional(),
      /** Full, or the name of a branch or tag. */
      ref: z.string().max(255).optional(),
      commit: z.string().max(64).optional(),
    }),
    answer: s.page(s.delivery),
  }),
  delivery: route({
    method: 'GET',
    path: '/api/v1/deliveries/:delivery',
    access: 'run.view',
    summary: 'One delivery: what was decided, and why',
    answer: s.delivery,
  }),
  deliveryReplay: route({
    method: 'POST',
    path: '/api/v1/deliveries/:delivery/replay',
    access: 'run.trigger',
    summary: 'Start a run of the commit that a delivery told of, once more',
    body: z.strictObject({}),
    answer: s.delivery,
  }),

  runs: route({
    method: 'GET',
    path: '/api/v1/runs',
    access: 'run.view',
    summary: 'Runs, newest first',
    query: z.strictObject({
      ...paging,
      project: z.string().optional(),
      status: s.status.optional(),
      branch: z.string().max(255).optional(),
      commit: z.string().max(64).optional(),
      /** What it came of. */
      event: z.enum(s.runEventKinds).optional(),
      /** As the row names whoever wrote the commit. */
      author: z.string().max(255).optional(),
      /** The one run of `project` with this number: how an address (`/acme/web/runs/412`) finds its run. */
      number: z.coerce.number().int().min(1).optional(),
    }),
    answer: s.page(s.runSummary),
  }),
  runStart: route({
    method: 'POST',
    path: '/api/v1/runs',
    access: 'run.trigger',
    summary: 'Start a run of a branch or tag',
    body: z.strictObject({
      project: z.string(),
      ref: z.string().max(255).optional(),
      commit: z.string().max(64).optional(),
      parameters: s.pipelineParameters.optional(),
    }),
    answer: s.run,
  }),
  run: route({
    method: 'GET',
    path: '/api/v1/runs/:run',
    access: 'run.view',
    summary: 'One run with its jobs',
    answer: s.run,
  }),
  runConfig: route({
    method: 'GET',
    path: '/api/v1/runs/:run/config',
    access: 'log.read',
    summary: 'What a run was planned from and as what, line by line with the place that shaped each',
    answer: s.runConfig,
  }),
  ...storedRoutes,
  runCancel: route({
    method: 'POST',
    path: '/api/v1/runs/:run/cancel',
    access: 'run.cancel',
    summary: 'Cancel a run',
    body: z.strictObject({}),
    answer: s.run,
  }),
  runRerun: route({
    method: 'POST',
    path: '/api/v1/runs/:run/rerun',
    access: 'run.rerun',
    summary:
      'Carry out again, by the same plan, all jobs or those that did not pass, of these perhaps only the tests that failed',
    body: z.strictObject({ jobs: z.enum(['all', 'failed', 'failed-tests']).default('all') }),
    answer: s.run,
  }),
  workflowCancel: route({
    method: 'POST',
    path: '/api/v1/workflows/:workflow/cancel',
    access: 'run.cancel',
    summary: 'Cancel one workflow of a run',
    body: z.strictObject({}),
    answer: s.run,
  }),
  jobCancel: route({
    method: 'POST',
    path: '/api/v1/jobs/:job/cancel',
    access: 'run.cancel',
    summary: 'Cancel one job of a run',
    body: z.strictObject({}),
    answer: s.run,
  }),
  jobRerun: route({
    method: 'POST',
    path: '/api/v1/jobs/:job/rerun',
    access: 'run.rerun',
    summary: 'Carry out one job again',
    body: z.strictObject({}),
    answer: s.run,
  }),
  jobApprove: route({
    method: 'POST',
    path: '/api/v1/jobs/:job/approve',
    access: 'run.approve',
    summary: 'Let go on what waits for a person',
    body: decision,
    answer: s.run,
  }),
  jobReject: route({
    method: 'POST',
    path: '/api/v1/jobs/:job/reject',
    access: 'run.approve',
    summary: 'Stop what waits for a person',
    body: decision,
    answer: s.run,
  }),
  attempt: route({
    method: 'GET',
    path: '/api/v1/attempts/:attempt',
    access: 'run.view',
    summary: 'One attempt with steps and receipt',
    answer: s.attempt,
  }),
  /**
   * `format`: `text`, `ndjson` (`{step,line,t,text}`; a very long line in pieces, all but the last with `more`) or `frames` (u32 length + FollowerFrame each). Streams while `follow=1`.
   * A part: frames above `after`, with `until` none above it; or lines `from` … `to` of a step, as text or ndjson.
   */
  attemptLog: route({
    method: 'GET',
    path: '/api/v1/attempts/:attempt/log',
    access: 'log.read',
    summary: 'The log of an attempt',
    query: z.strictObject({
      format: z.enum(['text', 'ndjson', 'frames']).default('text'),
      after: frameNumber.default(0),
      until: frameNumber.optional(),
      step: z.coerce.number().int().min(0).optional(),
      from: lineNumber.optional(),
      to: lineNumber.optional(),
      follow: z.enum(['0', '1']).default('0'),
    }),
    answer: z.string(),
  }),
  /** To fetch only what is shown. `failure_in` asks where that step first speaks of a failure. */
  attemptLogIndex: route({
    method: 'GET',
    path: '/api/v1/attempts/:attempt/log/index',
    access: 'log.read',
    summary: 'What is in the log of an attempt',
    query: z.strictObject({
      after: frameNumber.default(0),
      failure_in: z.coerce.number().int().min(0).max(0xffff).optional(),
    }),
    answer: s.logIndex,
  }),
  runners: route({
    method: 'GET',
    path: '/api/v1/runners',
    access: 'runner.view',
    summary: 'Runners of this installation',
    ofAll: true,
    query: z.strictObject(paging),
    answer: s.page(s.runner),
  }),
  tokens: route({
    method: 'GET',
    path: '/api/v1/tokens',
    access: 'token.own',
    summary: 'My API tokens',
    query: z.strictObject(paging),
    answer: s.page(s.token),
  }),
  tokenCreate: route({
    method: 'POST',
    path: '/api/v1/tokens',
    access: 'token.own',
    summary: 'Make an API token; shown once',
    body: s.tokenInput,
    answer: s.tokenCreated,
    showsSecret: true,
  }),
  tokenRevoke: route({
    method: 'DELETE',
    path: '/api/v1/tokens/:token',
    access: 'token.own',
    summary: 'Revoke a token',
    answer: none,
  }),
  status: route({
    method: 'GET',
    path: '/api/v1/status',
    access: 'public',
    summary: 'Is everything up',
    answer: s.systemStatus,
  }),
  errors: route({
    method: 'GET',
    path: '/api/v1/errors',
    access: 'public',
    summary: 'What every error code means',
    query: z.strictObject(paging),
    answer: s.page(s.errorKind),
  }),
  lint: route({
    method: 'POST',
    path: '/api/v1/lint',
    access: 'session',
    summary: 'Compile text without running it',
    body: s.lintRequest,
    answer: z.object({
      ok: z.boolean(),
      problems: z.array(s.problem),
      constructs: z.array(s.construct).optional(),
    }),
  }),

  /** The operator's own verbs, on the local socket only. */
  operatorClaimLink: route({
    method: 'POST',
    path: '/api/v1/operator/claim-link',
    access: 'operator',
    summary: 'A new claim link while unclaimed',
    body: z.strictObject({}),
    answer: z.object({ claimed: z.boolean(), url: z.string().nullable() }),
    showsSecret: true,
  }),
  operatorEnroll: route({
    method: 'POST',
    path: '/api/v1/operator/runners',
    access: 'operator',
    summary: 'Enrol a runner by its public key',
    body: z.strictObject({ id: z.string(), name: z.string().max(64), public_key: z.string().max(64) }),
    answer: s.runner,
  }),
  operatorBackups: route({
    method: 'GET',
    path: '/api/v1/operator/backups',
    access: 'operator',
    summary: 'Backups that were made, newest first',
    query: z.strictObject(paging),
    answer: s.page(s.backup),
  }),
  operatorBackupNote: route({
    method: 'POST',
    path: '/api/v1/operator/backups',
    access: 'operator',
    summary: 'Note that a backup was made or proven',
    body: z.strictObject({
      id: z.string().max(64),
      made_at: z.iso.datetime(),
      bytes: z.number().int().min(1),
      verified: z.boolean(),
    }),
    answer: s.backup,
  }),
} as const satisfies Record<string, Route>

export type RouteName = keyof typeof routes
export type AnswerOf<N extends RouteName> = z.output<(typeof routes)[N]['answer']>
export type BodyOf<N extends RouteName> = (typeof routes)[N] extends { body: infer B extends z.ZodType }
  ? z.input<B>
  : undefined
