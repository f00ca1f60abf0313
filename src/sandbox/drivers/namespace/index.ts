// The namespace driver (isolation.md §2), runner half: bubblewrap cells in nests that the jailer makes. Holds no
// privilege; everything that needs root is one of the jailer's verbs over `channel`.
import type { Clock } from '../../../base/clock.ts'
import { fault } from '../../../base/faults.ts'
import type { Log } from '../../../base/log.ts'
import type { Limits } from '../../../protocol/receipt.ts'
import type { Channel } from '../../channel.ts'
import type {
  Capabilities,
  Driver,
  HostFacts,
  Measured,
  PoolWant,
  Probe,
  Sandbox,
  SandboxSpec,
  SweepReport,
  Threat,
} from '../../driver.ts'
import type { Resolve } from '../../egress/resolve.ts'
import { classes } from '../../policy/classes.ts'
import type { Planted } from '../../probes/host.ts'
import { createJailerClient, type JailerClient } from './client.ts'
import { discardNest, type NestHold, type NestKind, openNest } from './nest.ts'
import { createSharedFront, openNetwork, type SharedFront } from './network.ts'
import { createPool, type Pool } from './pool.ts'
import { createSandbox, type SandboxDeps } from './sandbox.ts'

export type NamespaceDriverDeps = {
  readonly channel: Channel
  readonly clock: Clock
  readonly log: Log
  /** Names to addresses for the gateway; default: the host's own. */
  readonly resolve?: Resolve
  /** The jailer is not root but in a user namespace of its own: what it cannot limit then is not claimed. */
  readonly rootless?: boolean
  /** The isolation suite, run in a sandbox of this driver; without it nothing is measured and no tier is claimed. */
  readonly measure?: (driver: Driver, signal: AbortSignal, planted: Planted) => Promise<Measured>
}

const stops: readonly Threat[] = Array.from(
  { length: 20 },
  (_, i): Threat => `T-${String(i + 1).padStart(2, '0')}`,
).concat('T-22')

/** Ramdisks may be swapped, and memory and processor are limited only where control groups were delegated. */
const stopsRootless = (host: Parts['host']): readonly Threat[] =>
  stops.filter(
    (threat) =>
      (threat !== 'T-16' || (host !== null && isLimited(host.facts))) &&
      (threat !== 'T-18' || host?.facts.swap === 'off'),
  )

/** A jailer that is not root has all controllers that limits need, or none. */
const isLimited = ({ controllers }: HostFacts): boolean => controllers.length > 0

const can: Capabilities = {
  images: 'host-only',
  services: false,
  multiUid: false,
  shapes: ['user'],
  seccomp: ['strict', 'userns'],
  egress: ['none', 'list', 'open'],
  debugShell: false,
  snapshots: false,
  limits: ['cpu', 'memory', 'pids', 'disk', 'inodes', 'fds'],
}

type Parts = NamespaceDriverDeps & {
  readonly client: JailerClient
  readonly pool: Pool
  readonly shared: SharedFront
  readonly openKind: (kind: NestKind) => Promise<NestHold>
  readonly open: Set<Sandbox>
  host: Extract<Probe, { ok: true }> | null
  measured: SandboxDeps['measured']
}

const canRootless: Capabilities = { ...can, limits: ['pids', 'disk', 'inodes', 'fds'] }

export const openNamespaceDriver = (deps: NamespaceDriverDeps): Driver => {
  const client = createJailerClient(deps.channel)
  const shared = createSharedFront(client, deps.clock)
  const openKind = async (kind: NestKind): Promise<NestHold> => {
    // Beside the nest, and only once: the jobs of all nests come to the same listeners.
    const listening = kind.net === 'gateway' ? shared.listen([]) : Promise.resolve()
    listening.catch(() => undefined)
    const nest = await openNest(client, kind, deps.clock.now())
    try {
      await listening
      return nest
    } catch (error) {
      await discardNest(nest)
      throw error
    }
  }
  const pool = createPool({ ...deps, open: openKind })
  const parts: Parts = {
    ...deps,
    client,
    pool,
    shared,
    openKind,
    open: new Set(),
    host: null,
    measured: { tier: 'none', at: null },
  }
  const driver: Driver = {
    name: 'namespace',
    get can() {
      return deps.rootless && !(parts.host && isLimited(parts.host.facts)) ? canRootless : can
    },
    get stops() {
      return deps.rootless ? stopsRootless(parts.host) : stops
    },
    probe: (signal) => probe(parts, signal),
    measure: (signal) => measure(parts, driver, signal),
    // SAFE: the jailer is trusted by the runner.
    sweep: async (signal) =>
      within(client.call('sweep', {}), signal).then(({ value }) => value as SweepReport),
    prepare: (want) => pool.want(kindWanted(want), want.count),
    open: (spec, signal) => open(parts, spec, signal),
    close: async () => {
      await pool.close()
      await Promise.allSettled([...parts.open].map((sandbox) => sandbox.close('runner-stop')))
      await shared.close()
    },
  }
  return driver
}

/** A pooled nest was made with the limits of its kind, which are nearly always those of the job. */
const isSame = (a: Limits, b: Limits): boolean => JSON.stringify(a) === JSON.stringify(b)

const probe = async (parts: Parts, signal: AbortSignal): Promise<Probe> => {
  try {
    const { value } = await within(parts.client.call('host.probe', {}), signal)
    // SAFE: the jailer is trusted by the runner.
    const host = value as
      | { ok: true; versions: Record<string, string>; facts: HostFacts }
      | { ok: false; why: string; fix: string | null }
    if (!host.ok) return { ok: false, why: host.why, fix: host.fix }
    const versions = { ...host.versions, ...(host.facts.root ? {} : engineOf(host.facts)) }
    parts.host = { ok: true, versions, facts: host.facts, notes: notesOf(host.facts) }
    return parts.host
  } catch (error) {
    return { ok: false, why: `the jailer does not answer: ${String(error)}`, fix: null }
  }
}

