// Control groups that an ordinary user was given: a systemd unit of his with `Delegate=yes`, or a subtree that root made
// for him. In them jobs are limited, counted and killed as they are with root (isolation.md §2.4).
import { accessSync, constants, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CgroupLayout, needed } from './cgroup.ts'
import { readProcessStat } from './process-stat.ts'

/**
 * What of `layout` is ours to make groups in; null where that limits not all of what has to be limited. `starter` is the
 * process that started us.
 */
export const findDelegated = (layout: CgroupLayout, starter: number): CgroupLayout | null => {
  const given = [...layout.directories].filter(([, directory]) => isGiven(directory, layout.kind))
  const directories = new Map(given)
  if (!needed.every((controller) => directories.has(controller))) return null
  // Version 2 has no groups below one with processes: all that are in ours move aside, so they have to be ours.
  const isShared = (directory: string) => !isOnlyFrom(starter, directory)
  if (layout.kind === 'v2' && [...new Set(directories.values())].some(isShared)) return null
  return { ...layout, directories }
}

const isGiven = (directory: string, kind: CgroupLayout['kind']): boolean =>
  ['.', ...(kind === 'v2' ? ['cgroup.procs', 'cgroup.subtree_control'] : [])].every((name) =>
    canWrite(join(directory, name)),
  )

const canWrite = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Nobody else is in it: in a terminal there would be the shell that somebody types into. */
const isOnlyFrom = (starter: number, directory: string): boolean =>
  readFileSync(join(directory, 'cgroup.procs'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .every((pid) => isFrom(Number(pid), starter))

const isFrom = (pid: number, ancestor: number): boolean => {
  for (let at = pid; at > 1; ) {
    if (at === ancestor) return true
    const stat = readProcessStat(at)
    // Gone meanwhile: whom it was from is nobody's question any more.
    if (stat === null) return true
    at = stat.parent
  }
  return false
}
