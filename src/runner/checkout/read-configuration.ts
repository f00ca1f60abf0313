// The configuration at one commit, asked of `git cat-file --batch` object by object: the commit, the trees on the way and
// the files, nothing else, so that it costs the same in a repository of any size. Names end in `^{type}`, which makes
// Git check that an object is what its id says. Everything that comes back is hostile.
import { configFilesMax, readDepthMax } from '../limits.ts'
import { commitWords, type ReadCommit } from './fetched.ts'
import { configurationPath } from './git-scripts.ts'
import type { Inbox } from './inbox.ts'

type ObjectType = 'commit' | 'tree' | 'blob'
type FoundObject = { readonly id: string; readonly content: Buffer }
/** null: there is no such object, or it is not of this type. */
export type Ask = (id: string, type: ObjectType) => Promise<FoundObject | null>

const configDirectory = '.circleci'

/** null: there is no such commit, or no sense in what was said. */
export const readConfiguration = async (
  commit: string,
  say: (line: string) => void,
  inbox: Inbox,
): Promise<ReadCommit | null> => {
  const ask = askOver(say, inbox)
  const found = await ask(commit, 'commit')
  const [, rootId] = /^tree ([0-9a-f]{40})\n/.exec(found?.content.toString('latin1') ?? '') ?? []
  const root = rootId === undefined ? null : await ask(rootId, 'tree')
  if (found === null || root === null) return null
  const files = new Map<string, Uint8Array>()
  const top = entriesOf(root.content).find(({ name, kind }) => name === configDirectory && kind === 'tree')
  if (top !== undefined && !(await readTree(ask, top.id, { path: configDirectory, depth: 0, files })))
    return null
  return { commit: found.id, files, about: commitWords(found.content) }
}

export const askOver =
  (say: (line: string) => void, inbox: Inbox): Ask =>
  async (id, type) => {
    say(`${id}^{${type}}`)
    const line = await inbox.line()
    const [, found, kind, size] = /^([0-9a-f]{40}) (commit|tree|blob) (\d{1,10})$/.exec(line ?? '') ?? []
    if (found === undefined || kind !== type) return null
    const content = await inbox.bytes(Number(size))
    return content === null || (await inbox.line()) !== '' ? null : { id: found, content }
  }

/** The configuration itself, then in Git's order; beyond so many files the rest is left out. */
const readTree = async (
  ask: Ask,
  id: string,
  at: { readonly path: string; readonly depth: number; readonly files: Map<string, Uint8Array> },
): Promise<boolean> => {
  const tree = at.depth > readDepthMax ? null : await ask(id, 'tree')
  if (tree === null) return false
  const entries = entriesOf(tree.content).map((entry) => ({ ...entry, path: `${at.path}/${entry.name}` }))
  const isFirst = ({ path }: { readonly path: string }) => path === configurationPath
  for (const { path, ...entry } of entries.sort((a, b) => Number(isFirst(b)) - Number(isFirst(a)))) {
    if (at.files.size === configFilesMax) return true
    if (entry.kind === 'tree' && !(await readTree(ask, entry.id, { ...at, path, depth: at.depth + 1 })))
      return false
    if (entry.kind !== 'blob') continue
    const blob = await ask(entry.id, 'blob')
    if (blob === null) return false
    at.files.set(path, blob.content)
  }
  return true
}

type Entry = { readonly name: string; readonly kind: 'tree' | 'blob' | 'other'; readonly id: string }

/** Entries whose names are not plain text are no files of ours and are left out. */
const entriesOf = (tree: Buffer): readonly Entry[] => {
  const entries: Entry[] = []
  for (let at = 0; at < tree.length; ) {
    const end = tree.indexOf(0, at)
    if (end === -1 || end + idBytes >= tree.length) break
    const [, mode = '', name = ''] =
      /^(\d{5,6}) ([^/\p{C}\uFFFD]+)$/u.exec(tree.toString('utf8', at, end)) ?? []
    const kind = mode === '40000' ? 'tree' : mode.startsWith('100') ? 'blob' : 'other'
    entries.push({
      name,
      kind: name === '' ? 'other' : kind,
      id: tree.toString('hex', end + 1, end + 1 + idBytes),
    })
    at = end + 1 + idBytes
  }
  return entries
}

const idBytes = 20
