// Files written so that a crash leaves the old or the new content, and paths that cannot leave their root.
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, rename, stat, unlink } from 'node:fs/promises'
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

type User = { readonly uid: number; readonly gid: number }

/** A plain file by no other name: in a directory of somebody else, who may have put a link there to what is not his. */
const withPlainFile = async <T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> => {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const found = await file.stat()
    if (!found.isFile() || found.nlink !== 1) throw new Error(`${path} is no plain file`)
    return await work(file)
  } finally {
    await file.close()
  }
}

/** Its text, if it is his. */
export const readFileOf = (path: string, { uid }: Pick<User, 'uid'>): Promise<string> =>
  withPlainFile(path, async (file) => {
    if ((await file.stat()).uid !== uid) throw new Error(`${path} belongs to somebody else`)
    return file.readFile('utf8')
  })

/** Makes it his. */
export const giveFile = (path: string, { uid, gid }: User): Promise<void> =>
  withPlainFile(path, async (file) => {
    if ((await file.stat()).uid !== uid) await file.chown(uid, gid)
  })

/** The disk, or what its owner may have of it. */
export const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')

export const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** With those it lies in. Node's own `recursive` turns in a circle for ever where nothing can be made, as below /proc. */
export const ensureDirectory = async (path: string, mode = 0o700): Promise<void> => {
  const make = () => mkdir(path, { mode }).catch((error: NodeJS.ErrnoException) => unlessThere(path, error))
  try {
    await make()
  } catch (error) {
    const parent = dirname(path)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error
    await ensureDirectory(parent, mode)
    await make()
  }
}

const unlessThere = async (path: string, error: NodeJS.ErrnoException): Promise<void> => {
  if (error.code === 'EEXIST' && (await stat(path)).isDirectory()) return
  throw error
}

/** The absolute path of `relative` below `root`, or null when it would leave it. Does not follow links. */
export const resolveInside = (root: string, relative: string): string | null => {
  if (relative.includes('\0')) return null
  const base = resolve(root)
  const path = resolve(join(base, relative))
  return path === base || path.startsWith(base.endsWith(sep) ? base : base + sep) ? path : null
}
