// Control groups of nests (isolation.md §2.7): decided once per host and per controller, v2 where it has the
// controllers, else v1. A group is a directory per hierarchy; limits are written before any process enters.
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  realpathSync,
  rmdirSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fault } from '../../base/faults.ts'
import type { Limits, Usage } from '../../protocol/receipt.ts'
import { cgroupRemoveMs } from '../limits.ts'
import { readKernelFile } from './kernel-file.ts'

const wanted = ['memory', 'pids', 'cpu', 'cpuacct', 'freezer', 'devices'] as const
/** Without these no limit holds. */
export const needed = ['memory', 'pids', 'cpu'] as const

export type CgroupLayout = {
  readonly kind: 'v2' | 'v1' | 'hybrid' | 'none'
  /** By controller: the directory in its hierarchy that ours are made in. For v2 all are the same. */
  readonly directories: ReadonlyMap<string, string>
}

/** What findCgroups asks of a v2 hierarchy. */
export type Unified = {
  readonly controllersOf: (directory: string) => readonly string[]
  /** The root of the machine's hierarchy, not of what a container sees of it. */
  readonly isRoot: (mountPoint: string) => boolean
}

/**
 * From /proc/self/mountinfo, /proc/self/cgroup and, for v2, what `unified` reads. Pure but for that. In v1 ours lie
 * beside the processes of our own group. In v2 a group with processes has no controllers for its children: so at the
 * root, which is free of that rule, or in our own group, whose processes then move to a leaf (openGroups).
 */
export const findCgroups = (mountinfo: string, self: string, unified: Unified): CgroupLayout => {
  const mounts = mountinfo.split('\n').flatMap(parseMount)
  const own = new Map(self.split('\n').flatMap(parseOwn))
  const v2 = mounts.find((mount) => mount.type === 'cgroup2')
  const directories = new Map<string, string>()
  const v1 = mounts.filter((mount) => mount.type === 'cgroup')
  for (const controller of wanted) {
    const mount = v1.find((candidate) => candidate.options.includes(controller))
    if (mount) directories.set(controller, below(mount, own.get(controller) ?? '/'))
  }
  if (directories.size > 0) return { kind: v2 ? 'hybrid' : 'v1', directories }
  if (!v2) return { kind: 'none', directories }
  const place = unified.isRoot(v2.point) ? v2.point : below(v2, own.get('') ?? '/')
  for (const controller of unified.controllersOf(place)) directories.set(controller, place)
  return { kind: 'v2', directories }
}

type Mount = { root: string; point: string; type: string; options: readonly string[] }

/** `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw`: root, mount point, then after the dash type and options. */
const parseMount = (line: string): Mount[] => {
  const [before = '', after = ''] = line.split(' - ')
  const [, , , root, point] = before.split(' ')
  const [type, , options] = after.split(' ')
  if (root === undefined || point === undefined || type === undefined) return []
  return [{ root, point, type, options: (options ?? '').split(',') }]
}

const parseOwn = (line: string): [string, string][] => {
  const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
  if (names === undefined || path === undefined) return []
  return names.split(',').map((name) => [name, path])
}

const below = (mount: Mount, path: string): string =>
  join(mount.point, path.startsWith(mount.root) ? path.slice(mount.root.length) : path)

/** One group as its directories in all hierarchies: what is needed to end it. */
export interface GroupRemains {
  readonly directories: readonly string[]
  processes(): readonly number[]
  /** Those in one of the directories: all but who is just entering, for one read. */
  processesOfOne(): readonly number[]
  isEmpty(): boolean
  /** KILL to everything inside, frozen while it is counted; resolves when it was sent. */
  kill(): Promise<void>
  /** True when every directory is gone. */
  remove(): Promise<boolean>
}

export type GroupUsage = Pick<
  Usage,
  'peakMemory' | 'cpuSeconds' | 'peakPids' | 'oomKills' | 'throttledMs'
> & {
  /** Charged now, without file pages that the kernel would drop first. null: nobody counts it. */
  readonly memory: number | null
}

export interface Group extends GroupRemains {
  /** A cell of it stands; `pid` is its first process. */
  joined(pid: number): void
  /** Files that a process writes 0 into to enter. */
  readonly enter: readonly string[]
  limit(limits: Limits): void
  usage(): GroupUsage
}

export interface Groups {
  readonly layout: CgroupLayout
  /** All groups of this installation lie in these directories. */
  readonly parents: readonly string[]
  /** The directories a group of this name has or would have. */
  directoriesOf(id: string): readonly string[]
  create(id: string): Group
  /** Removes the parents; one that still holds a group stays for the next life's sweep. */
  release(): Promise<void>
}

