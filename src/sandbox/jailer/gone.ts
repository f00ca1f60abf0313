// The questions asked of the kernel after a nest was destroyed (isolation.md §2.8), each an entry of the receipt. One
// walk over /proc answers for all nests that wait at that moment.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Receipt } from '../../protocol/receipt.ts'

export type GoneCheck = Receipt['gone'][number]

export type Departed = {
  readonly id: string
  readonly uid: number
  readonly directory: string
  readonly groups: readonly string[]
  readonly namespaces: readonly number[]
  /** Clock ticks since boot at which no process was left in its groups: who started later cannot be of this nest. */
  readonly emptyAt: number
  /** A process of another nest of ours, which may have got one of our inode numbers. */
  readonly isOthers: (pid: number) => boolean
}

export const findTraces = (departed: Departed, survey: Survey): readonly GoneCheck[] => {
  const { uid, directory, groups, namespaces, emptyAt, isOthers } = departed
  const living = survey.processes.filter((process) => process.uids.includes(uid))
  // Inode numbers of namespaces return at once: a holder that is younger than our end is a stranger.
  const holders = survey.processes.filter(
    (process) =>
      process.startedAt < emptyAt &&
      process.namespaces.some((inode) => namespaces.includes(inode)) &&
      !isOthers(process.pid),
  )
  const mounts = [...survey.mountTables].filter(
    ([, table]) => table.includes(`${directory} `) || table.includes(`${directory}/`),
  )
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
  readonly startedAt: number
  readonly namespaces: readonly number[]
}
export type Survey = {
  readonly processes: readonly SeenProcess[]
  /** By a process that has it: each mount table once. */
  readonly mountTables: ReadonlyMap<number, string>
  readonly ipcOwners: readonly number[]
}

const kinds = ['mnt', 'net', 'pid', 'user', 'ipc', 'uts', 'cgroup'] as const

/** Everything at once, in one turn of the event loop, so that it is one moment. Zombies hold nothing: not listed. */
export const takeSurvey = (): Survey => {
  const processes: SeenProcess[] = []
  const mountTables = new Map<number, string>()
  const tablesSeen = new Set<string>()
  const own = new Map(kinds.map((kind) => [kind, link('self', kind)]))
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = text(`/proc/${name}/stat`)
    const [state = 'Z', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (stat === '' || state === 'Z' || state === 'X' || isKernelThread(fields)) continue
    const links = kinds.map((kind) => [kind, link(name, kind)] as const)
    const mnt = links[0]?.[1] ?? ''
    if (!tablesSeen.has(mnt)) {
      tablesSeen.add(mnt)
      mountTables.set(Number(name), text(`/proc/${name}/mountinfo`))
    }
    processes.push({
      pid: Number(name),
      name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
      state,
      uids: uidsOf(name),
      startedAt: Number(fields[18]),
      namespaces: links.flatMap(([kind, inode]) => (inode === own.get(kind) ? [] : [inodeOf(inode)])),
    })
  }
  return { processes, mountTables, ipcOwners: ['shm', 'msg', 'sem'].flatMap(ownersOf) }
}

/** Fields after the state: 0 is the parent; kthreadd is 2 and has none. PF_KTHREAD is bit 0x200000 of field 6. */
const isKernelThread = (fields: readonly string[]): boolean => (Number(fields[5]) & 0x200000) !== 0

const link = (pid: string, kind: string): string => {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`)
  } catch {
    return ''
  }
}
const inodeOf = (target: string): number => Number(/\[(\d+)\]/.exec(target)?.[1] ?? -1)

const uidsOf = (pid: string): number[] =>
  (/^Uid:\s+(.*)$/m.exec(text(`/proc/${pid}/status`))?.[1] ?? '').split(/\s+/).filter(Boolean).map(Number)

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

/** Now, in the unit of `startedAt`. */
export const ticksNow = (): number => Math.ceil(Number(text('/proc/uptime').split(' ')[0]) * 100)
