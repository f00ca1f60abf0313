// The questions asked of the kernel after a nest was destroyed (isolation.md §2.8), each an entry of the receipt. One
// walk over /proc answers for all nests that wait at that moment.

import { existsSync, readdirSync, statSync } from 'node:fs'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { surveyRestMs } from '../limits.ts'
import type { GoneCheck } from './gone-check.ts'
import { inodeOf, readKernelFile, readKernelLink } from './kernel-file.ts'
import { readProcessStat } from './process-stat.ts'

export type Departed = {
  readonly id: string
  /** Nobody else's; null where it is that of whoever runs us. */
  readonly uid: number | null
  readonly directory: string
  readonly groups: readonly string[]
  /** Inode numbers, mount and network namespaces apart: the first are known by what is mounted in them. */
  readonly namespaces: readonly number[]
  /** A process of another nest of ours, which may have got one of our inode numbers. */
  readonly isOthers: (pid: number) => boolean
}

export const findTraces = (departed: Departed, survey: Survey): readonly GoneCheck[] => {
  const { id, uid, directory, groups, namespaces } = departed
  const holders = survey.processes.filter(
    (process) =>
      process.namespaces.some((inode) => namespaces.includes(inode)) &&
      isOfNest(process.pid, departed, survey),
  )
  const names = [`${directory} `, `${directory}/`, ` ${ramdiskName(id)} `]
  const mounts = [...survey.mountTables].filter(([, table]) => names.some((name) => table.includes(name)))
  const traces = uid === null ? [] : tracesOfUser(uid, survey)
  return [
    // Without root a nest has some only where they were delegated.
    ...(groups.length === 0 ? [] : [check('control groups are gone', groups.filter(existsSync))]),
    ...traces,
    check('no process in its namespaces', holders.map(describe)),
    check(
      'no mount names it',
      mounts.map(([pid]) => `pid ${pid}`),
    ),
    check('mount point is gone', existsSync(directory) ? [directory] : []),
  ]
}

/** Without root a nest has no user of its own; its System V objects end with its namespaces. */
const tracesOfUser = (uid: number, survey: Survey): readonly GoneCheck[] => {
  const living = survey.processes.filter((process) => process.uid === uid)
  const ipc = survey.ipcOwners.filter((owner) => owner === uid)
  return [
    check('no process with the uid', living.map(describe)),
    check('no System V object of the uid', ipc.map(String)),
  ]
}

/** The ramdisk's name in the mount table of every cell that has it. */
export const ramdiskName = (id: string): string => `mayfly-${id}`

/**
 * The kernel gives the inode numbers of ended namespaces to the next ones at once, also to strangers: a holder counts
 * when its user namespace maps to the nest's uid, or when it is a child of ours that belongs to no other nest.
 */
const isOfNest = (pid: number, { uid, isOthers }: Departed, { isOurs }: Survey): boolean => {
  const map = readKernelFile(`/proc/${pid}/uid_map`).trim().split(/\s+/)
  return (uid !== null && map[1] === String(uid)) || (isOurs(pid) && !isOthers(pid))
}

/** Ourselves, a child of ours, or of one. Each process is looked at once: there are hundreds, and many nests ask. */
const createKinship = (): ((pid: number) => boolean) => {
  const known = new Map([[process.pid, true]])
  const isOurs = (pid: number): boolean => {
    const answer = known.get(pid) ?? (pid > 1 && isOurs(parentOf(pid)))
    known.set(pid, answer)
    return answer
  }
  return isOurs
}

const parentOf = (pid: number): number => readProcessStat(pid)?.parent ?? 0

const check = (name: string, found: readonly string[]): GoneCheck => ({
  check: name,
  ok: found.length === 0,
  detail: found.slice(0, 5).join('; '),
})

const describe = ({ pid }: SeenProcess): string => `pid ${pid} ${nameOf(pid)}`

/** Of a process that was just seen: what it is and what it does. */
export const nameOf = (pid: number): string => {
  const status = readKernelFile(`/proc/${pid}/status`)
  return `${field(status, 'Name')} ${field(status, 'State')}`
}

export type SeenProcess = {
  readonly pid: number
  /** The effective one; a job's processes have no other. */
  readonly uid: number
  /** Of its network and, where that or its mounts are not ours, of all others: but for those we are in as well. */
  readonly namespaces: readonly number[]
}
export type Survey = {
  readonly processes: readonly SeenProcess[]
  /** By a process that has it: each mount table once. */
  readonly mountTables: ReadonlyMap<number, string>
  readonly ipcOwners: readonly number[]
  readonly isOurs: (pid: number) => boolean
}

