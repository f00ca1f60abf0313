// What a configuration compiles to (foundation.md §2): the one shape that server, runner and CLI agree on.
// Plain types; parsePlan checks one that came over a wire. Safe integers only, at most 4 MiB as JSON.
// planDigest = SHA-256(JCS(plan)); specDigest = SHA-256(JCS(spec)).

import type { JobEgress } from './egress.ts'

export type Dialect = 'circleci' | 'codeship' | 'codemagic' | 'github' | 'native'

/** Final outcomes of a job; `skipped` says why. */
export type Outcome =
  | 'passed'
  | 'unstable'
  | 'failed'
  | 'timed_out'
  | 'errored'
  | 'cancelled'
  | 'skipped:needs'
  | 'skipped:policy'
  | 'skipped:rule'

export const outcomes: readonly Outcome[] = [
  'passed',
  'unstable',
  'failed',
  'timed_out',
  'errored',
  'cancelled',
  'skipped:needs',
  'skipped:policy',
  'skipped:rule',
]

/** How a job ends that went wrong: outcomes, and statuses of jobs and runs alike. */
export const redOutcomes = ['failed', 'timed_out', 'errored'] as const satisfies readonly Outcome[]
const red: ReadonlySet<string> = new Set(redOutcomes)
export const isRed = (status: string): boolean => red.has(status)

export type Plan = {
  readonly v: 1
  readonly dialect: Dialect
  readonly source: readonly { readonly path: string; readonly sha256: string }[]
  readonly inputs: PlanInputs
  readonly workflows: readonly PlanWorkflow[]
  /** Its one workflow finds out what the run goes on with: a second plan, at most once. */
  readonly setup?: true
  /** Of a push to a branch: when workflows of its configuration begin by themselves on that branch. */
  readonly schedules?: readonly PlanSchedule[]
  /** What whoever starts a run of this configuration may give it (pipeline-parameters.ts); absent when nobody can tell. */
  readonly takes?: readonly PlanParameter[]
}

/** A parameter as the pipeline declares it. `default` null: it depends on the run. Whoever wrote the file wrote its texts. */
export type PlanParameter = {
  readonly name: string
  readonly type: 'string' | 'boolean' | 'integer' | 'enum'
  readonly default: string | number | boolean | null
  /** Of an `enum`. */
  readonly options?: readonly string[]
  readonly description?: string
}

/** Five fields of cron, in UTC. */
export type PlanSchedule = { readonly workflow: string; readonly cron: string }

/** Everything besides the files that a plan depends on: no clock, no locale, no order of a directory listing. */
export type PlanInputs = {
  readonly event: RunEvent
  readonly parameters: Readonly<Record<string, string | number | boolean>>
  /** The project lets text from outside with unsafe characters become part of scripts (README.md decision 6). */
  readonly untrustedInScripts?: true
  /** Only where the configuration asks for one of these: such a plan is of one run. */
  readonly run?: RunFacts
}

/** What a configuration may know of its run beside the event. */
export type RunFacts = {
  readonly id: string
  readonly number: number
  readonly organisation: string
  readonly project: string
  readonly defaultBranch: string
  /** Where the source is cloned from. */
  readonly url: string
  /** As Git has it; `author` is a name, `body` the message below its first line. */
  readonly commit?: { readonly subject: string; readonly author: string; readonly body?: string }
  readonly change?: ChangeFacts
}

/** What a delivery tells of a change beside what was pushed. Whoever made the change has written its texts. */
export type ChangeFacts = {
  /** What the ref was before. */
  readonly base?: string
  readonly commit?: ToldCommit
  readonly pullRequest?: PullRequest
}

/** What the source host says of a commit and Git does not: its page, and what the host calls its author. */
export type ToldCommit = { readonly url?: string; readonly author?: string }

/** Of the repository itself, never of a fork (server/intake/judge.ts). */
export type PullRequest = {
  readonly number: number
  /** Its page. */
  readonly url: string
  readonly title?: string
  /** What happened to it: `opened`, `synchronize` … */
  readonly action?: string
  /** Who opened it, as the source host calls them. */
  readonly author?: string
  /** The branch that it is for. */
  readonly base?: string
  readonly draft?: boolean
}

