// Which files differ between two commits, asked of `git cat-file --batch` tree by tree: only directories that differ are
// opened, so that it costs what was changed and not what is there. Everything that comes back is hostile, and bounded.
import { type ChangedFile, type ChangedFiles, changedFilesMax } from '../../protocol/changed-files.ts'
import type { Ask } from './read-configuration.ts'

/** Trees that are opened, of both commits together. */
const treesMax = 400

/** `base` null: the first parent of the commit. null: nobody can tell. */
export const findChangedFiles = async (
  ask: Ask,
  commit: string,
  base: string | null,
): Promise<ChangedFiles | null> => {
  const head = await rootOf(ask, commit)
  const from = base ?? head?.parent ?? null
  const before = from === null ? null : await rootOf(ask, from)
  if (head === null || from === null || before === null) return null
  const walk: Walk = { ask, files: [], treesLeft: treesMax, more: false }
  if (head.tree !== before.tree && !(await compareTrees(walk, [before.tree, head.tree], ''))) return null
  return { base: from, of: base === null ? 'commit' : 'push', files: walk.files, more: walk.more }
}

const rootOf = async (
  ask: Ask,
  commit: string,
): Promise<{ readonly tree: string; readonly parent: string | null } | null> => {
  const found = await ask(commit, 'commit')
  const [, tree, parent] =
    /^tree ([0-9a-f]{40})\n(?:parent ([0-9a-f]{40})\n)?/.exec(found?.content.toString('latin1') ?? '') ?? []
  return tree === undefined ? null : { tree, parent: parent ?? null }
}

type Walk = { readonly ask: Ask; readonly files: ChangedFile[]; treesLeft: number; more: boolean }
type Entry = { readonly id: string; readonly mode: string }
type Side = Entry | undefined
/** null: there is no directory on this side. */
type Trees = readonly [before: string | null, after: string | null]

/** false: an answer made no sense. */
const compareTrees = async (walk: Walk, [old, fresh]: Trees, at: string): Promise<boolean> => {
  walk.treesLeft -= 2
  if (walk.treesLeft < 0) {
    walk.more = true
    return true
  }
  const before = await entriesOf(walk.ask, old)
  const after = await entriesOf(walk.ask, fresh)
  if (before === null || after === null) return false
  for (const name of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [was, is] = [before.get(name), after.get(name)]
    if (was?.id === is?.id && was?.mode === is?.mode) continue
    const path = at + name
    tellFile(walk, path, isTree(was) ? undefined : was, isTree(is) ? undefined : is)
    const trees = [isTree(was) ? was.id : null, isTree(is) ? is.id : null] as const
    if (
      (trees[0] !== null || trees[1] !== null) &&
      !walk.more &&
      !(await compareTrees(walk, trees, `${path}/`))
    )
      return false
    if (walk.more) return true
  }
  return true
}

const isTree = (side: Side): side is Entry => side?.mode === '40000'

const tellFile = (walk: Walk, name: string, was: Side, is: Side): void => {
  if (was === undefined && is === undefined) return
  const path = Buffer.from(name, 'latin1').toString('utf8')
  if (walk.files.length === changedFilesMax.files || path.length > changedFilesMax.path) walk.more = true
  else
    walk.files.push({ path, change: was === undefined ? 'added' : is === undefined ? 'removed' : 'changed' })
}

const idBytes = 20

/** By name as its bytes are. */
const entriesOf = async (ask: Ask, tree: string | null): Promise<ReadonlyMap<string, Entry> | null> => {
  const entries = new Map<string, Entry>()
  if (tree === null) return entries
  const found = await ask(tree, 'tree')
  if (found === null) return null
  const { content } = found
  for (let at = 0; at < content.length; ) {
    const end = content.indexOf(0, at)
    const head = end === -1 ? null : /^(\d{5,6}) ([^/]+)$/s.exec(content.toString('latin1', at, end))
    if (head?.[1] === undefined || head[2] === undefined || end + idBytes >= content.length) return null
    entries.set(head[2], { mode: head[1], id: content.toString('hex', end + 1, end + 1 + idBytes) })
    at = end + 1 + idBytes
  }
  return entries
}
