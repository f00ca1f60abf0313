// A small disk of one test's own: a file, made into a file system and mounted through a loop device. What was ever
// written on it, deleted or not, can then be read from the file in a second or two.
import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type LoopDisk = {
  /** Where it is mounted. */
  readonly directory: string
  /** The file that carries it. */
  readonly image: string
  /** Everything written is in the image. */
  readonly flush: () => void
  readonly close: () => void
}

/** Null where the machine lends no loop device. */
export const openLoopDisk = (bytes: number): LoopDisk | null => {
  const place = mkdtempSync(join(tmpdir(), 'mayfly-disk-'))
  chmodSync(place, 0o711)
  const [image, directory] = [join(place, 'image'), join(place, 'disk')]
  const remove = () => rmSync(place, { recursive: true, force: true })
  mkdirSync(directory)
  const file = openSync(image, 'w', 0o600)
  ftruncateSync(file, bytes)
  closeSync(file)
  try {
    execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', '-E', 'lazy_itable_init=1,nodiscard', image], {
      stdio: 'pipe',
    })
    execFileSync('mount', ['-o', 'loop,nodiscard,nosuid,nodev', image, directory], { stdio: 'pipe' })
  } catch {
    remove()
    return null
  }
  chmodSync(directory, 0o711)
  return {
    directory,
    image,
    flush: () => void execFileSync('sync', ['--file-system', directory]),
    close: () => {
      execFileSync('umount', [directory])
      remove()
    },
  }
}
