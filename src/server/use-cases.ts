// What the routes of server/http and the topics of server/live may ask of the rest of the server: the seam between
// them. Factories: createRuns, createProjects, createDeliveries, createSchedules, createIntake, createArtifacts,
// createTests, createRunners, createSecrets, createTwoPerson, createIdentity, createContexts, createAdmissions, createWebhooks.
// Tenant reads take a Scope, changes take an Actor. A thing that is not there or not in the scope is null in `find…`
// and fault E_NOT_FOUND everywhere else; bad input is fault E_INPUT with a public sentence.
import type {
  AttemptId,
  DeliveryId,
  HookId,
  JobId,
  OrganisationId,
  ProjectId,
  RunId,
  RunnerId,
  UserId,
  WorkflowId,
} from '../base/ids.ts'
import type * as admissionsApi from '../protocol/api/admissions.ts'
import type { Artifact } from '../protocol/api/artifacts.ts'
import type { AuditEntry } from '../protocol/api/audit-routes.ts'
import type * as contextsApi from '../protocol/api/contexts.ts'
import type { ExpiredOfJob } from '../protocol/api/expired.ts'
import type { ProjectIdentity } from '../protocol/api/identity-routes.ts'
import type * as proposalsApi from '../protocol/api/proposals.ts'
import type * as schedulesApi from '../protocol/api/schedules.ts'
import type * as secretsApi from '../protocol/api/secrets.ts'
import type * as api from '../protocol/api/shapes.ts'
import type { TestPage, TestSummary } from '../protocol/api/tests.ts'
import type { RunTimeline } from '../protocol/api/timeline.ts'
import type { AttemptUsage } from '../protocol/api/usage.ts'
import type * as webhooksApi from '../protocol/api/webhooks.ts'
import type { RunWorkspaces } from '../protocol/api/workspaces.ts'
import type { IssuerDocuments } from '../protocol/identity.ts'
import type { ClassName } from '../protocol/resource-class.ts'
import type { SecretView } from '../protocol/secret-views.ts'
import type { TestOutcome } from '../protocol/test-results.ts'
import type { Actor, Scope } from './access/actor.ts'
import type { LogReader } from './log-use-cases.ts'

export type Page<T> = { readonly items: T[]; readonly next_cursor: string | null }
export type Paging = { readonly limit: number; readonly cursor?: string | undefined }

/** Which end of a list comes first; without a word the newest. */
export type Sorting = { readonly sort?: '-created_at' | 'created_at' | undefined }

export type RunsQuery = Paging &
  Sorting & {
    /** Id or name. */
    readonly project?: string | undefined
    readonly status?: api.Status | undefined
    readonly branch?: string | undefined
    readonly commit?: string | undefined
    readonly event?: (typeof api.runEventKinds)[number] | undefined
    readonly author?: string | undefined
    readonly number?: number | undefined
    readonly since?: string | undefined
    readonly until?: string | undefined
    readonly class?: string | undefined
    /** Only of this person; null: of nobody, so there is nothing. */
    readonly mine?: UserId | null | undefined
  }

/** `jobs` are those whose rev is above the caller's; `rev` is the cursor for the next call. */
export type RunChanges = { readonly rev: number; readonly run: api.RunSummary; readonly jobs: api.Job[] }

/** A run changed. Sent after the commit; state is read from the database, never from here. */
export type RunNotice = {
  readonly organisation: OrganisationId
  readonly project: ProjectId
  readonly run: RunId
  readonly rev: number
}

