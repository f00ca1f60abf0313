// What an attempt of a job is given: the machine's side (`AttemptDeps`) and the lease's side (`JobAttempt`).
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { JobSpec } from '../protocol/plan.ts'
import type { JobFacts } from '../protocol/runner-wire.ts'
import type { Driver, EgressPolicy, Limits } from '../sandbox/index.ts'
import type { Identity } from './identity/server-identity.ts'
import type { Continuing } from './setup/continuing.ts'
import type { Signing } from './signing/server-signing.ts'
import type { JobSecret } from './steps/deliver-secrets.ts'
import type { Stores } from './stores/stores.ts'
import type { TreeSource } from './tree-source.ts'

/** The weakest class a job may run in (mayfly.yml); default: any. */
export type LeastIsolation = 'rootless' | 'container'

export type AttemptDeps = {
  readonly isolation?: LeastIsolation
  readonly driver: Driver
  /** Where `checkout` steps get their tree from. */
  readonly trees: TreeSource
  /** Where workspaces, caches and artifacts go. */
  readonly stores: Stores
  /** What the steps of a setup configuration ask. */
  readonly continuing: Continuing
  /** Who vouches for the job; absent: nobody. */
  readonly identity?: Identity
  /** Who signs for it; absent: it may sign with no key. */
  readonly signing?: Signing
  /** For that long, or until the signal; absent: by a timer. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
  /** Where sockets of private agents may lie. */
  readonly agentDirectory: string
  readonly clock: Clock
  readonly log: Log
}

export type JobAttempt = {
  /** The attempt's id, for records only. */
  readonly attempt: string
  readonly facts: JobFacts
  readonly spec: JobSpec
  readonly limits: Limits
  readonly egress: EgressPolicy
  /** For its `run` steps. */
  readonly secrets: readonly JobSecret[]
  /** The fingerprint of the key that its source is cloned with, if that needs one. */
  readonly checkoutKey?: string
  /** By which it may continue its run: made with the attempt, and good for nobody else. */
  readonly continuationKey?: string
}
