// Who still holds a network namespace: processes in it, descriptors of it, mounts of it. Asked of the kernel through
// /proc after a network was closed; the answer is an entry of the receipt.
import { readdir, readFile, readlink } from 'node:fs/promises'
import type { GoneCheck } from './gone-check.ts'

/** One reading of /proc for all inodes. Processes that end meanwhile hold nothing. */
export const findNamespaceHolders = async (inodes: readonly number[]): Promise<GoneCheck> => {
  const names = new Set(inodes.map((inode) => `net:[${inode}]`))
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const holders = (await Promise.all(pids.map((pid) => heldBy(pid, names)))).flat()
  const mounts = await readFile('/proc/self/mountinfo', 'utf8')
  for (const line of mounts.split('\n'))
    if ([...names].some((name) => line.includes(` ${name} `))) holders.push(`mount ${line}`)
  return {
    check: 'network namespaces held by nobody',
    ok: holders.length === 0,
    detail: holders.join('; ').slice(0, 500),
  }
}

const heldBy = async (pid: string, names: ReadonlySet<string>): Promise<string[]> => {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
  const links = ['ns/net', 'ns/pid_for_children', ...descriptors.map((fd) => `fd/${fd}`)]
  const targets = await Promise.all(links.map((link) => readlink(`/proc/${pid}/${link}`).catch(() => '')))
  return links.filter((_, i) => names.has(targets[i] ?? '')).map((link) => `process ${pid} ${link}`)
}