export type Runs = {
  readonly listRuns: (scope: Scope, query: RunsQuery) => Promise<Page<api.RunSummary>>
  readonly findRun: (scope: Scope, run: RunId) => Promise<api.Run | null>
  readonly findConfig: (scope: Scope, run: RunId) => Promise<api.RunConfig | null>
  readonly findChanges: (scope: Scope, run: RunId) => Promise<api.RunChangedFiles | null>
  readonly findTimeline: (scope: Scope, run: RunId) => Promise<RunTimeline | null>
  readonly findWorkspaces: (scope: Scope, run: RunId) => Promise<RunWorkspaces | null>
  /** null: no such run. Call with -1 for everything. */
  readonly jobsSince: (scope: Scope, run: RunId, rev: number) => Promise<RunChanges | null>
  readonly findAttempt: (scope: Scope, attempt: AttemptId) => Promise<api.Attempt | null>
  /** null: no line. */
  readonly pinError: (
    actor: Actor,
    attempt: AttemptId,
    pin: { readonly step: number; readonly line: number } | null,
  ) => Promise<api.Attempt>
  readonly findUsage: (scope: Scope, attempt: AttemptId) => Promise<AttemptUsage | null>
  readonly startRun: (
    actor: Actor,
    input: {
      readonly project: string
      readonly ref?: string | undefined
      readonly commit?: string | undefined
      readonly parameters?: api.PipelineParameters | undefined
    },
  ) => Promise<api.Run>
  readonly cancelRun: (actor: Actor, run: RunId) => Promise<api.Run>
  readonly cancelJobs: (actor: Actor, target: JobId | WorkflowId) => Promise<api.Run>
  readonly rerunRun: (actor: Actor, run: RunId, jobs: 'all' | 'failed' | 'failed-tests') => Promise<api.Run>
  /** `size`: it is of that class from now on. */
  readonly rerunJob: (actor: Actor, job: JobId, size?: ClassName) => Promise<api.Run>
  /** null: no such job, or it waits for nobody. */
  readonly findApproval: (actor: Actor, job: JobId) => Promise<api.JobApproval | null>
  readonly decideApproval: (
    actor: Actor,
    job: JobId,
    decision: {
      readonly decision: Exclude<api.Approval['decision'], 'expired'>
      readonly comment: string | null
    },
  ) => Promise<api.Run>
  /** null: notices may have been lost, so every run may have changed. One listener per process; returns how to stop. */
  readonly onChange: (handler: (notice: RunNotice | null) => void) => () => void
}

export type Projects = {
  readonly list: (scope: Scope, query: Paging) => Promise<Page<api.Project>>
  /** By id or name. */
  readonly find: (scope: Scope, project: string) => Promise<api.Project | null>
  readonly create: (actor: Actor, input: api.ProjectInput) => Promise<api.ProjectCreated>
  /** `expect` is shown the settings as they stand, and may refuse. */
  readonly set: (
    actor: Actor,
    project: string,
    changes: api.ProjectSettingsInput,
    expect?: (current: api.Project['settings']) => void,
  ) => Promise<api.Project>
  readonly remove: (actor: Actor, project: string) => Promise<void>
  readonly parameters: (
    scope: Scope,
    asked: { readonly project: string; readonly ref: string | undefined },
  ) => Promise<api.DeclaredParameters>
  readonly organisation: (scope: Scope) => Promise<api.Organisation>
  readonly setOrganisation: (
    actor: Actor,
    changes: api.OrganisationInput,
    expect?: (current: api.Organisation) => void,
  ) => Promise<api.Organisation>
  readonly hookScript: (scope: Scope, project: string) => Promise<{ script: string }>
  readonly rotateHook: (actor: Actor, project: string, eph: string) => Promise<api.ProjectCreated>
  readonly contact: (actor: Actor, project: string) => Promise<{ attempt_id: string }>
  readonly confirmHostKey: (actor: Actor, project: string, fingerprint: string) => Promise<api.Project>
}

export type Orbs = {
  readonly list: (scope: Scope) => Promise<Page<api.Orb>>
  /** All of it: the store is bounded. */
  readonly sources: (scope: Scope) => Promise<Page<api.OrbSource>>
  readonly source: (scope: Scope, id: string) => Promise<api.OrbSource | null>
  /** The same text under the same id changes nothing; another text under an exact version is refused. */
  readonly put: (actor: Actor, input: api.OrbInput) => Promise<api.Orb>
}

export type DeliveriesQuery = Paging &
  Sorting & {
    /** Id or name. */
    readonly project?: string | undefined
    readonly verdict?: api.Delivery['verdict'] | undefined
    readonly source?: api.Delivery['source'] | undefined
    /** Full, or the name of a branch or tag. */
    readonly ref?: string | undefined
    /** Or how it begins. */
    readonly commit?: string | undefined
  }

export type AuditQuery = Paging & {
  /** One, or what several begin with. */
  readonly action?: string | undefined
  readonly actor?: string | undefined
  readonly target?: string | undefined
  /** Id or name. */
  readonly project?: string | undefined
  readonly result?: AuditEntry['result'] | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
}

export type AuditLog = {
  readonly list: (scope: Scope, query: AuditQuery) => Promise<Page<AuditEntry>>
}

