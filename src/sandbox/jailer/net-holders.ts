// Who else holds a network namespace: processes in it, descriptors of it, mounts of it; the answer is an entry of the
// receipt. Asked while our own descriptors of it are open: once they are closed, its inode number is the next one's.
import { readdirSync } from 'node:fs'
import { nameOf, type Survey } from './gone.ts'
import type { GoneCheck } from './gone-check.ts'
import { readKernelLink } from './kernel-file.ts'

export type HeldNamespace = { readonly fd: number; readonly inode: number }

export const findNamespaceHolders = (held: readonly HeldNamespace[], survey: Survey): GoneCheck => {
  const inodes = new Set(held.map(({ inode }) => inode))
  const links = new Set(held.map(({ inode }) => linkTo(inode)))
  const inside = survey.processes
    .filter((seen) => seen.namespaces.some((inode) => inodes.has(inode)))
    .map(({ pid }) => `process ${pid} ${nameOf(pid)}`)
  const own = new Set(held.map(({ fd }) => `${process.pid}/fd/${fd}`))
  const descriptors = ableToOpen(survey)
    .flatMap((pid) => descriptorsOf(pid, links))
    .filter((place) => !own.has(place))
    .map((place) => `process ${place}`)
  const names = [...links].map((link) => ` ${link} `)
  const mounts = [...survey.mountTables]
    .filter(([, table]) => names.some((name) => table.includes(name)))
    .map(([pid]) => `mount of process ${pid}`)
  const holders = [...inside, ...descriptors, ...mounts]
  return {
    check: 'network namespaces held by nobody',
    ok: holders.length === 0,
    detail: holders.join('; ').slice(0, 500),
  }
}

/**
 * The namespace has no name: its descriptors come from ours, which the jailer and its children that are still its user can
 * open. Processes of the job could from inside, and are proven gone by their uid (gone.ts).
 */
const ableToOpen = ({ processes, isOurs }: Survey): readonly number[] =>
  processes.filter(({ uid, pid }) => uid === process.getuid?.() && isOurs(pid)).map(({ pid }) => pid)

const descriptorsOf = (pid: number, links: ReadonlySet<string>): readonly string[] => {
  const directory = `/proc/${pid}/fd`
  try {
    return readdirSync(directory).flatMap((fd) =>
      links.has(readKernelLink(`${directory}/${fd}`)) ? [`${pid}/fd/${fd}`] : [],
    )
  } catch {
    return [] // It ended and holds nothing.
  }
}

/** As the kernel writes what is behind a descriptor, and in mount tables. */
const linkTo = (inode: number): string => `net:[${inode}]`
