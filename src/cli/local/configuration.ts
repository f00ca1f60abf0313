// The configuration of a work tree as the compiler takes it: the files below `.circleci` (bounded), and an event that
// says "somebody here, on this branch, now".
import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fault } from '../../base/faults.ts'
import { configPaths } from '../../compile/index.ts'
import type { RunEvent } from '../../protocol/plan.ts'
import type { WorkTree } from '../git/work-tree.ts'

const filesMax = 64
/** Of a file that is no YAML. */
const otherBytesMax = 1024 * 1024
const configDirectory = '.circleci'

/** The nearest directory that holds a configuration, from `cwd` up to the work tree's root, else that root. */
export const findProjectRoot = (cwd: string, tree: WorkTree | null): string => {
  const top = tree?.root ?? cwd
  for (let at = cwd; at.length >= top.length; at = dirname(at)) {
    if (configPaths.some((path) => existsSync(join(at, path)))) return at
    if (at === top || at === dirname(at)) break
  }
  return top
}

/**
 * The configuration itself comes first, then what else is YAML: of all no more than `filesMax` are read. What a mapping of
 * path filtering lies in may be called anything.
 */
export const readConfiguration = async (root: string): Promise<ReadonlyMap<string, string>> => {
  const directory = join(root, configDirectory)
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
      throw unreadable(error)
    },
  )
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()
  const first = paths.filter((path) => configPaths.includes(path))
  const read = [...new Set([...first, ...paths.filter(isYaml), ...paths])]
    .slice(0, filesMax)
    .map(async (path) => {
      const text = isYaml(path) ? await readText(join(root, path)) : await readOther(join(root, path))
      return text === null ? [] : [[path, text] as const]
    })
  return new Map((await Promise.all(read)).flat())
}

/** null: it is no mapping, or none for us. */
const readOther = async (path: string): Promise<string | null> => {
  const size = (await stat(path).catch(() => null))?.size ?? 0
  return size > otherBytesMax ? null : readFile(path, 'utf8').catch(() => null)
}

export const readText = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: unknown) => {
    throw unreadable(error)
  })

const unreadable = (cause: unknown) =>
  fault('E_INPUT', { public: `the configuration cannot be read: ${(cause as Error).message}`, cause })

/** `file`: to be read in place of the one that lies there. */
export const readConfigurationWith = async (
  root: string,
  file: string | null,
): Promise<ReadonlyMap<string, string>> => {
  const files = await readConfiguration(root)
  if (file === null) return files
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw fault('E_NOT_FOUND', { public: `there is no configuration ${file}`, cause })
  })
  return new Map([...files, [configPaths[0] ?? file, text]])
}

const isYaml = (path: string): boolean => /\.ya?ml$/.test(path)

export const localEvent = (tree: WorkTree | null): RunEvent => {
  const branch = tree === null ? 'main' : tree.branch
  const tag = tree?.tag ?? null
  const ref = branch !== null ? `refs/heads/${branch}` : tag !== null ? `refs/tags/${tag}` : 'HEAD'
  return { kind: 'local', ref, commit: tree?.commit ?? '0'.repeat(40), branch, tag }
}