export type Deliveries = {
  readonly list: (scope: Scope, query: DeliveriesQuery) => Promise<Page<api.Delivery>>
  readonly find: (scope: Scope, delivery: DeliveryId) => Promise<api.Delivery | null>
  /** The new delivery, with its run. */
  readonly replay: (actor: Actor, delivery: DeliveryId) => Promise<api.Delivery>
}

/** Both by id or name. */
export type NamedSchedule = { readonly project: string; readonly schedule: string }
type ExpectSchedule = (current: schedulesApi.Schedule) => void

/** `expect` is shown the schedule as it stands, and may refuse. */
export type Schedules = {
  readonly list: (scope: Scope, project: string) => Promise<Page<schedulesApi.Schedule>>
  readonly find: (scope: Scope, named: NamedSchedule) => Promise<schedulesApi.Schedule>
  readonly add: (
    actor: Actor,
    project: string,
    input: schedulesApi.ScheduleInput,
  ) => Promise<schedulesApi.Schedule>
  readonly set: (
    actor: Actor,
    named: NamedSchedule,
    changes: schedulesApi.ScheduleChange,
    expect?: ExpectSchedule,
  ) => Promise<schedulesApi.Schedule>
  readonly remove: (actor: Actor, named: NamedSchedule, expect?: ExpectSchedule) => Promise<void>
}

/** A target of webhooks, by id or name; deliveries of it by id. */
export type NamedWebhook = { readonly project: string; readonly webhook: string }
export type NamedMessage = NamedWebhook & { readonly message: string }
export type Webhooks = {
  readonly list: (scope: Scope, project: string) => Promise<Page<webhooksApi.Webhook>>
  readonly find: (scope: Scope, named: NamedWebhook) => Promise<webhooksApi.Webhook>
  readonly add: (
    actor: Actor,
    project: string,
    input: webhooksApi.WebhookInput,
  ) => Promise<webhooksApi.WebhookCreated>
  readonly set: (
    actor: Actor,
    named: NamedWebhook,
    changes: webhooksApi.WebhookChange,
    expect?: (current: webhooksApi.Webhook) => void,
  ) => Promise<webhooksApi.Webhook>
  readonly rotate: (
    actor: Actor,
    named: NamedWebhook,
    input: webhooksApi.WebhookRotation,
  ) => Promise<webhooksApi.WebhookCreated>
  readonly remove: (
    actor: Actor,
    named: NamedWebhook,
    expect?: (current: webhooksApi.Webhook) => void,
  ) => Promise<void>
  readonly test: (actor: Actor, named: NamedWebhook) => Promise<webhooksApi.WebhookDelivery>
  readonly deliveries: (
    scope: Scope,
    named: NamedWebhook,
    query: Paging & {
      readonly state?: webhooksApi.WebhookDelivery['state'] | undefined
      readonly event?: string | undefined
    },
  ) => Promise<Page<webhooksApi.WebhookDelivery>>
  readonly delivery: (scope: Scope, named: NamedMessage) => Promise<webhooksApi.WebhookDeliveryDetail>
  readonly redeliver: (actor: Actor, named: NamedMessage) => Promise<webhooksApi.WebhookDelivery>
}

/** What the route answers, as JSON. `retryAfterSeconds` becomes the header of a 503. */
export type IntakeAnswer = {
  readonly status: 200 | 202 | 400 | 401 | 503
  readonly body: Readonly<Record<string, string | null>>
  readonly retryAfterSeconds?: number
}

export type Intake = {
  /** `hook` as it stands in the URL, unchecked; header names in lower case. */
  readonly accept: (delivery: {
    readonly hook: string
    readonly body: Uint8Array
    readonly headers: Readonly<Record<string, string | string[] | undefined>>
  }) => Promise<IntakeAnswer>
  /** One that came too soon after others was not read. */
  readonly refused: (hook: string) => void
}

export type Artifacts = {
  readonly list: (scope: Scope, run: RunId, paging: Paging) => Promise<Page<Artifact>>
  /** What a run had, and retention removed. */
  readonly expired: (scope: Scope, run: RunId) => Promise<ExpiredOfJob[]>
  /** `chunks` fails at its end when it is not what was stored. */
  readonly open: (
    scope: Scope,
    artifact: string,
    reader: LogReader,
  ) => Promise<{ readonly name: string; readonly chunks: AsyncIterable<Uint8Array> }>
}

export type TestsAsked = Paging & {
  readonly attempt?: number | undefined
  readonly outcome?: TestOutcome | undefined
  /** Part of a name, class or file. */
  readonly q?: string | undefined
}

