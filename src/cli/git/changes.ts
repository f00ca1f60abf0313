// Which paths of a work tree differ from a base, as path filtering asks: committed, uncommitted and new ones, because all of
// them go into a local run.
import { isFault } from '../../base/faults.ts'
import type { Surroundings } from '../surroundings.ts'
import { git, gitOutput, type WorkTree, withoutFilters } from './work-tree.ts'

export type TreeChanges =
  | { readonly ok: true; readonly from: string; readonly paths: readonly string[] }
  | { readonly ok: false; readonly message: string }

type Base = { readonly base: string; readonly onBase: 'parent' | 'nothing' }

export const treeChanges = (around: Surroundings, tree: WorkTree, base: Base): Promise<TreeChanges> =>
  compared(around, tree, base).catch((error: unknown) => {
    if (isFault(error)) return { ok: false, message: error.public }
    throw error
  })

const compared = async (
  around: Surroundings,
  { root }: WorkTree,
  { base, onBase }: Base,
): Promise<TreeChanges> => {
  const ask = (...args: readonly string[]) => git(around, root, args)
  const commitOf = (name: string) =>
    ask('rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`)
  const named = base === '' ? 'HEAD' : base
  const found = (await commitOf(`refs/remotes/origin/${named}`)) ?? (await commitOf(named))
  const head = await commitOf('HEAD')
  if (found === null || head === null)
    return { ok: false, message: `there is no branch, tag or commit "${named}" here to compare with` }
  const parted = (await ask('merge-base', found, head)) ?? found
  const uncommitted = await pathsSince(around, root, head)
  // What is not committed yet would be a commit of its own, on top of this one.
  const isOnBase = parted === head && uncommitted.length === 0
  if (!isOnBase) return { ok: true, from: parted, paths: await pathsSince(around, root, parted) }
  if (onBase === 'nothing') return { ok: true, from: head, paths: [] }
  const from = (await commitOf(`${head}^`)) ?? (await ask('hash-object', '-t', 'tree', '/dev/null')) ?? head
  return { ok: true, from, paths: await pathsSince(around, root, from) }
}

/** What changed inside of a submodule is its own affair, as are the programs that its configuration names. */
const between = ['--name-only', '-z', '--no-renames', '--no-ext-diff', '--ignore-submodules=dirty']

const pathsSince = async (around: Surroundings, root: string, from: string): Promise<readonly string[]> => {
  const unfiltered = await withoutFilters(around, root)
  const [tracked, others] = await Promise.all([
    gitOutput(unfiltered, root, ['diff', ...between, from, '--']),
    gitOutput(around, root, ['ls-files', '-z', '--others', '--exclude-standard']),
  ])
  const paths = [tracked, others].flatMap((listed) => listed.toString('utf8').split('\0'))
  return [...new Set(paths.filter((path) => path !== ''))]
}
