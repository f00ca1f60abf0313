// What this host can do, read-only (the verb `host.probe`): the kernel, its control groups, swap, the programs we start.
// What is missing is said in words, with the way to get it.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run, systemPath } from '../../sys/index.ts'
import type { HostFacts } from '../driver.ts'
import { toolMs } from '../limits.ts'
import type { SeccompArch } from '../policy/seccomp.ts'
import { type CgroupLayout, findCgroups, isRootGroup, needed, type Unified } from './cgroup.ts'
import { findDelegated } from './delegated.ts'

export type Host =
  | {
      readonly ok: true
      readonly arch: SeccompArch
      readonly facts: HostFacts
      /** Those that we may make groups in: none without root, unless they were delegated. */
      readonly cgroups: CgroupLayout
      /** Names below /proc to cover in cells. */
      readonly masks: readonly string[]
      /** Whether a ramdisk can be kept out of swap. */
      readonly noswap: boolean
      /** null: we are root. */
      readonly rootless: Rootless | null
    }
  | { readonly ok: false; readonly why: string; readonly fix: string | null }

/** What nobody but root may raise: a class that names more gets this. */
export type Rootless = { readonly fdsMax: number; readonly pidsMax: number }

const programs: Readonly<Record<string, string>> = {
  bwrap: 'bubblewrap',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  setsid: 'util-linux',
  setpriv: 'util-linux',
  prlimit: 'util-linux',
  perl: 'perl-base',
  ip: 'iproute2',
}
/** Readable by everybody, of use to nobody in a cell (probes P05–P07). */
const maskable = ['keys', 'kallsyms', 'interrupts', 'timer_list']
const sysctls = ['user.max_user_namespaces', 'kernel.unprivileged_userns_clone', 'kernel.yama.ptrace_scope']
const arches: Readonly<Record<string, SeccompArch>> = { x64: 'x86_64', arm64: 'aarch64' }

export const readHost = (): Host => {
  const root = process.getuid?.() === 0
  if (!root && !hasCapabilities())
    return cannot('the jailer is neither root nor in a user namespace of its own', null)
  const arch = arches[process.arch]
  if (arch === undefined) return cannot(`no system call filter for ${process.arch}`, null)
  const missing = Object.keys(programs).filter((name) => !isProgram(name))
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((name) => programs[name]))].join(' ')
    return cannot(`missing programs: ${missing.join(', ')}`, `apt-get install ${packages}`)
  }
  const cgroups = root
    ? readCgroups(isRootGroup)
    : (findDelegated(
        readCgroups(() => false),
        process.ppid,
      ) ?? noCgroups)
  const without = needed.filter((controller) => !cgroups.directories.has(controller))
  if (root && without.length > 0)
    return cannot(
      `missing cgroup controllers: ${without.join(', ')} (cgroups: ${cgroups.kind})`,
      'mount cgroup v2 with these controllers, or start us in a unit with Delegate=yes',
    )
  const masks = maskable.filter((name) => existsSync(join('/proc', name)))
  const rootless = root ? null : { fdsMax: ownLimit('open files'), pidsMax: ownLimit('processes') }
  return { ok: true, arch, facts: factsOf(cgroups, root), cgroups, masks, noswap: canNoswap(), rootless }
}

/** Over the namespace that main/ starts us in, where we are not root (sys/user-namespace.ts). */
const hasCapabilities = (): boolean => !/^CapEff:\s+0+$/m.test(read('/proc/self/status'))

/** The hard one. */
const ownLimit = (name: string): number => {
  const words = new RegExp(`^Max ${name}\\s+\\S+\\s+(\\S+)`, 'm').exec(read('/proc/self/limits'))?.[1]
  return Number(words) || Number.MAX_SAFE_INTEGER
}

/** Linux 6.4 or later, and only in the first user namespace. */
const canNoswap = (): boolean => {
  const [major = 0, minor = 0] = read('/proc/sys/kernel/osrelease').split('.').map(Number.parseFloat)
  return (
    (major > 6 || (major === 6 && minor >= 4)) && /^\s*0\s+0\s+4294967295$/.test(read('/proc/self/uid_map'))
  )
}

/** What a receipt names as the engine. */
export const readVersions = async (): Promise<Readonly<Record<string, string>>> => {
  const bubblewrap = await run('bwrap', ['--version'], { timeoutMs: toolMs })
  return {
    kernel: read('/proc/sys/kernel/osrelease'),
    bubblewrap: bubblewrap.stdout.toString().trim().replace('bubblewrap ', ''),
  }
}

const cannot = (why: string, fix: string | null): Host => ({ ok: false, why, fix })

const factsOf = (cgroups: CgroupLayout, root: boolean): HostFacts => ({
  kernel: read('/proc/sys/kernel/osrelease'),
  cgroups: cgroups.kind,
  controllers: [...cgroups.directories.keys()],
  root,
  swap: read('/proc/swaps').split('\n').length > 1 ? 'on' : 'off',
  corePattern: read('/proc/sys/kernel/core_pattern'),
  kvm: existsSync('/dev/kvm'),
  sysctls: Object.fromEntries(
    sysctls
      .map((name) => [name, read(`/proc/sys/${name.replaceAll('.', '/')}`)] as const)
      .filter(([, value]) => value !== ''),
  ),
})

const noCgroups: CgroupLayout = { kind: 'none', directories: new Map() }

const readCgroups = (isRoot: Unified['isRoot']): CgroupLayout =>
  findCgroups(read('/proc/self/mountinfo'), read('/proc/self/cgroup'), {
    controllersOf: (directory) => read(join(directory, 'cgroup.controllers')).split(' ').filter(Boolean),
    isRoot,
  })

const isProgram = (name: string): boolean =>
  systemPath.split(':').some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}