export type Tests = {
  readonly listRun: (scope: Scope, run: RunId, paging: Paging) => Promise<Page<TestSummary>>
  /** Of the run: what retention removed. */
  readonly expired: (scope: Scope, run: RunId) => Promise<ExpiredOfJob[]>
  /** Of one attempt, the newest that stored any when none is named. */
  readonly listJob: (scope: Scope, job: JobId, asked: TestsAsked, reader: LogReader) => Promise<TestPage>
}

/** Whose: by id or name. */
export type SecretsOf = { readonly project: string } | { readonly context: string }

export type Secrets = {
  readonly key: () => Promise<secretsApi.VaultKey>
  /** `view`: those alone that stand in this queue. */
  readonly list: (actor: Actor, of: SecretsOf, view?: SecretView) => Promise<Page<secretsApi.Secret>>
  /** Of every project and context. */
  readonly all: (actor: Actor, view?: SecretView) => Promise<Page<secretsApi.OwnedSecret>>
  readonly find: (actor: Actor, of: SecretsOf, name: string) => Promise<secretsApi.Secret | null>
  readonly put: (actor: Actor, of: SecretsOf, input: secretsApi.SecretPut) => Promise<secretsApi.Secret>
  readonly set: (
    actor: Actor,
    of: SecretsOf,
    name: string,
    input: secretsApi.SecretSet,
  ) => Promise<secretsApi.Secret>
  readonly reach: (actor: Actor, of: SecretsOf, name: string) => Promise<secretsApi.SecretReach>
  readonly revoke: (
    actor: Actor,
    of: SecretsOf,
    name: string,
    input: secretsApi.SecretRevoke,
  ) => Promise<secretsApi.Secret>
  readonly signatures: (
    actor: Actor,
    of: SecretsOf,
    name: string,
    query: Paging,
  ) => Promise<Page<secretsApi.SecretSignature>>
  readonly signers: (scope: Scope) => Promise<Page<secretsApi.Signer>>
  readonly enroll: (actor: Actor, input: secretsApi.SignerInput) => Promise<secretsApi.SignerEnrolled>
  readonly removeSigner: (actor: Actor, signer: string, input: secretsApi.SignerRemove) => Promise<void>
}

/** Loosening by two people: whether it is demanded, what waits, and the second signature. */
export type TwoPerson = {
  readonly rules: (scope: Scope) => Promise<proposalsApi.SecretRules>
  readonly setRules: (actor: Actor, input: proposalsApi.SecretRulesSet) => Promise<proposalsApi.SecretRules>
  readonly list: (scope: Scope) => Promise<Page<proposalsApi.Proposal>>
  readonly sign: (actor: Actor, proposal: string, input: proposalsApi.ProposalSign) => Promise<void>
  readonly withdraw: (actor: Actor, proposal: string) => Promise<void>
}

export type Identity = {
  /** Of the issuer of the organisation with this UUID. */
  readonly documents: (uuid: string) => Promise<IssuerDocuments>
  readonly ofProject: (scope: Scope, project: string, ref?: string) => Promise<ProjectIdentity>
}

/** Which projects contexts for every project are for. */
export type Admissions = {
  readonly list: (scope: Scope) => Promise<admissionsApi.Admissions>
  readonly set: (actor: Actor, input: admissionsApi.AdmissionsSet) => Promise<admissionsApi.Admissions>
}

/** By id or name. `expect` is shown the context as it stands, and may refuse. */
export type Contexts = {
  readonly list: (scope: Scope) => Promise<Page<contextsApi.Context>>
  readonly find: (scope: Scope, context: string) => Promise<contextsApi.Context>
  readonly create: (actor: Actor, input: contextsApi.ContextPut) => Promise<contextsApi.Context>
  readonly set: (
    actor: Actor,
    context: string,
    input: contextsApi.ContextPut,
    expect?: (current: contextsApi.Context) => void,
  ) => Promise<contextsApi.Context>
  readonly remove: (
    actor: Actor,
    context: string,
    input: contextsApi.ContextDelete,
  ) => Promise<contextsApi.Context>
}

export type Runners = {
  readonly list: () => Promise<Page<api.Runner>>
  /** `publicKey`: base64url of 32 bytes. The vault has enrolled the key; this makes it known to the server. */
  readonly enroll: (
    actor: Actor,
    runner: { readonly id: RunnerId; readonly name: string; readonly publicKey: string },
  ) => Promise<api.Runner>
}

export type { HookId }