/** Answers which processes are in the control groups of nests that live on. */
export type Elsewhere = () => ReadonlySet<number>

/** Who asks while a walk is due gets the answers of that walk: it begins after they asked. */
export const createSurveyor = (): ((elsewhere: Elsewhere) => Promise<Survey>) => {
  let due: Promise<Survey> | null = null
  let [last, rest] = [0, 0]
  const walk = async (elsewhere: Elsewhere): Promise<Survey> => {
    const wait = last + rest - performance.now()
    await (wait > 0 ? sleep(wait) : nextTurn())
    due = null
    const begin = performance.now()
    const survey = takeSurvey(elsewhere())
    rest = Math.min(5 * (performance.now() - begin), surveyRestMs)
    last = performance.now()
    return survey
  }
  return (elsewhere) => {
    due ??= walk(elsewhere)
    return due
  }
}

/**
 * Everything at once, in one turn of the event loop, so that it is one moment. Zombies hold nothing: not listed. What has
 * both our network and our mounts is in no nest, unless root went in from outside without them. Of what is in another
 * nest's control group only the user counts: nothing leads from one nest into another but a user they would share.
 */
export const takeSurvey = (elsewhere: ReadonlySet<number> = new Set()): Survey => {
  const kernel = kernelThreads()
  const own = new Map(['net', 'mnt', ...further].map((kind) => [kind, link('self', kind)]))
  const isForeign = (kind: string, inode: string) => inode !== '' && inode !== own.get(kind)
  const mountTables = new Map<number, string>()
  const tablesSeen = new Set<string>()
  const processes: SeenProcess[] = []
  for (const name of readdirSync('/proc')) {
    if (!isNumber.test(name) || kernel.has(name)) continue
    // SAFE: the directory itself has the process's effective ids, also where it has made itself unreadable.
    const uid = statSync(`/proc/${name}`, { throwIfNoEntry: false })?.uid
    if (uid === undefined) continue
    const pid = Number(name)
    if (elsewhere.has(pid)) {
      processes.push({ pid, uid, namespaces: [] })
      continue
    }
    const [net, mnt] = [link(pid, 'net'), link(pid, 'mnt')]
    // Without namespaces it is ending; without a memory as well, it has ended.
    if (net === '' && !isAlive(name)) continue
    if (!tablesSeen.has(mnt)) {
      tablesSeen.add(mnt)
      mountTables.set(pid, readKernelFile(`/proc/${pid}/mountinfo`))
    }
    const others = isForeign('net', net) || isForeign('mnt', mnt) ? further : []
    const foreign = others
      .map((kind) => link(pid, kind))
      .filter((inode, i) => isForeign(others[i] ?? '', inode))
    const namespaces = [...(isForeign('net', net) ? [net] : []), ...foreign].map(inodeOf)
    processes.push({ pid, uid, namespaces })
  }
  const ipcOwners = ['shm', 'msg', 'sem'].flatMap(ownersOf)
  return { processes, mountTables, ipcOwners, isOurs: createKinship() }
}

const isNumber = /^\d+$/
const further = ['user', 'pid', 'ipc', 'uts', 'cgroup']

/** With a memory of its own. */
const isAlive = (name: string): boolean => readKernelFile(`/proc/${name}/status`).includes('\nVmSize:')

const field = (status: string, name: string): string =>
  new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? ''

/** The children of kthreadd, which no other process ever becomes; half of /proc, and nothing of it can be a job's. */
const kernelThreads = (): ReadonlySet<string> => {
  const second = readKernelFile('/proc/2/status')
  const isKthreadd =
    /^Name:\tkthreadd$[\s\S]*^State:\t[^Z][\s\S]*^PPid:\t0$/m.test(second) && !second.includes('\nVmSize:')
  return new Set(isKthreadd ? readKernelFile('/proc/2/task/2/children').split(' ') : [])
}

const link = (pid: number | 'self', kind: string): string => readKernelLink(`/proc/${pid}/ns/${kind}`)

/** Owner and creator of each object; columns by name, because the three tables differ. */
const ownersOf = (kind: string): readonly number[] => {
  const [head = '', ...rows] = readKernelFile(`/proc/sysvipc/${kind}`).split('\n').filter(Boolean)
  const columns = head.trim().split(/\s+/)
  return rows.flatMap((row) => {
    const fields = row.trim().split(/\s+/)
    return [fields[columns.indexOf('uid')], fields[columns.indexOf('cuid')]].map(Number)
  })
}
