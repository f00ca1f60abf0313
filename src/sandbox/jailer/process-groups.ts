// In place of control groups where there are none for us (isolation.md §2.4): who is in a nest is known by the process
// namespaces of its cells, which the kernel empties when their first process ends. Nothing is limited or measured here;
// what still is, is said in host.ts. A descriptor keeps each namespace's number from becoming a stranger's meanwhile.
import { closeSync, fstatSync, openSync, readdirSync, statSync } from 'node:fs'
import type { Group, Groups } from './cgroup.ts'
import { readProcessStat } from './process-stat.ts'

export const openProcessGroups = (): Groups => ({
  layout: { kind: 'none', directories: new Map() },
  parents: [],
  directoriesOf: () => [],
  create: createProcessGroup,
  release: async () => undefined,
})

type Held = { readonly first: number; readonly fd: number; readonly inode: number }

const createProcessGroup = (): Group => {
  const held = new Map<number, Held>()
  /** By namespace. One that is empty will never have a process again. */
  const living = (): ReadonlyMap<number, readonly number[]> => {
    const found = findByNamespace(new Set(held.keys()))
    for (const { inode, fd } of [...held.values()])
      if (!found.has(inode)) {
        closeSync(fd)
        held.delete(inode)
      }
    return found
  }
  const processes = (): readonly number[] =>
    [...living()].flatMap(([inode, pids]) => {
      const first = held.get(inode)?.first ?? -1
      return pids.includes(first) ? [parentOf(first), ...pids] : pids
    })
  return {
    directories: [],
    enter: [],
    joined: (pid) => {
      const namespace = holdNamespace(pid)
      if (namespace !== null) held.set(namespace.inode, namespace)
    },
    limit: () => undefined,
    processes,
    processesOfOne: processes,
    isEmpty: () => living().size === 0,
    kill: async () => {
      // SAFE: seen a moment ago in a namespace that is ours alone; with the first of it the kernel ends all.
      for (const pids of living().values()) for (const pid of pids) killQuietly(pid)
    },
    remove: async () => living().size === 0,
    usage: () => ({ peakMemory: 0, cpuSeconds: 0, peakPids: 0, oomKills: 0, throttledMs: 0, memory: null }),
  }
}

/** Null when it has ended already. */
const holdNamespace = (pid: number): Held | null => {
  try {
    const fd = openSync(`/proc/${pid}/ns/pid`, 'r')
    return { first: pid, fd, inode: fstatSync(fd).ino }
  } catch {
    return null
  }
}

const findByNamespace = (inodes: ReadonlySet<number>): ReadonlyMap<number, readonly number[]> => {
  const found = new Map<number, number[]>()
  if (inodes.size === 0) return found
  for (const name of readdirSync('/proc')) {
    const inode = /^\d+$/.test(name) ? namespaceOf(name) : null
    if (inode === null || !inodes.has(inode) || readProcessStat(Number(name))?.hasEnded !== false) continue
    found.set(inode, [...(found.get(inode) ?? []), Number(name)])
  }
  return found
}

/** Null for what is gone, and for processes of others, who are in no namespace of ours. */
const namespaceOf = (pid: string): number | null => {
  try {
    return statSync(`/proc/${pid}/ns/pid`).ino
  } catch {
    return null
  }
}

/** bubblewrap's outer process, of a first process that was just seen. */
const parentOf = (pid: number): number => readProcessStat(pid)?.parent ?? pid

const killQuietly = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // Already gone.
  }
}
