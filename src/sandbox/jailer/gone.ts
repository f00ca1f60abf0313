// The questions asked of the kernel after a nest was destroyed (isolation.md §2.8), each an entry of the receipt. One
// walk over /proc answers for all nests that wait at that moment.

import { closeSync, existsSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { surveyRestMs } from '../limits.ts'
import type { GoneCheck } from './gone-check.ts'

export type Departed = {
  readonly id: string
  readonly uid: number
  readonly directory: string
  readonly groups: readonly string[]
  /** Inode numbers, mount and network namespaces apart: the first are known by what is mounted in them. */
  readonly namespaces: readonly number[]
  /** A process of another nest of ours, which may have got one of our inode numbers. */
  readonly isOthers: (pid: number) => boolean
}

export const findTraces = (departed: Departed, survey: Survey): readonly GoneCheck[] => {
  const { id, uid, directory, groups, namespaces } = departed
  const living = survey.processes.filter((process) => process.uids.includes(uid))
  const holders = survey.processes.filter(
    (process) =>
      process.namespaces.some((inode) => namespaces.includes(inode)) && isOfNest(process, departed),
  )
  const names = [`${directory} `, `${directory}/`, ` ${ramdiskName(id)} `]
  const mounts = [...survey.mountTables].filter(([, table]) => names.some((name) => table.includes(name)))
  const ipc = survey.ipcOwners.filter((owner) => owner === uid)
  return [
    check('control groups are gone', groups.filter(existsSync)),
    check('no process with the uid', living.map(describe)),
    check('no process in its namespaces', holders.map(describe)),
    check(
      'no mount names it',
      mounts.map(([pid]) => `pid ${pid}`),
    ),
    check('mount point is gone', existsSync(directory) ? [directory] : []),
    check('no System V object of the uid', ipc.map(String)),
  ]
}

/** The ramdisk's name in the mount table of every cell that has it. */
export const ramdiskName = (id: string): string => `mayfly-${id}`

/**
 * The kernel gives the inode numbers of ended namespaces to the next ones at once, also to strangers: a holder counts
 * when its user namespace maps to the nest's uid, or when it is a child of ours that belongs to no other nest.
 */
const isOfNest = ({ pid, isOurs }: SeenProcess, { uid, isOthers }: Departed): boolean => {
  const map = text(`/proc/${pid}/uid_map`).trim().split(/\s+/)
  return map[1] === String(uid) || (isOurs && !isOthers(pid))
}

const check = (name: string, found: readonly string[]): GoneCheck => ({
  check: name,
  ok: found.length === 0,
  detail: found.slice(0, 5).join('; '),
})

const describe = (process: SeenProcess): string => `pid ${process.pid} ${process.state} ${process.name}`

export type SeenProcess = {
  readonly pid: number
  readonly name: string
  readonly state: string
  readonly uids: readonly number[]
  /** A child of ours, or of one. */
  readonly isOurs: boolean
  /** Its network, and all others of a process that is ours or in a user namespace of its own, but for our own ones. */
  readonly namespaces: readonly number[]
}
export type Survey = {
  readonly processes: readonly SeenProcess[]
  /** By a process that has it: each mount table once. */
  readonly mountTables: ReadonlyMap<number, string>
  readonly ipcOwners: readonly number[]
}

const everywhere = ['net', 'user'] as const
/** Nobody else can be of a nest of ours (`isOfNest`). */
const further = ['pid', 'ipc', 'uts', 'cgroup'] as const

/** Who asks while a walk is due gets the answers of that walk: it begins after they asked. */
export const createSurveyor = (): (() => Promise<Survey>) => {
  let due: Promise<Survey> | null = null
  let last = Number.NEGATIVE_INFINITY
  const walk = async (): Promise<Survey> => {
    const wait = last + surveyRestMs - performance.now()
    await (wait > 0 ? sleep(wait) : nextTurn())
    due = null
    const survey = takeSurvey()
    last = performance.now()
    return survey
  }
  return () => {
    due ??= walk()
    return due
  }
}

/** Everything at once, in one turn of the event loop, so that it is one moment. Zombies hold nothing: not listed. */
export const takeSurvey = (): Survey => {
  const kernel = kernelThreads()
  const found = readdirSync('/proc').flatMap((name) =>
    isNumber.test(name) && !kernel.has(name) ? seen(name) : [],
  )
  const parents = new Map(found.map(({ pid, parent }) => [pid, parent]))
  const isOurs = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === process.pid || isOurs(parents.get(pid)))
  const own = (kind: string) => link('self', kind)
  const [net, user, others] = [own('net'), own('user'), new Map(further.map((kind) => [kind, own(kind)]))]
  const mountTables = new Map<number, string>()
  const tablesSeen = new Set<string>()
  const processes = found.map(({ pid, parent: _, ...rest }): SeenProcess => {
    const mnt = link(pid, 'mnt')
    if (!tablesSeen.has(mnt)) {
      tablesSeen.add(mnt)
      mountTables.set(pid, text(`/proc/${pid}/mountinfo`))
    }
    const ours = isOurs(pid)
    const links = everywhere.map((kind) => link(pid, kind))
    const more = ours || links[1] !== user ? further.map((kind) => [kind, link(pid, kind)] as const) : []
    const foreign = [
      ...links.filter((inode) => inode !== net && inode !== user),
      ...more.flatMap(([kind, inode]) => (inode === others.get(kind) ? [] : [inode])),
    ]
    return { ...rest, pid, isOurs: ours, namespaces: foreign.map(inodeOf) }
  })
  return { processes, mountTables, ipcOwners: ['shm', 'msg', 'sem'].flatMap(ownersOf) }
}

