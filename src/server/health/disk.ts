// How much room is left where the installation keeps things. Full is said before it is: PostgreSQL and the vault stop
// taking what they could not keep, and go on by themselves when there is room again.
import { stat, statfs } from 'node:fs/promises'
import type { SystemStatus } from '../../protocol/api/shapes.ts'
import { limits } from '../limits.ts'
import type { Finding } from './checks.ts'
import { size } from './words.ts'

export type Disk = SystemStatus['disks'][number]

/** One entry for each file system below `paths`, named by the first path on it. */
export const readDisks = async (paths: readonly string[]): Promise<readonly Disk[]> => {
  const disks = new Map<number, Disk>()
  for (const path of paths) {
    const { dev } = await stat(path)
    if (disks.has(dev)) continue
    const { bavail, blocks, bsize } = await statfs(path)
    disks.set(dev, { path, free_bytes: bavail * bsize, total_bytes: blocks * bsize })
  }
  return [...disks.values()]
}

export const judgeDisks = (disks: readonly Disk[]): Finding => {
  const { fullBytes, scarceBytes, scarceShare } = limits.disk
  const isFull = (disk: Disk) => disk.free_bytes < fullBytes
  const isScarce = (disk: Disk) =>
    disk.free_bytes < Math.min(scarceBytes, disk.total_bytes * scarceShare) || isFull(disk)
  const worst = disks.find(isFull) ?? disks.find(isScarce)
  const words = ({ path, free_bytes, total_bytes }: Disk) =>
    `${size(free_bytes)} of ${size(total_bytes)} free at ${path}`
  if (worst === undefined) return { status: 'ok', detail: disks.map(words).join('; ') }
  const mend = `make room: du -xh ${worst.path} | sort -h | tail`
  return isFull(worst)
    ? { status: 'down', detail: `full: ${words(worst)}; nothing new is taken until there is room`, mend }
    : { status: 'weak', detail: words(worst), mend }
}

/** One of them is gone, or on a file system that does not answer: nothing is known of any, which is not that all is well. */
export const silentDisks = (paths: readonly string[]): Finding => ({
  status: 'down',
  detail: `do not answer, or are not there: ${paths.join(', ')}`,
  mend: `df -h ${paths.join(' ')}`,
})
