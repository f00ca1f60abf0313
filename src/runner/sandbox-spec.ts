// From what a job asks for to the wall it gets, or the reason in words why this runner cannot serve it. A wall weaker
// than asked is never chosen silently: what differs comes back as a note for the run page.
import type { JobEgress } from '../protocol/egress.ts'
import type { JobSpec, PlanStep } from '../protocol/plan.ts'
import { foreignNeed } from '../protocol/resource-class.ts'
import type { Capabilities, EgressPolicy, GuestPath, Limits, SandboxSpec } from '../sandbox/index.ts'
import type { Layers } from './environment/layers.ts'
import { guestPath } from './guest-path.ts'
import type { JobAttempt, LeastIsolation } from './job-attempt.ts'
import { closeMs, openMs, termMs } from './limits.ts'

export const jobUser: SandboxSpec['user'] = { uid: 1000, gid: 1000, home: '/home/ci', shell: '/bin/bash' }

export type SandboxWish = {
  readonly attempt: string
  readonly spec: JobSpec
  readonly limits: Limits
  readonly egress: EgressPolicy
  readonly env: ReadonlyMap<string, string>
}

/** The job's working directory, absolute. */
export const jobWorkdir = (spec: JobSpec): GuestPath => guestPath(spec.workdir, jobUser.home, jobUser.home)

/** Whose values its variables take. */
export const layersOf = ({
  spec,
  facts,
  continuationKey,
}: Pick<JobAttempt, 'spec' | 'facts' | 'continuationKey'>): Layers => ({
  ...{ dialect: spec.dialect, facts, workdir: jobWorkdir(spec), env: spec.env, continuationKey },
})

/** What a sandbox is without limits of memory and processor. */
const isRootless = (can: Capabilities): boolean => !can.limits.includes('memory')

/**
 * Why a runner with these capabilities cannot serve the job; null when it can. `isolation` is the weakest class that its
 * operator lets any job run in.
 */
export const refusal = (
  spec: JobSpec,
  can: Capabilities,
  { egress, isolation }: { readonly egress: EgressPolicy['mode']; readonly isolation: LeastIsolation },
): string | null => {
  const platform = spec.image.kind
  if (platform === 'macos') return `This job needs macOS (${spec.image.ref ?? 'any'}); this runner is Linux.`
  if (platform === 'windows')
    return `This job needs Windows (${spec.image.ref ?? 'any'}); this runner is Linux.`
  const lacked = foreignNeed(spec.resourceClass)
  if (lacked !== null)
    return `This job needs ${lacked} (resource class ${spec.resourceClass}); no runner offered that class when the run was planned.`
  if (spec.services.length > 0 && !can.services)
    return servicesRefused(spec.services.map(({ ref }) => `"${ref}"`))
  if (spec.steps.some(asksForDocker)) return dockerRefused
  if (!can.egress.includes(egress))
    return `This job needs network mode "${egress}"; this runner offers ${can.egress.join(', ')}.`
  if (isolation === 'container' && isRootless(can))
    return 'Jobs are to run in isolation "container" at least; this runner offers "rootless", which limits neither memory nor processor.'
  return null
}

const asksForDocker = (step: PlanStep): boolean =>
  step.kind === 'refused' && step.what === 'setup_remote_docker'

const dockerRefused = [
  'This job needs a Docker engine (setup_remote_docker); this runner cannot start one.',
  'A tool that builds images without an engine can do instead, or a job without this step.',
].join(' ')

const servicesRefused = (names: readonly string[]): string =>
  [
    `This job needs the service container${names.length > 1 ? 's' : ''} ${names.join(', ')};`,
    'this runner cannot start service containers. A "run" step with "background: true" can start the program instead.',
  ].join(' ')

/** What the run page says where the sandbox differs from the configuration, or is less than runners usually have. */
export const differences = (spec: JobSpec, can: Capabilities): readonly string[] => [
  ...(spec.image.kind === 'container' || spec.image.kind === 'machine'
    ? [`ran on host toolchain instead of ${spec.image.ref ?? spec.image.kind}`]
    : []),
  ...(isRootless(can) ? ['rootless: nothing limits the memory and processor of this job'] : []),
]

export const sandboxSpec = (wish: SandboxWish): SandboxSpec => ({
  ...emptySandbox(wish.attempt, wish.limits, wish.spec.timeoutMs),
  workdir: jobWorkdir(wish.spec),
  env: wish.env,
  egress: wish.egress,
})

/** What the pipeline names, with what the operator excepts from the private ranges. */
export const egressPolicy = ({ mode, allow }: JobEgress, privateRanges: readonly string[]): EgressPolicy => ({
  mode,
  allow: allow.map((target) => ({ ...target, proto: 'tcp' })),
  privateRanges,
})

/** A sandbox on the host's tools without network, mounts or services: what every other one starts from. */
export const emptySandbox = (attempt: string, limits: Limits, timeoutMs: number): SandboxSpec => ({
  attempt,
  image: { kind: 'host' },
  limits,
  shape: 'user',
  user: jobUser,
  workdir: jobUser.home,
  env: new Map(),
  mounts: [],
  egress: { mode: 'none', allow: [], privateRanges: [] },
  seccomp: 'strict',
  services: [],
  deadlines: {
    open: openMs,
    pull: openMs,
    job: timeoutMs,
    idleOutput: timeoutMs,
    term: termMs,
    close: closeMs,
  },
  storage: 'ram',
  exclusive: false,
})
