// One way to build a wall around an attempt. The runner (or `mayfly run`) calls a Driver; every driver passes
// driver.contract.ts. The interface knows nothing of its caller: no rows, no HTTP, no tenant.
// Order: probe → sweep → (prepare)* → per attempt: open → copyIn/exec/copyOut in any order → close.
//
// Concurrency: any number of `open` at once up to the runner's slots. On one sandbox: one foreground `exec` at a
// time, any number of `background`/`service` steps beside it; `copyIn`/`copyOut` not during a foreground `exec`.
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import type { Secret } from '../base/secret.ts'
import type {
  CloseReason,
  DriverName,
  EgressMode,
  EgressRecord,
  Limits,
  Receipt,
  Shape,
  Tier,
  Usage,
} from '../protocol/receipt.ts'

export type {
  CloseReason,
  DriverName,
  EgressMode,
  EgressRecord,
  Limits,
  Receipt,
  Shape,
  Tier,
  Usage,
} from '../protocol/receipt.ts'

export type Threat = `T-${string}`
export type SizeBytes = number
export type Ms = number
export type Digest = `sha256:${string}`
/** An absolute path as the job sees it. */
export type GuestPath = `/${string}`
export type TarStream = Readable

export interface Driver {
  readonly name: DriverName
  /** What the code is built to stop. */
  readonly stops: readonly Threat[]
  /** Differences as data, never asked by name. */
  readonly can: Capabilities
  /** Read-only, at most 20 s, never throws for "cannot". */
  probe(signal: AbortSignal): Promise<Probe>
  /** Runs the isolation suite in a sandbox; hourly. */
  measure(signal: AbortSignal): Promise<Measured>
  /** Idempotent; removes only what this installation made and nobody holds. Once before the first `open`. */
  sweep(signal: AbortSignal): Promise<SweepReport>
  /** Fills the warm pool; may do nothing. */
  prepare?(want: PoolWant): Promise<void>
  /**
   * All or nothing: on failure or abort everything made is already destroyed when the promise settles. Faults:
   * E_SANDBOX_UNAVAILABLE (the host cannot), E_SANDBOX_DEADLINE, E_CLASS_UNKNOWN. A wall weaker than asked is a
   * fault, never a warning.
   */
  open(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox>
  /** Empties the pool and closes all sandboxes; idempotent. */
  close(): Promise<void>
}

export interface Sandbox {
  readonly id: string
  /**
   * Rejects only for faults of ours; everything the job does is a StepResult. After abort: TERM to the step,
   * `deadlines.term` later KILL; resolves `cancelled`. After a rejection only `close` may be called; E_INPUT alone
   * (a script or variable no process can have) breaks nothing. The io streams are written with back-pressure and
   * never ended: when `exec` resolves, everything was written.
   */
  exec(step: StepSpec, io: StepIo, signal: AbortSignal): Promise<StepResult>
  /** Unpacks a tar stream inside a cell, as the job's user, below `to` (made when missing). Rejects for a bad one. */
  copyIn(files: TarStream, to: GuestPath, signal: AbortSignal): Promise<void>
  /** A tar of `from`, made inside a cell: hostile bytes. The stream fails beyond `limit` bytes. */
  copyOut(from: GuestPath, limit: SizeBytes, signal: AbortSignal): Promise<TarStream>
  usage(): Promise<Usage>
  /** What is used at this moment; cheap, at any time before `close`, also while a step runs. */
  reading(): Promise<Reading>
  egress(): readonly EgressRecord[]
  /**
   * Idempotent: the second call gives the same receipt. Never rejects for the job's doing; rejects
   * E_DESTROY_UNVERIFIED when a check in `gone` is false: the runner then takes no more work.
   */
  close(reason: CloseReason): Promise<Receipt>
}

export type Reading = {
  /** Bytes now, without the ramdisk and without what the kernel may drop; seconds so far. null: this machine cannot tell. */
  readonly processes: { readonly memory: number; readonly cpuSeconds: number } | null
  readonly ramdisk: number
  /** Bytes through the gateway so far. */
  readonly up: number
  readonly down: number
}

export interface Capabilities {
  readonly images: 'any' | 'host-only'
  readonly services: boolean
  readonly multiUid: boolean
  readonly shapes: readonly Shape[]
  readonly seccomp: readonly SeccompClass[]
  readonly egress: readonly EgressMode[]
  readonly debugShell: boolean
  readonly snapshots: boolean
  readonly limits: readonly ('cpu' | 'memory' | 'pids' | 'disk' | 'inodes' | 'fds' | 'io')[]
}

/** `why` and `fix` are words for the operator. */
export type Probe =
  | {
      readonly ok: true
      readonly versions: Readonly<Record<string, string>>
      readonly facts: HostFacts
      readonly notes: readonly string[]
    }
  | { readonly ok: false; readonly why: string; readonly fix: string | null }

export interface HostFacts {
  readonly kernel: string
  readonly cgroups: 'v2' | 'v1' | 'hybrid' | 'none'
  readonly controllers: readonly string[]
  readonly root: boolean
  readonly swap: Receipt['swap']
  readonly corePattern: string
  readonly kvm: boolean
  readonly sysctls: Readonly<Record<string, string>>
}

export interface Measured {
  readonly at: string
  readonly tier: Tier
  /** The subset of Driver.stops whose probes all held. */
  readonly stops: readonly Threat[]
  readonly probes: readonly ProbeResult[]
  readonly startMs: { readonly p50: Ms; readonly p95: Ms; readonly n: number }
}

export interface ProbeResult {
  readonly id: string
  readonly verdict: 'held' | 'emulated' | 'contained' | 'open' | 'not-run'
  readonly detail: string
}

export type SeccompClass = 'strict' | 'userns' | { readonly custom: Digest }

export type ImageSpec =
  | { readonly kind: 'host' }
  | { readonly kind: 'oci'; readonly ref: string; readonly digest: Digest; readonly platform: string }

export interface PoolWant {
  readonly image: Digest | 'host'
  readonly shape: Shape
  readonly net: 'none' | 'gateway'
  readonly count: number
  /** A waiting sandbox fits an `open` with exactly these; default: the class `medium`, no tools. */
  readonly limits?: Limits
  /** Tool mounts, as `at` without its leading slash. */
  readonly tools?: readonly { readonly object: string; readonly at: string }[]
}

export interface SweepReport {
  readonly removed: readonly Found[]
  readonly stuck: readonly (Found & { readonly why: string })[]
}

export interface Found {
  readonly kind: 'process' | 'cgroup' | 'mount' | 'netns' | 'container' | 'volume' | 'vm' | 'dir'
  readonly id: string
}

export interface SandboxSpec {
  /** The prefixed id, only for records and the receipt; directories and cgroups use the nest's own id. */
  readonly attempt: string
  readonly image: ImageSpec
  readonly limits: Limits
  readonly shape: Shape
  /** Numbers and paths as the job sees them. */
  readonly user: {
    readonly uid: number
    readonly gid: number
    readonly home: GuestPath
    readonly shell: GuestPath
  }
  readonly workdir: GuestPath
  /** Non-secret, the same for every step. */
  readonly env: ReadonlyMap<string, string>
  /** Only the kinds below; empty by default. */
  readonly mounts: readonly MountSpec[]
  readonly egress: EgressPolicy
  readonly seccomp: SeccompClass
  readonly services: readonly ServiceSpec[]
  readonly deadlines: Deadlines
  /** `disk` only where the class allows; the promise then reads weak. */
  readonly storage: 'ram' | 'disk'
  readonly exclusive: boolean
}

export type MountSpec =
  /** Unpacked by copyIn, never a host bind. */
  | { readonly kind: 'cache'; readonly object: Digest; readonly at: GuestPath }
  /** Read-only bind of a tool object the operator's settings name. */
  | { readonly kind: 'tool'; readonly object: string; readonly at: GuestPath }
  /**
   * Read-only bind of a repository below a directory the operator named: `root` is the index in the jailer's own
   * list, `path` is relative to it. The jailer resolves it; the runner never names a host path.
   */
  | { readonly kind: 'source'; readonly root: number; readonly path: string; readonly at: GuestPath }

export interface EgressRule {
  readonly host: string
  readonly ports: readonly number[]
  readonly proto: 'tcp' | 'udp'
  readonly tls: 'sni' | 'any'
  /** Where the name leads outside, when not to itself: made by egress/source.ts for source hosts. */
  readonly target?: { readonly host: string; readonly privateRanges: readonly string[] }
}

export interface EgressPolicy {
  readonly mode: EgressMode
  readonly allow: readonly EgressRule[]
  /** Exceptions the operator approved: `CIDR` or `CIDR:port`. */
  readonly privateRanges: readonly string[]
}

export interface ServiceSpec {
  readonly name: string
  readonly image: { readonly ref: string; readonly digest: Digest; readonly platform: string }
  readonly env: ReadonlyMap<string, Secret<string> | string>
  readonly command: readonly string[] | null
  readonly entrypoint: readonly string[] | null
  readonly user: string | null
  readonly limits: Pick<Limits, 'memory' | 'ramdisk' | 'cpu' | 'pids'>
  readonly ready: { readonly port: number } | null
}

/** `open` and `pull` bound the start, `job` the whole, `idleOutput` silence, `term` the time from TERM to KILL. */
export interface Deadlines {
  readonly open: Ms
  readonly pull: Ms
  readonly job: Ms
  readonly idleOutput: Ms
  readonly term: Ms
  readonly close: Ms
}

export interface StepSpec {
  /** `[A-Za-z0-9_-]{1,64}`, unique within the sandbox. */
  readonly id: string
  readonly kind: 'checkout' | 'run' | 'background' | 'service'
  /**
   * job: a child of the sandbox's one long-lived cell, so daemons reach the next step (isolation.md §2.9);
   * shared: own processes, common files; clean: own processes, fresh home and temp, own network.
   */
  readonly cell: 'job' | 'shared' | 'clean'
  readonly script:
    | { readonly interpreter: readonly string[]; readonly text: string }
    | ShellScript
    | { readonly argv: readonly string[] }
  /** On top of SandboxSpec.env. Secrets travel by pipe and file, never by argv or environment of ours. */
  readonly env: ReadonlyMap<string, Secret<string> | string>
  readonly workdir: GuestPath
  readonly take: readonly { readonly path: GuestPath; readonly rw: boolean }[]
  /**
   * A Unix socket bound into this cell only: see StepIo.onConnection. In a job cell each kind is there for all its steps
   * from the first that asks for it, and answers as that one said.
   */
  readonly socket: 'job' | 'ssh-agent' | null
  /** Clean cells may have their own list. */
  readonly egress: EgressPolicy | null
  readonly tty: { readonly cols: number; readonly rows: number } | null
  readonly deadline: Ms
}

/**
 * What a shell runs, between two pieces of POSIX shell text of ours. `before` gets `args` and leaves the directory to begin
 * in, or exits. What `after` prints on stderr is all there is on it: the shell has both its streams on stdout.
 */
export type ShellScript = {
  /** null: bash that stops at the first failure, also in pipes; without bash what /bin/sh can of it. */
  readonly shell: readonly string[] | null
  readonly before: string
  readonly after: string
  readonly args: readonly string[]
  readonly text: string
}

/**
 * Takes what a step prints as it comes. The bytes are the driver's again when it returns: what is kept is copied. A promise
 * means: no more until it resolves.
 */
export type Take = (bytes: Uint8Array) => Promise<void> | undefined

export interface StepIo {
  /** Only `shared` and `clean` cells have one; null reads as end of file. */
  readonly stdin: Readable | null
  readonly stdout: Writable | Take
  readonly stderr: Writable
  /** What it prints is no log (an archive): whoever reads it bounds it, not the limit of the log. */
  readonly isNoLog?: true
  /**
   * Called for each connection to the step's socket when `StepSpec.socket` is set: what comes is hostile. For
   * `ssh-agent` the caller pipes it to its own private agent; inside, SSH_AUTH_SOCK names the socket.
   */
  readonly onConnection?: (connection: Socket) => void
}

export type StepResult = {
  readonly startedAt: string
  readonly ms: Ms
  readonly usage: Usage
  /** Processes killed with the cell. */
  readonly leftovers: number
} & (
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string; readonly oom: boolean }
  | { readonly kind: 'deadline' | 'cancelled' | 'log-limit' | 'pids-limit' }
)