export const openGroups = (layout: CgroupLayout, name: string): Groups => {
  const missing = needed.filter((controller) => !layout.directories.has(controller))
  if (missing.length > 0)
    throw fault('E_SANDBOX_UNAVAILABLE', {
      public: `cgroup controllers are missing: ${missing.join(', ')}`,
    })
  const undelegate = layout.kind === 'v2' ? delegate([...layout.directories.values()][0] ?? '') : null
  const parents = new Map<string, string>()
  for (const [controller, directory] of layout.directories) {
    const parent = join(directory, name)
    mkdirSync(parent, { recursive: true })
    parents.set(controller, realpathSync(parent))
  }
  const v2 = layout.kind === 'v2'
  if (v2) enableControllers([...parents.values()][0] ?? '')
  const devices = parents.get('devices')
  const restrictEach = !v2 && devices !== undefined && !isRestricted(devices)
  const placesOf = (id: string) =>
    new Map([...parents].map(([controller, parent]) => [controller, join(parent, id)]))
  return {
    layout,
    parents: [...new Set(parents.values())],
    directoriesOf: (id) => [...new Set(placesOf(id).values())],
    create: (id) => {
      const group = createGroup(placesOf(id), v2)
      for (const directory of group.directories) mkdirSync(directory)
      if (restrictEach) restrictDevices(join(devices, id))
      return group
    },
    release: async () => {
      if (await groupAt([...new Set(parents.values())]).remove()) undelegate?.()
    },
  }
}

/**
 * "No internal processes": what shares the directory with us moves to a leaf before its children may have controllers.
 * The answer moves it back. The root is free of that rule.
 */
const delegate = (directory: string): (() => void) => {
  if (isRootGroup(directory)) {
    enableControllers(directory)
    return () => undefined
  }
  const leaf = join(directory, 'mayfly-self')
  mkdirSync(leaf, { recursive: true })
  moveProcesses(directory, leaf)
  enableControllers(directory)
  return () => {
    write(join(directory, 'cgroup.subtree_control'), '-memory -pids -cpu', true)
    moveProcesses(leaf, directory)
    removeOne(leaf)
  }
}

export const isRootGroup = (directory: string): boolean => !existsSync(join(directory, 'cgroup.type'))

/** Again until nothing is left: what is being moved may fork. */
const moveProcesses = (from: string, to: string): void => {
  const left = () => numbers(readKernelFile(join(from, 'cgroup.procs')))
  for (let round = 0; round < moveRounds && left().length > 0; round++)
    for (const pid of left()) write(join(to, 'cgroup.procs'), String(pid), true)
}

const moveRounds = 20

const enableControllers = (directory: string): void =>
  writeFileSync(join(directory, 'cgroup.subtree_control'), '+memory +pids +cpu')

const createGroup = (byController: ReadonlyMap<string, string>, v2: boolean): Group => {
  const remains = groupAt([...new Set(byController.values())])
  const at = (controller: string, file: string) => join(byController.get(controller) ?? '/nonexistent', file)
  return {
    ...remains,
    joined: () => undefined,
    enter: remains.directories.map((directory) => join(directory, 'cgroup.procs')),
    limit: (limits) => {
      for (const [controller, file, value, isOptional] of v2 ? limitsV2(limits) : limitsV1(limits))
        write(at(controller, file), value, isOptional)
    },
    usage: () => (v2 ? usageV2(at) : usageV1(at)),
  }
}

export const groupAt = (directories: readonly string[]): GroupRemains => {
  const inside = (directory: string) => numbers(readKernelFile(join(directory, 'cgroup.procs')))
  const processes = () => [...new Set(directories.flatMap(inside))]
  const processesOfOne = () => directories.slice(0, 1).flatMap(inside)
  const kill = async () => {
    const killFile = directories.map((directory) => join(directory, 'cgroup.kill')).find(existsSync)
    if (killFile !== undefined) return write(killFile, '1', true)
    const freezer = directories.map((directory) => join(directory, 'freezer.state')).find(existsSync)
    await killFrozen(freezer ?? null, processes)
  }
  const isEmpty = () => directories.every((directory) => inside(directory).length === 0)
  return { directories, processes, processesOfOne, isEmpty, kill, remove: () => removeAll(directories) }
}

type LimitFile = readonly [controller: string, file: string, value: string, optional: boolean]
const period = 100_000
/** tmpfs pages are charged like memory: below this sum ENOSPC would become a kill (isolation.md §17.7). */
const memoryTotal = (limits: Limits): string => String(limits.memory + limits.ramdisk + limits.shm)
const quota = (limits: Limits): string => String(Math.round(limits.cpu * period))

const limitsV1 = (limits: Limits): readonly LimitFile[] => [
  // Twice: the kernel keeps limit ≤ memsw at every moment, so raising wants memsw first and lowering wants it last.
  ['memory', 'memory.memsw.limit_in_bytes', memoryTotal(limits), true],
  ['memory', 'memory.limit_in_bytes', memoryTotal(limits), false],
  ['memory', 'memory.memsw.limit_in_bytes', memoryTotal(limits), true],
  ['pids', 'pids.max', String(limits.pids), false],
  ['cpu', 'cpu.cfs_period_us', String(period), false],
  ['cpu', 'cpu.cfs_quota_us', quota(limits), false],
  ['cpu', 'cpu.shares', String(Math.max(2, Math.round(limits.cpu * 256))), true],
]

