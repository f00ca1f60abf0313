// What the kernel says of a network namespace from outside: its files of /proc/net, opened while a process was in it
// and read again as often as wanted. They keep the namespace until closed, and asking starts no process.
import { closeSync, openSync, readSync } from 'node:fs'

export interface NetView {
  /** Links to other namespaces; sockets that somebody holds, told only when no link is left: reading them costs more. */
  leftovers(): readonly string[]
  close(): void
}

const bytesMax = 64 * 1024

/** `directory` is the /proc directory of a process inside. */
export const openNetView = (directory: string): NetView => {
  const files: number[] = []
  const close = () => {
    for (const fd of files.splice(0)) closeSync(fd)
  }
  try {
    for (const name of ['dev', 'tcp', 'udp']) files.push(openSync(`${directory}/net/${name}`, 'r'))
  } catch (error) {
    close()
    throw error
  }
  const leftovers = () => {
    const [dev, ...tables] = files
    if (dev === undefined) return ['closed']
    const links = linesOf(dev).filter((line) => /^\s*g\d+:/.test(line))
    return links.length > 0 ? links : tables.flatMap(linesOf).filter(isHeldSocket)
  }
  return { leftovers, close }
}

/** With an owner: an inode of 0 is a mere TIME_WAIT. */
const isHeldSocket = (line: string): boolean => {
  const fields = line.trim().split(/\s+/)
  return /^\d+:$/.test(fields[0] ?? '') && fields[9] !== '0'
}

/** Position 0 makes the kernel write the table anew. What is beyond the bound does not matter: one line is too many. */
const linesOf = (fd: number): readonly string[] => {
  const bytes = Buffer.allocUnsafe(bytesMax)
  let size = 0
  for (let got = -1; got !== 0 && size < bytesMax; size += got)
    got = readSync(fd, bytes, size, bytesMax - size, size)
  return bytes.toString('latin1', 0, size).split('\n')
}
