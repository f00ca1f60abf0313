// What the kernel says of the gateway's network namespace from outside: its table of interfaces, opened while a process
// was in it and read again as often as wanted. It keeps the namespace until closed, and asking starts no process.
import { closeSync, openSync, readSync } from 'node:fs'

export interface NetView {
  /** The gateway's ends of links to jobs. */
  links(): readonly string[]
  close(): void
}

/** `directory` is the /proc directory of a process inside. */
export const openNetView = (directory: string): NetView => {
  const table = openSync(`${directory}/net/dev`, 'r')
  return {
    links: () => textOf(table).match(/\bg\d+(?=:)/g) ?? [],
    close: () => closeSync(table),
  }
}

/** Position 0 makes the kernel write the table anew. */
const textOf = (file: number): string => {
  const chunks: Buffer[] = []
  let size = 0
  for (let got = -1; got !== 0; size += got) {
    const chunk = Buffer.allocUnsafe(16 * 1024)
    got = readSync(file, chunk, 0, chunk.length, size)
    chunks.push(chunk.subarray(0, got))
  }
  return Buffer.concat(chunks).toString('latin1')
}
