// The options of one cell (isolation.md §2.3), composed here from typed values: no byte of the runner ever becomes an
// option. Pure; the golden list is in its test.
import type { Limits } from '../../protocol/receipt.ts'
import { stepsPlace } from './scripts.ts'

export type CellPlan = {
  /** The nest's directory, as seen in the nest's mount namespace. */
  readonly nest: string
  /** The directory that appears as /run/mayfly. */
  readonly sets: string
  /** Where a clean cell's home and temp are; null for cells that share files. */
  readonly own: string | null
  /**
   * Only where the job's user is also the one who made the nest (rootless): then no owner keeps its tree and FIFOs as they
   * are, so they are read-only, and here is the one place for what its steps write down before they begin.
   */
  readonly steps: string | null
  /** True without a network namespace of the nest. */
  readonly withoutNetwork: boolean
  readonly sources: readonly { readonly from: string; readonly at: string }[]
  readonly limits: Limits
  /** Names below /proc that exist on this host. */
  readonly masks: readonly string[]
  readonly caPath: string
  readonly blocked: boolean
}

/** Where configurations like to work besides the home: empty, and the job's own (decision 0023). */
export const workPlaces = ['app', 'code', 'src', 'workspace'] as const

/** Below the root of a nest: npm's settings for all users, which keep what a job installs globally in its home. */
export const npmSettings = 'etc/mayfly/npmrc'

/** Descriptors of the wrapper. */
export const descriptors = { options: 3, seccomp: 4, status: 5, block: 6 } as const

/** In this order. What a job reads in its environment before its own is here too: constants. */
export const cellOptions = (plan: CellPlan): readonly string[] => [
  ...['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup'],
  ...(plan.withoutNetwork ? ['--unshare-net'] : []),
  ...[
    '--uid',
    '1000',
    '--gid',
    '1000',
    '--hostname',
    'job',
    '--die-with-parent',
    '--new-session',
    '--clearenv',
  ],
  ...Object.entries(environment(plan.caPath)).flatMap(([name, value]) => ['--setenv', name, value]),
  ...[plan.steps === null ? '--bind' : '--ro-bind', `${plan.nest}/root`, '/', '--proc', '/proc'],
  ...plan.masks.flatMap((name) => ['--ro-bind', '/dev/null', `/proc/${name}`]),
  // bwrap's /dev is a tmpfs without a limit (isolation.md §17.5): read-only, with a capped shm.
  ...['--dev', '/dev', '--size', String(plan.limits.shm), '--perms', '1777', '--tmpfs', '/dev/shm'],
  ...['--remount-ro', '/dev'],
  ...(plan.own === null && plan.steps !== null ? sharedPlaces(plan.nest) : ownPlaces(plan.own)),
  ...plan.sources.flatMap((source) => ['--ro-bind', source.from, `/${source.at}`]),
  ...setPlaces(plan),
  // Not the home: a job may have taken its own right to enter it, and that is a step's failure, not ours.
  ...['--chdir', '/'],
  ...['--seccomp', String(descriptors.seccomp), '--json-status-fd', String(descriptors.status)],
  ...(plan.blocked ? ['--block-fd', String(descriptors.block)] : []),
]

/** Everything a job may write to: a clean cell has its own of each (probe A09), or an empty one it cannot write to. */
const ownPlaces = (own: string | null): readonly string[] =>
  own === null
    ? []
    : [
        ...workPlaces.flatMap((name) => ['--tmpfs', `/${name}`, '--remount-ro', `/${name}`]),
        ...['--bind', `${own}/home`, '/home/ci', '--bind', `${own}/tmp`, '/tmp'],
        ...['--bind', `${own}/var-tmp`, '/var/tmp', '--bind', `${own}/lock`, '/run/lock'],
      ]

/** The same places of the nest itself, where all else of its tree is read-only. */
const sharedPlaces = (nest: string): readonly string[] =>
  ['home/ci', 'tmp', 'var/tmp', 'run/lock', ...workPlaces].flatMap((at) => [
    ...['--bind', `${nest}/root/${at}`, `/${at}`],
  ])

/** A FIFO takes bytes on a read-only mount too. */
const setPlaces = ({ sets, steps }: CellPlan): readonly string[] =>
  steps === null
    ? ['--bind', sets, '/run/mayfly']
    : ['--ro-bind', sets, '/run/mayfly', '--bind', steps, `/${stepsPlace}`]

/**
 * What runs first in a cell. Where no control group counts its processes, its user namespace does, from here on: what is
 * outside of it counts for others.
 */
export const cellCommand = (
  rootless: { readonly pidsMax: number } | null,
  { pids }: Pick<Limits, 'pids'>,
  ...command: readonly string[]
): readonly string[] =>
  rootless === null
    ? ['/bin/sh', ...command]
    : [
        ...['/bin/sh', '-c', `ulimit -p ${Math.min(pids, rootless.pidsMax)} && exec /bin/sh "$@"`, 'sh'],
        ...command,
      ]

const environment = (caPath: string): Readonly<Record<string, string>> => ({
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/home/ci',
  USER: 'ci',
  LOGNAME: 'ci',
  SHELL: '/bin/bash',
  LANG: 'C.UTF-8',
  NODE_EXTRA_CA_CERTS: caPath,
  SSL_CERT_FILE: caPath,
  GIT_SSL_CAINFO: caPath,
  NPM_CONFIG_GLOBALCONFIG: `/${npmSettings}`,
})