/** What happened. `ref` is a full name (`refs/heads/…`, `refs/tags/…`); `commit` 40 or 64 hexadecimal digits. */
export type RunEvent = {
  readonly kind: 'push' | 'manual' | 'schedule' | 'local'
  readonly ref: string
  readonly commit: string
  /** Branch name when the ref is a branch, else null. */
  readonly branch: string | null
  readonly tag: string | null
  /** Of the project, or with `workflow` one of the configuration itself, which begins that workflow alone. */
  readonly schedule?: { readonly id: string; readonly name: string; readonly workflow?: string }
}

export type PlanWorkflow = {
  readonly name: string
  readonly jobs: readonly PlanJob[]
  /** When it failed, what failed is run again by itself, so often at most. */
  readonly maxAutoReruns?: number
}

export type PlanJob = {
  /** Unique within the workflow; `needs` refers to it; appears in addresses. */
  readonly key: string
  readonly name: string
  readonly kind: 'job' | 'approval' | 'noop' | 'lock' | 'unlock'
  readonly needs: readonly { readonly job: string; readonly on: readonly Outcome[] }[]
  /** Number of identical copies; 1 for most. */
  readonly shards: number
  readonly matrix?: Readonly<Record<string, string | number | boolean>>
  /** null for kinds without steps. */
  readonly spec: JobSpec | null
  /** A lock of the organisation: of a job its serial group; what a `lock` or `unlock` is about. */
  readonly lock?: string
}

/** One job as a runner executes it. Secrets are references, never values. */
export type JobSpec = {
  readonly v: 1
  readonly dialect: Dialect
  /** As written; the run page says when it ran on the host toolchain instead. */
  readonly image: {
    readonly kind: 'container' | 'machine' | 'macos' | 'windows' | 'host'
    readonly ref: string | null
  }
  /** Secondary containers, in order. */
  readonly services: readonly { readonly name: string; readonly ref: string; readonly env: Env }[]
  /** The dialect's own word (`medium`, `ns/pool`) or null; mapped to a class by the runner's table. */
  readonly resourceClass: string | null
  /** `/…`, `~` or `~/…`; `~` is the home of the step user. */
  readonly workdir: string
  readonly env: Env
  /** Names of contexts; their values are bound on the runner. */
  readonly contexts: readonly string[]
  /** null: what the operator set for jobs without a rule of their own. */
  readonly egress: JobEgress | null
  readonly timeoutMs: number
  readonly steps: readonly PlanStep[]
  /** It may continue its run (`Plan.setup`). */
  readonly setup?: true
  /** Whom it may prove its identity to (protocol/identity.ts); null: its organisation. Absent: nobody. */
  readonly audiences?: readonly (string | null)[]
  /** How long what it saves as caches is kept; without it, as long as it is used. */
  readonly cacheDays?: number
}

export type Env = readonly (readonly [name: string, value: string])[]

export type PlanStep =
  | PlanRunStep
  | PlanCheckoutStep
  | PlanFilesStep
  | PlanSetupStep
  | PlanSshKeysStep
  | PlanNoteStep
  | PlanRefusedStep

/** Steps of a setup configuration that only what stands around its jobs can carry out. */
export type PlanSetupStep = PlanFilterStep | PlanMergeStep | PlanContinueStep

/** Steps that carry files out of a sandbox or into one. Paths are as written: `/…`, `~…` or relative to the workdir. */
export type PlanFilesStep =
  | PlanPersistStep
  | PlanAttachStep
  | PlanSaveCacheStep
  | PlanRestoreCacheStep
  | PlanStoreArtifactsStep
  | PlanStoreTestsStep

/** What may follow a run step as its teardown. */
export type PlanTeardown =
  | PlanRunStep
  | PlanPersistStep
  | PlanSaveCacheStep
  | PlanStoreArtifactsStep
  | PlanStoreTestsStep

type OfTeardown = {
  /** It follows the last step without this, whenever that was carried out. */
  readonly teardown?: true
}

export type StepWhen = 'on_success' | 'on_fail' | 'always'

export type PlanRunStep = OfTeardown & {
  readonly kind: 'run'
  readonly name: string
  readonly when: StepWhen
  readonly command: string
  /** Words; the path of the script file follows as the last argument. null: the dialect's default shell. */
  readonly shell: readonly string[] | null
  readonly env: Env
  readonly background: boolean
  /** Relative to the job's workdir, absolute, or `~…`; null: the job's. */
  readonly workdir: string | null
  readonly noOutputTimeoutMs: number
  readonly maxAutoReruns: number
  readonly autoRerunDelayMs: number
  /** Of a job with several shards: the others leave it out, and the first one begins when they have passed. */
  readonly firstShardOnly?: true
}