const isNumber = /^\d+$/
const statusLines =
  /^Name:\t(?<name>.*)$[\s\S]*^State:\t(?<state>.*)$[\s\S]*^PPid:\t(?<parent>\d+)$[\s\S]*^Uid:\t(?<uids>.*)$/m

/** One process with a memory of its own: kernel threads and zombies have none. */
const seen = (name: string) => {
  const status = text(`/proc/${name}/status`)
  const fields = status.includes('\nVmSize:') ? statusLines.exec(status)?.groups : undefined
  if (fields === undefined) return []
  const { name: program = '', state = '', parent, uids = '' } = fields
  const ids = uids.split('\t').map(Number)
  return [{ pid: Number(name), parent: Number(parent), name: program, state, uids: ids }]
}

/** The children of kthreadd, which no other process ever becomes; half of /proc, and nothing of it can be a job's. */
const kernelThreads = (): ReadonlySet<string> => {
  const second = text('/proc/2/status')
  const isKthreadd =
    /^Name:\tkthreadd$[\s\S]*^State:\t[^Z][\s\S]*^PPid:\t0$/m.test(second) && !second.includes('\nVmSize:')
  return new Set(isKthreadd ? text('/proc/2/task/2/children').split(' ') : [])
}

const link = (pid: number | 'self', kind: string): string => {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`)
  } catch {
    return ''
  }
}
const inodeOf = (target: string): number => Number(/\[(\d+)\]/.exec(target)?.[1] ?? -1)

/** Files of /proc have no size to ask for; the buffer is kept because a walk reads hundreds. */
let bytes = Buffer.allocUnsafe(64 * 1024)
const text = (path: string): string => {
  let file = -1
  try {
    file = openSync(path, 'r')
    let size = 0
    for (let got = -1; got !== 0; size += got) {
      if (size === bytes.length) bytes = Buffer.concat([bytes, bytes])
      got = readSync(file, bytes, size, bytes.length - size, null)
    }
    return bytes.toString('latin1', 0, size)
  } catch {
    return ''
  } finally {
    if (file >= 0) closeSync(file)
  }
}

/** Owner and creator of each object; columns by name, because the three tables differ. */
const ownersOf = (kind: string): readonly number[] => {
  const [head = '', ...rows] = text(`/proc/sysvipc/${kind}`).split('\n').filter(Boolean)
  const columns = head.trim().split(/\s+/)
  return rows.flatMap((row) => {
    const fields = row.trim().split(/\s+/)
    return [fields[columns.indexOf('uid')], fields[columns.indexOf('cuid')]].map(Number)
  })
}
