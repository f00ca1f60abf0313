// The questions asked of the kernel after a nest was destroyed (isolation.md §2.8), each an entry of the receipt. One
// walk over /proc answers for all nests that wait at that moment.

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
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
      process.namespaces.some((inode) => namespaces.includes(inode)) && isOfNest(process.pid, departed),
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
const isOfNest = (pid: number, { uid, isOthers }: Departed): boolean => {
  const map = text(`/proc/${pid}/uid_map`).trim().split(/\s+/)
  return map[1] === String(uid) || (isOurChild(pid) && !isOthers(pid))
}

const isOurChild = (pid: number): boolean => {
  for (let at = pid; at > 1; at = Number(field(text(`/proc/${at}/status`), 'PPid'))) {
    if (at === process.pid) return true
  }
  return false
}

const check = (name: string, found: readonly string[]): GoneCheck => ({
  check: name,
  ok: found.length === 0,
  detail: found.slice(0, 5).join('; '),
})

const describe = (process: SeenProcess): string => `pid ${process.pid} ${process.state} ${process.name}`

export type SeenProcess = {
  readonly pid: number
  readonly parent: number
  readonly name: string
  readonly state: string
  readonly uids: readonly number[]
  readonly namespaces: readonly number[]
}
export type Survey = {
  readonly processes: readonly SeenProcess[]
  /** By a process that has it: each mount table once. */
  readonly mountTables: ReadonlyMap<number, string>
  readonly ipcOwners: readonly number[]
}

const kinds = ['net', 'pid', 'user', 'ipc', 'uts', 'cgroup'] as const

/** Who asks while a walk is due gets the answers of that walk: it begins after they asked. */
export const createSurveyor = (): (() => Promise<Survey>) => {
  let due: Promise<Survey> | null = null
  return () => {
    due ??= new Promise((resolve) => {
      setImmediate(() => {
        due = null
        resolve(takeSurvey())
      })
    })
    return due
  }
}

/** Everything at once, in one turn of the event loop, so that it is one moment. Zombies hold nothing: not listed. */
export const takeSurvey = (): Survey => {
  const processes: SeenProcess[] = []
  const mountTables = new Map<number, string>()
  const tablesSeen = new Set<string>()
  const own = new Map(kinds.map((kind) => [kind, link('self', kind)]))
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const status = text(`/proc/${name}/status`)
    // Zombies and kernel threads have no memory of their own.
    if (!status.includes('\nVmSize:')) continue
    const links = kinds.map((kind) => [kind, link(name, kind)] as const)
    const mnt = link(name, 'mnt')
    if (!tablesSeen.has(mnt)) {
      tablesSeen.add(mnt)
      mountTables.set(Number(name), text(`/proc/${name}/mountinfo`))
    }
    processes.push({
      pid: Number(name),
      parent: Number(field(status, 'PPid')),
      name: field(status, 'Name'),
      state: field(status, 'State'),
      uids: field(status, 'Uid').split(/\s+/).map(Number),
      namespaces: links.flatMap(([kind, inode]) => (inode === own.get(kind) ? [] : [inodeOf(inode)])),
    })
  }
  return { processes, mountTables, ipcOwners: ['shm', 'msg', 'sem'].flatMap(ownersOf) }
}

const field = (status: string, name: string): string =>
  new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? ''

const link = (pid: string, kind: string): string => {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`)
  } catch {
    return ''
  }
}
const inodeOf = (target: string): number => Number(/\[(\d+)\]/.exec(target)?.[1] ?? -1)

const text = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
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
