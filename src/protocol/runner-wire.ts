// What a runner and a server say to each other (foundation.md §1): HTTP/1.1 over TLS with the server's SPKI pinned,
// every request signed. Types here, parsers of hostile bodies in runner-wire-parse.ts, log frames in frames.ts.
import type { AttemptId, JobId, LeaseId, OrganisationId, ProjectId, RunId, WorkflowId } from '../base/ids.ts'
import type { Problem } from '../base/problem.ts'
import type { ChangedFiles } from './changed-files.ts'
import type { JobEgress } from './egress.ts'
import type { ChangeFacts, Env, JobSpec, Origins, Outcome, Plan, RunEvent } from './plan.ts'
import type { EgressRecord, Usage } from './receipt.ts'
import type { CacheHit } from './stored-object.ts'
import type { UsageSeries } from './usage-series.ts'

/** A held poll answers 204 after this long. */
export const pollHoldMs = 25_000
/** How often a runner renews its leases, and how long a lease lives from the sending of a beat. */
export const beatEveryMs = 10_000
export const leaseTtlMs = 60_000
/** The server waits this much longer than the runner before it calls a lease lost. */
export const leaseGraceMs = 10_000

/** Where a project's code comes from. `root` numbers the directories that the operator named with --local-repos. */
export type Source =
  | {
      readonly kind: 'ssh'
      /** As the user wrote it, without credentials. */
      readonly url: string
      readonly host: string
      readonly port: number
      readonly user: string
      readonly path: string
    }
  | { readonly kind: 'local'; readonly root: number; readonly path: string }

/** `session` is a counter kept in the runner's directory: higher ends the older session, repeated or lower suspends. */
export type PollRequest = {
  readonly v: 1
  readonly session: number
  /** Random, new with every start of the program: tells a repeated session number from a repeated poll. */
  readonly boot?: string
  /** Free slots by class word; plan and refs attempts take class `built-in`. */
  readonly free: Readonly<Record<string, number>>
  /** One base64url X25519 public key per free slot, each used once. */
  readonly eph: readonly string[]
  /**
   * Every lease it has got and whose end is not confirmed yet, in a poll that offers places. What it was granted before
   * and does not name was lost with an answer: it is queued again at once.
   */
  readonly held?: readonly LeaseId[]
  /** What this runner can do, sent with the first poll of a session and after changes. */
  readonly facts?: RunnerFacts
}

export type RunnerFacts = {
  readonly version: string
  /** Tells what it compiles with from every other program and Node: plans of the same are interchangeable. */
  readonly compiler?: string
  readonly driver: string
  /** As measured by the runner itself, `none` until it has. */
  readonly tier: string
  readonly measuredAt?: string | null
  readonly stops: readonly string[]
  readonly images: 'any' | 'host-only'
  readonly egress: readonly ('none' | 'list' | 'open')[]
  readonly slots: number
  readonly classes: readonly string[]
  /** Plain sentences about what is weaker than it could be. */
  readonly weak: readonly string[]
}

export type PollAnswer = {
  readonly leases: readonly LeaseGrant[]
  readonly control: readonly LeaseControl[]
  /** The orb stores that the plan leases of this answer read: organisation → exact id → text. Absent where they are empty. */
  readonly orbs?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Comes with leases: what a runner seals log keys to. It checks VSIGN's signature with the key it pinned at enrolment. */
  readonly ingestKey?: {
    readonly kid: string
    readonly pk: string
    readonly exp: number
    readonly sig: string
  }
}

export type LeaseControl = {
  readonly lease: LeaseId
  readonly cancel?: { readonly by: string }
  readonly watched?: boolean
}

export type LeaseGrant = {
  readonly lease: LeaseId
  readonly attempt: AttemptId
  readonly ttlMs: number
  /** JWS `typ=mayfly-ticket+jwt`, see protocol/vault.ts. */
  readonly ticket: string
  /** The key of `PollRequest.eph` that `sealed` is for. */
  readonly eph: string | null
  /** base64url of the vault's answer for item `agent`; null for local sources. */
  readonly sealed: string | null
  readonly spec: LeaseSpec
}

export type LeaseSpec = PlanLease | JobLease | RefsLease

type LeaseCommon = {
  readonly organisation: { readonly id: OrganisationId; readonly name: string }
  readonly project: { readonly id: ProjectId; readonly name: string; readonly defaultBranch: string }
  readonly source: Source
  /** Where people reach the server, for links; no trailing slash. */
  readonly serverUrl: string
}

type LeaseOfRun = LeaseCommon & {
  readonly run: {
    readonly id: RunId
    readonly number: number
    readonly event: RunEvent
    /** Name of the person who started it, where it was one. */
    readonly startedBy?: string
    readonly change?: ChangeFacts
  }
  /** This attempt's number of its job, from 1. */
  readonly number: number
}

/** As `event.commit` of a plan lease: whatever the tip of `event.ref` is. The plan names what was found. */
export const openCommit = '0'.repeat(40)

