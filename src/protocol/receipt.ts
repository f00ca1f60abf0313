// What a sandbox was and how it ended (isolation.md §1.2): written by the driver, signed by the runner, read by all.

import type { Evidence } from './evidence.ts'

export type DriverName = 'fake' | 'namespace' | 'docker' | 'gvisor' | 'microvm' | 'kubernetes' | 'swarm'
export type Shape = 'user' | 'root' | 'sudo'
/** `rootless` is a container but for T-16: memory and processor of a job are not limited. */
export type Tier = 'none' | 'rootless' | 'container' | 'sandboxed-kernel' | 'machine'
export type EgressMode = 'none' | 'list' | 'open'
export type CloseReason = 'done' | 'failed' | 'cancelled' | 'deadline' | 'runner-stop' | 'fault'

/** Sizes in bytes, cpu in cores, the rest are counts. */
export type Limits = {
  readonly memory: number
  readonly ramdisk: number
  readonly cpu: number
  readonly pids: number
  readonly inodes: number
  readonly shm: number
  readonly fds: number
  readonly logBytes: number
  readonly egressBytes: number
  readonly connections: number
}

export type Usage = {
  readonly peakMemory: number
  readonly cpuSeconds: number
  readonly peakRamdisk: number
  readonly peakPids: number
  readonly oomKills: number
  readonly egressUp: number
  readonly egressDown: number
  readonly throttledMs: number
}

export type EgressRecord = {
  readonly at: string
  readonly cell: string
  readonly proto: 'tcp' | 'udp' | 'dns'
  readonly host: string
  readonly ip: string | null
  readonly port: number
  readonly verdict: 'allowed' | 'denied'
  readonly why: string
  readonly up: number
  readonly down: number
  readonly ms: number
}

export type Receipt = {
  readonly v: 1
  readonly attempt: string
  readonly driver: DriverName
  readonly engine: Readonly<Record<string, string>>
  readonly measuredTier: Tier
  readonly measuredAt: string | null
  readonly image: string
  readonly shape: Shape
  readonly seccomp: string
  readonly limits: Limits
  readonly storage: 'ram' | 'disk'
  readonly swap: 'off' | 'noswap' | 'encrypted' | 'on'
  readonly preparedAt: string
  readonly openedAt: string
  readonly closedAt: string
  readonly reason: CloseReason
  readonly cells: readonly {
    readonly id: string
    readonly kind: string
    readonly ms: number
    readonly leftovers: number
  }[]
  readonly egressDigest: string
  readonly usage: Usage
  /** The questions asked of the kernel after the end, and its answers. */
  readonly gone: readonly { readonly check: string; readonly ok: boolean; readonly detail: string }[]
  readonly destroyMs: number
}

/** The receipt as the runner signs it (JWS `typ=mayfly-receipt+jwt`). */
export type SignedReceiptClaims = Receipt & {
  readonly weak: readonly string[]
  readonly egressMode: EgressMode
  readonly secretNames: readonly string[]
  /** What they were released for; absent where there were none. */
  readonly evidence?: Evidence
  readonly kept: { readonly pack?: string; readonly connection?: string }
  readonly debug: boolean
}