export type PlanCheckoutStep = {
  readonly kind: 'checkout'
  readonly name: string
  readonly when: StepWhen
  readonly path: string
  readonly method: 'full' | 'blobless' | 'shallow'
  readonly depth: number | null
}

/** `paths` are globs relative to `root`, each of which must match something. */
export type PlanPersistStep = OfTeardown & {
  readonly kind: 'persist'
  readonly name: string
  readonly when: StepWhen
  readonly root: string
  readonly paths: readonly string[]
}

/** The files that the jobs this one needs, directly or not, persisted. */
export type PlanAttachStep = {
  readonly kind: 'attach'
  readonly name: string
  readonly when: StepWhen
  readonly at: string
}

/** `key` is a template that is filled in when the step runs (runner/steps/cache-key.ts). */
export type PlanSaveCacheStep = OfTeardown & {
  readonly kind: 'save-cache'
  readonly name: string
  readonly when: StepWhen
  readonly key: string
  readonly paths: readonly string[]
}

/** The first key that something begins with wins; of several that do, the newest. */
export type PlanRestoreCacheStep = {
  readonly kind: 'restore-cache'
  readonly name: string
  readonly when: StepWhen
  readonly keys: readonly string[]
}

/** `destination` null: the path as written. */
export type PlanStoreArtifactsStep = OfTeardown & {
  readonly kind: 'store-artifacts'
  readonly name: string
  readonly when: StepWhen
  readonly path: string
  readonly destination: string | null
}

/** JUnit reports: a file, or those of a directory. */
export type PlanStoreTestsStep = OfTeardown & {
  readonly kind: 'store-tests'
  readonly name: string
  readonly when: StepWhen
  readonly path: string
}

/** What changed since a base chooses parameters and files by a mapping; both are written into the sandbox. */
export type PlanFilterStep = {
  readonly kind: 'filter-paths'
  readonly name: string
  readonly when: StepWhen
  /** A branch, a tag or a commit, as written; empty: the commit before. */
  readonly base: string
  /** Whether a commit that is on the base already is compared with the one before it, or with nothing. */
  readonly onBase: 'parent' | 'nothing'
  /** Lines of a regular expression, and what it chooses. */
  readonly mapping: string
  /** Lines of regular expressions. */
  readonly exclude: string
  /** Of a JSON object. */
  readonly parametersPath: string
  /** Of a list of paths, one a line. */
  readonly filesPath: string
  /** What that list names when no line of the mapping chose a file. */
  readonly file?: string
  /** Of the list of the paths that changed. */
  readonly changedPath?: string
}

/** The files of a list become one configuration. */
export type PlanMergeStep = {
  readonly kind: 'merge-configs'
  readonly name: string
  readonly when: StepWhen
  readonly filesPath: string
  /** Where it is written. */
  readonly path: string
}

/** The run goes on with a configuration that is in the sandbox by now. */
export type PlanContinueStep = {
  readonly kind: 'continue'
  readonly name: string
  readonly when: StepWhen
  /** null: it goes on with nothing, and so nothing else can continue it. */
  readonly path: string | null
  /** When this file names any, they are the configuration together. */
  readonly filesPath: string | null
  /** A JSON object, or the path of a file that holds one. */
  readonly parameters: string
  /** A further parameter: the lines of a file, with commas between them. */
  readonly changed?: { readonly parameter: string; readonly path: string }
}

/** From here on an agent signs with SSH keys of the project. `fingerprints` null: with all of them. */
export type PlanSshKeysStep = {
  readonly kind: 'ssh-keys'
  readonly name: string
  readonly when: StepWhen
  readonly fingerprints: readonly string[] | null
}

/** A step this version knows and leaves out without changing the job's verdict: the runner prints `text` and goes on. */
export type PlanNoteStep = {
  readonly kind: 'note'
  readonly name: string
  readonly when: StepWhen
  readonly text: string
}

/** A step this version knows but cannot carry out: the job fails at this step with the reason, in words. */
export type PlanRefusedStep = {
  readonly kind: 'refused'
  readonly name: string
  readonly when: StepWhen
  readonly what: string
  readonly reason: string
}

/** JSON pointer into the plan → where it came from. Stored beside the plan, outside the digest. */
export type Origins = Readonly<Record<string, Origin>>
export type Origin = {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly via: readonly { readonly file: string; readonly line: number; readonly column: number }[]
}

export const planBytesMax = 4 * 1024 * 1024
