// Files that the kernel makes up as they are read (/proc, control groups). They have no size to ask for; the buffer is kept,
// because one walk over /proc reads hundreds. Links there lead to what has no path.
import { closeSync, openSync, readlinkSync, readSync } from 'node:fs'

let bytes = Buffer.allocUnsafe(64 * 1024)

/** Its text, byte for byte (latin1); empty where there is no such file, or no such process any more. */
export const readKernelFile = (path: string): string => {
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

/** What it shows, as `net:[4026531840]`; empty where there is no such link, or no such process any more. */
export const readKernelLink = (path: string): string => {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** The number in such a link. */
export const inodeOf = (link: string): number => Number(link.slice(link.indexOf('[') + 1, -1))