export type PlanLease = LeaseOfRun & {
  readonly kind: 'plan'
  readonly parameters: Readonly<Record<string, string | number | boolean>>
  /** Registry orbs by exact id; the session puts them here from the answer that brought the lease. */
  readonly orbs?: Readonly<Record<string, string>>
  /** The project lets text from outside become part of scripts. */
  readonly untrustedInScripts?: true
}

export type JobLease = LeaseOfRun & {
  readonly kind: 'job'
  readonly workflow: { readonly id: WorkflowId; readonly name: string }
  readonly job: { readonly id: JobId; readonly key: string; readonly name: string; readonly number: number }
  readonly shard: { readonly index: number; readonly total: number }
  readonly spec: JobSpec
  readonly class: string
  readonly egress: JobEgress
  readonly planDigest: string
  readonly specDigest: string
}

export type RefsLease = LeaseCommon & { readonly kind: 'refs' }

export type BeatRequest = {
  readonly v: 1
  readonly session: number
  readonly leases: readonly LeaseId[]
  /** What those used so far whose log somebody watches. */
  readonly usage?: Readonly<Record<LeaseId, UsageSeries>>
}
export type BeatAnswer = {
  readonly leases: Readonly<Record<string, { readonly ttlMs: number } | { readonly lost: true }>>
}

/**
 * Answer to `frames`: the highest `seq` that is durable without a gap, per lease. `firstframes` is the same for frames of a log that
 * begins, which are stored if somebody follows it, now or in a moment: it names no lease of whose log nobody does.
 */
export type FramesAnswer = {
  readonly leases: Readonly<
    Record<string, { readonly durable: number; readonly watched: boolean } | { readonly lost: true }>
  >
}

/** Idempotent by `seq`, which counts from 1 per attempt. Times are Unix milliseconds of the runner's clock. */
export type AttemptEvent = { readonly seq: number; readonly atMs: number } & (
  | { readonly kind: 'phase'; readonly phase: 'opening' | 'fetching' | 'running' | 'closing' }
  | { readonly kind: 'step-started'; readonly step: number; readonly name: string; readonly type: string }
  | {
      readonly kind: 'step-finished'
      readonly step: number
      readonly status: 'passed' | 'failed' | 'timed_out' | 'cancelled' | 'skipped'
      readonly exitCode: number | null
      readonly ms: number
      readonly leftovers: number
      readonly message: string | null
      /** Of a step that restores a cache: what it found. */
      readonly cache?: CacheHit
    }
  | { readonly kind: 'usage'; readonly usage: Usage; readonly series?: UsageSeries }
  | { readonly kind: 'egress'; readonly records: readonly EgressRecord[] }
  | { readonly kind: 'note'; readonly text: string }
  /** The job said what it can have got from nobody: the canary secret of its project. */
  | { readonly kind: 'alarm'; readonly what: 'canary' }
  /** Its log or an artifact holds a secret that could not be masked there. */
  | { readonly kind: 'alarm'; readonly what: 'leak'; readonly secret: string }
)

export type EventsRequest = { readonly v: 1; readonly events: readonly AttemptEvent[] }

/** `POST leases/:id/plan`: a plan before the end of its attempt, which says it again (decision 0015). */
export type PlanMade = { readonly v: 1; readonly result: PlanResult }

export type FinishRequest = {
  readonly v: 1
  readonly outcome: Outcome
  /** Why it is not `passed`, in words for people; `code` of base/faults.ts when it was our fault. */
  readonly reason: { readonly code: string | null; readonly message: string } | null
  /** JWS `typ=mayfly-receipt+jwt` by the runner's key; null when no sandbox was opened. */
  readonly receipt: string | null
  readonly lastSeq: number
  /** Number of the last event sent. */
  readonly lastEvent: number
  readonly result: JobResult | PlanResult | RefsResult
}

export type JobResult = { readonly kind: 'job' }
export type PlanResult = {
  readonly kind: 'plan'
  readonly plan: Plan | null
  readonly planDigest: string | null
  readonly origins: Origins
  readonly problems: readonly Problem[]
  /** First line of the commit message, author name and e-mail, for people. */
  readonly commit: {
    /** Which commit it was: tells the server when the lease left it open (`openCommit`). */
    readonly id?: string
    readonly subject: string
    readonly author: string
    readonly authoredAt: string
  } | null
  /** Absent: nobody can tell. */
  readonly changes?: ChangedFiles
}
export type RefsResult = {
  readonly kind: 'refs'
  readonly refs: readonly { readonly ref: string; readonly commit: string }[]
  /** `SHA256:…` fingerprints and full lines of the host keys that were seen; people confirm them. */
  readonly hostKeys: readonly { readonly line: string; readonly fingerprint: string }[]
}

/** The built-in variables a dialect promises are made on the runner from these facts. */
export type JobFacts = Pick<
  JobLease,
  'organisation' | 'project' | 'run' | 'workflow' | 'job' | 'shard' | 'serverUrl' | 'source'
>

export type { Env }