/** null zero full random urandom tty, ptmx and pts: what bwrap's /dev has. */
const devicesAllowed = ['1:3', '1:5', '1:7', '1:8', '1:9', '5:0', '5:2', '136:*'] as const

const restrictDevices = (directory: string): void => {
  write(join(directory, 'devices.deny'), 'a', true)
  for (const device of devicesAllowed) write(join(directory, 'devices.allow'), `c ${device} rwm`, true)
}

/**
 * A group begins with what its parent allows: said once, there. The kernel refuses that where an earlier life left groups;
 * then it counts what is so.
 */
const isRestricted = (directory: string): boolean => {
  restrictDevices(directory)
  return !/^a /m.test(readKernelFile(join(directory, 'devices.list')))
}

const limitsV2 = (limits: Limits): readonly LimitFile[] => [
  ['memory', 'memory.max', memoryTotal(limits), false],
  ['memory', 'memory.swap.max', '0', true],
  ['memory', 'memory.oom.group', '0', true],
  ['pids', 'pids.max', String(limits.pids), false],
  ['cpu', 'cpu.max', `${quota(limits)} ${period}`, false],
  ['cpu', 'cpu.weight', String(Math.min(10_000, Math.max(1, Math.round(limits.cpu * 25)))), true],
]

const write = (path: string, value: string, isOptional: boolean): void => {
  try {
    // SAFE: never made: a file that the kernel does not have would be no limit.
    const file = openSync(path, constants.O_WRONLY)
    try {
      writeSync(file, value)
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    if (isOptional) return
    const what = path.slice(path.lastIndexOf('/') + 1)
    throw fault('E_SANDBOX_UNAVAILABLE', {
      public: `this machine does not let us limit jobs: ${what} cannot be set`,
      detail: `cannot set ${path} to ${value}`,
      cause,
    })
  }
}

const numbers = (text: string): number[] => text.split('\n').filter(Boolean).map(Number)
const readNumber = (path: string): number => Number(readKernelFile(path).trim()) || 0
const readField = (path: string, name: string): number =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(readKernelFile(path))?.[1] ?? 0)

type At = (controller: string, file: string) => string
const usageV1 = (at: At): GroupUsage => ({
  peakMemory: readNumber(at('memory', 'memory.max_usage_in_bytes')),
  cpuSeconds: readNumber(at('cpuacct', 'cpuacct.usage')) / 1e9,
  peakPids: readNumber(at('pids', 'pids.peak')) || readNumber(at('pids', 'pids.current')),
  oomKills: readField(at('memory', 'memory.oom_control'), 'oom_kill'),
  throttledMs: readField(at('cpu', 'cpu.stat'), 'throttled_time') / 1e6,
  memory: Math.max(
    0,
    readNumber(at('memory', 'memory.usage_in_bytes')) -
      readField(at('memory', 'memory.stat'), 'total_inactive_file'),
  ),
})

const usageV2 = (at: At): GroupUsage => ({
  peakMemory: readNumber(at('memory', 'memory.peak')) || readNumber(at('memory', 'memory.current')),
  cpuSeconds: readField(at('cpu', 'cpu.stat'), 'usage_usec') / 1e6,
  peakPids: readNumber(at('pids', 'pids.peak')) || readNumber(at('pids', 'pids.current')),
  oomKills: readField(at('memory', 'memory.events'), 'oom_kill'),
  throttledMs: readField(at('cpu', 'cpu.stat'), 'throttled_usec') / 1e3,
  memory: Math.max(
    0,
    readNumber(at('memory', 'memory.current')) - readField(at('memory', 'memory.stat'), 'inactive_file'),
  ),
})

/** Frozen, so that nothing forks while the list is walked. A frozen process takes its signal when thawed. */
const killFrozen = async (freezer: string | null, processes: () => readonly number[]): Promise<void> => {
  if (freezer !== null) write(freezer, 'FROZEN', true)
  try {
    for (let i = 0; freezer !== null && i < 20 && readKernelFile(freezer).trim() === 'FREEZING'; i++)
      await sleep(1)
    // SAFE: members of a group of ours, listed a moment ago and frozen: the numbers cannot be somebody else's.
    for (const pid of processes()) killQuietly(pid)
  } finally {
    if (freezer !== null) write(freezer, 'THAWED', true)
  }
}

const killQuietly = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Already gone.
  }
}

/** A zombie can hold a directory for milliseconds (isolation.md §17.24). */
const removeAll = async (directories: readonly string[]): Promise<boolean> => {
  const deadline = performance.now() + cgroupRemoveMs
  let left = directories
  for (;;) {
    left = left.filter((directory) => !removeOne(directory))
    if (left.length === 0) return true
    if (performance.now() > deadline) return false
    await sleep(2)
  }
}

const removeOne = (directory: string): boolean => {
  try {
    rmdirSync(directory)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}
