// The FIFOs of one set (`pro`, `in`, `out`, `err`), opened by the jailer in a directory only root can change, so no name
// can be a link of the job's. Opening never blocks; nothing is ever read or written here.
import { closeSync, constants, openSync } from 'node:fs'
import { type Parcel, parcelOf } from '../pipes.ts'

const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK, O_NOFOLLOW } = constants

/** Runner's end of something the job writes: end of file comes when the last writer inside has closed. */
export const openForReading = (path: string): Parcel =>
  parcelOf(openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW))

/**
 * Runner's end of something the job reads and may open later. Read and write, because a FIFO without any reader
 * refuses bytes and one that everybody closed forgets them; the runner never reads, and closes when the job has
 * opened its side.
 */
export const openForWriting = (path: string): Parcel =>
  parcelOf(openSync(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW))

/**
 * Keeps a FIFO alive until the job opens it, however early the runner closes. The job sees no end of the file before
 * `release`: what it reads there says itself where it ends.
 */
export const hold = (path: string): (() => void) => {
  const fd = openSync(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW)
  return () => closeSync(fd)
}

/** Runner's end where the job's end is open already. */
export const openWriteOnly = (path: string): Parcel =>
  parcelOf(openSync(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW))
