// Files written so that a crash leaves the old or the new content, and paths that cannot leave their root.
import { mkdir, open, rename, unlink } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'

/** Writes to a temporary name, fsyncs, renames, fsyncs the directory. `mode` defaults to 0600. */
export const writeFileDurably = async (
  path: string,
  content: string | Uint8Array,
  mode = 0o600,
): Promise<void> => {
  const temporary = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`
  const file = await open(temporary, 'wx', mode)
  try {
    await file.writeFile(content)
    await file.sync()
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    throw error
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  await syncDirectory(dirname(path))
}

export const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

export const ensureDirectory = async (path: string, mode = 0o700): Promise<void> => {
  await mkdir(path, { recursive: true, mode })
}

/** The absolute path of `relative` below `root`, or null when it would leave it. Does not follow links. */
export const resolveInside = (root: string, relative: string): string | null => {
  if (relative.includes('\0')) return null
  const base = resolve(root)
  const path = resolve(join(base, relative))
  return path === base || path.startsWith(base.endsWith(sep) ? base : base + sep) ? path : null
}