const engineOf = (facts: HostFacts): Readonly<Record<string, string>> => ({
  class: 'rootless',
  ...(isLimited(facts) ? { limits: `delegated control groups (${facts.cgroups})` } : {}),
})

const notesOf = (facts: HostFacts): readonly string[] => {
  const swap = facts.swap === 'off' ? [] : ['swap is on: ramdisks are mounted noswap where the kernel can']
  if (facts.root) return swap
  return [
    ...(isLimited(facts) ? [] : [unlimitedText]),
    'rootless: jobs are the user who started this, kept from his files and processes by namespaces and not by another user id',
    ...(swap.length === 0 ? [] : ['swap is on: without root no ramdisk can be kept out of it']),
  ]
}

const unlimitedText =
  'rootless: no control groups, so memory and processor of a job are neither limited nor measured, and processes are limited for each cell alone'

const kindWanted = (want: PoolWant): NestKind => ({
  limits: want.limits ?? classes.medium.limits,
  net: want.net,
  seccomp: 'strict',
  tools: want.tools ?? [],
})

const open = async (parts: Parts, spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> => {
  const kind = kindOf(spec)
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(spec.deadlines.open)])
  const nest = parts.pool.take(kind) ?? (await openUnlessAborted(parts, kind, deadline, signal))
  const network = openNetwork(parts, nest)
  try {
    if (!isSame(nest.kind.limits, spec.limits))
      await parts.client.call('nest.bind', { nest: nest.id, attempt: spec.attempt, limits: spec.limits })
    if (nest.address !== null) await network.admit(nest.address, 'job', spec.egress)
    signal.throwIfAborted()
    return wrap(parts, spec, nest, network)
  } catch (error) {
    network.close()
    await discardNest(nest)
    throw error
  }
}

const wrap = (parts: Parts, spec: SandboxSpec, nest: NestHold, network: SandboxDeps['network']): Sandbox => {
  const sandbox = createSandbox({
    ...{ client: parts.client, clock: parts.clock, nest, network, spec, measured: parts.measured },
    engine: parts.host?.versions ?? {},
    swapOnHost: parts.host?.facts.swap ?? 'on',
    onClosed: () => void parts.open.delete(sandbox),
  })
  parts.open.add(sandbox)
  return sandbox
}

/** A nest that arrives after nobody waits for it any more is destroyed before we answer. */
const openUnlessAborted = async (
  parts: Parts,
  kind: NestKind,
  deadline: AbortSignal,
  signal: AbortSignal,
): Promise<NestHold> => {
  signal.throwIfAborted()
  const nest = await parts.openKind(kind)
  if (!deadline.aborted) return nest
  await discardNest(nest)
  signal.throwIfAborted()
  throw fault('E_SANDBOX_DEADLINE')
}

/** What this driver cannot build is refused here, in words: never something weaker. */
const kindOf = (spec: SandboxSpec): NestKind => {
  const refuse = (why: string) => fault('E_SANDBOX_UNAVAILABLE', { public: why })
  if (spec.image.kind !== 'host')
    throw refuse('this runner runs on the host toolchain only, not container images')
  if (spec.shape !== 'user') throw refuse(`this runner has no sandbox of shape "${spec.shape}"`)
  if (spec.storage !== 'ram')
    throw refuse('this runner keeps everything in memory; storage "disk" does not exist')
  if (spec.services.length > 0) throw refuse('this runner cannot start service containers')
  if (spec.exclusive) throw refuse('this runner cannot keep a machine to one attempt')
  if (typeof spec.seccomp !== 'string') throw refuse('this runner has no custom system call filters')
  const { uid, gid, home } = spec.user
  if (uid !== 1000 || gid !== 1000 || home !== '/home/ci')
    throw refuse('on the host toolchain the user of a job is 1000:1000 with home /home/ci')
  for (const mount of spec.mounts) {
    if (mount.kind === 'cache') throw refuse('caches are copied in, not mounted')
    if (!/^\/(mnt|opt)\/[a-z0-9][a-z0-9._-]*$/.test(mount.at))
      throw refuse(`"${mount.at}" is no place for a mount: use one name below /mnt or /opt`)
  }
  const tools = spec.mounts.flatMap((mount) =>
    mount.kind === 'tool' ? [{ object: mount.object, at: mount.at.slice(1) }] : [],
  )
  const net = spec.egress.mode === 'none' ? 'none' : 'gateway'
  return { limits: spec.limits, net, seccomp: spec.seccomp, tools }
}

/** What could not be measured is not claimed any longer, whatever was found before. */
const measure = async (parts: Parts, driver: Driver, signal: AbortSignal): Promise<Measured> => {
  if (parts.measure === undefined) return notMeasured(parts.clock)
  parts.measured = { tier: 'none', at: null }
  try {
    const { value } = await within(parts.client.call('canaries.plant', {}), signal)
    // SAFE: the jailer is trusted by the runner.
    const measured = await parts.measure(driver, signal, value as Planted)
    parts.measured = { tier: measured.tier, at: measured.at }
    return measured
  } finally {
    await parts.client.call('canaries.clear', {})
  }
}

const notMeasured = (clock: Clock): Measured => ({
  ...{ at: new Date(clock.now()).toISOString(), tier: 'none', stops: [], probes: [] },
  startMs: { p50: 0, p95: 0, n: 0 },
})

const within = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
