// The files of a project that go into its jobs, or say what they are, for `mayfly run --watch`.
import { readdir } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { configPaths } from '../../compile/index.ts'
import { listFiles, type WorkTree } from '../git/work-tree.ts'
import type { Surroundings } from '../surroundings.ts'

export type WatchedProject = {
  readonly tree: WorkTree | null
  readonly root: string
  /** Files elsewhere that count, too. */
  readonly also: readonly string[]
  /** Directories that the run itself writes into. */
  readonly without: readonly string[]
}

/** Absolute paths. What is ignored, as a dependency or a result, goes into no job. */
export const countingFiles = async (
  around: Surroundings,
  { tree, root, also, without }: WatchedProject,
): Promise<readonly string[]> => {
  const named = tree === null ? await everything(root) : await listed(around, root)
  const own = [...new Set([...named, ...configPaths])].map((path) => join(root, path))
  return [...own.filter((path) => !without.some((directory) => path.startsWith(directory + sep))), ...also]
}

const listed = async (around: Surroundings, root: string): Promise<readonly string[]> => {
  const list = Buffer.from(await listFiles(around, root))
  return list.toString('utf8').split('\0').filter(Boolean)
}

const everything = async (root: string): Promise<readonly string[]> => {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
}
