// The tree source of `mayfly run`: a checkout step gets a copy of the work tree as it is now, tracked files and
// untracked ones that are not ignored, in a repository of its own with the history of the commit. Nothing is mounted, and
// of `.git` only objects, branches and tags go in.
import { PassThrough, type Readable } from 'node:stream'
import { isFault } from '../../base/faults.ts'
import { placeHistory, type RefLine, type TreeSource } from '../../runner/index.ts'
import { spawn } from '../../sys/index.ts'
import { openHistory, wholeHistory } from '../git/history.ts'
import { listFiles, listRepositories, type WorkTree } from '../git/work-tree.ts'
import { inertText } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'

export const createWorkTreeSource = (
  around: Surroundings,
  tree: WorkTree | null,
  root: string,
): TreeSource => ({
  place: async ({ id, at, sandbox, print }, signal) => {
    const list = tree === null ? null : await listFiles(around, root).catch(inWords)
    if (typeof list === 'string') return { ok: false, message: list }
    const say = (text: string) => print(Buffer.from(inertText`${text}\n`))
    await say(`copying the work tree ${root} (without ignored files)`)
    const tar = openTar(root, list, signal)
    await sandbox.copyIn(tar.stream, at, signal)
    const { problem, notes } = await tar.ended
    if (problem !== null) return { ok: false, message: problem }
    const { submodules, others } = await foreignIn(around, root, list)
    const empty = [named(ofSubmodules, submodules), named(ofOthers, others)]
    for (const words of [...notes, ...empty.flat()]) await say(words)
    // A part of a work tree is in no repository of its own, and before the first commit there is none to be on.
    if (tree?.root !== root || /^0+$/.test(tree.commit)) return { ok: true }
    const put = async (refs: readonly RefLine[] | null) => {
      const stop = new AbortController()
      const history = openHistory(around, tree, refs, AbortSignal.any([signal, stop.signal]))
      const { branch, tag, remote } = tree
      const all = { ...history, branch, tag, url: remote ?? root, keepsTree: true }
      return placeHistory({ id, at, sandbox, print }, all, signal).finally(() => stop.abort())
    }
    const refs = await wholeHistory(around, tree)
    const placed = await put(refs)
    if (placed.ok || refs === null) return placed
    await say('the history of the work tree is not whole: only its commit goes along')
    return put(null)
  },
})

const ofSubmodules =
  'submodules are empty, as after any checkout, until a step says `git submodule update --init`'
const ofOthers = 'what lies in other repositories stays outside'
const namedMax = 10

const named = (what: string, paths: readonly string[]): readonly string[] => {
  const more = paths.length - namedMax
  const names = [...paths.slice(0, namedMax), ...(more > 0 ? [`${more} more`] : [])]
  return paths.length === 0 ? [] : [`${what}: ${names.join(', ')}`]
}

const foreignIn = async (around: Surroundings, root: string, list: Uint8Array | null) =>
  list === null ? { submodules: [], others: [] } : listRepositories(around, root, list)

const inWords = (error: unknown): string => {
  if (isFault(error)) return error.public
  throw error
}

/** `list` null: everything. A file that vanishes while tar reads is no failure; one that nobody may read is said. */
const openTar = (
  root: string,
  list: Uint8Array | null,
  signal: AbortSignal,
): { readonly stream: Readable; readonly ended: Promise<Ended> } => {
  const what = list === null ? ['.'] : ['--null', '--verbatim-files-from', '--no-recursion', '--files-from=-']
  const args = [
    '--create',
    '--file=-',
    '--format=pax',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--ignore-failed-read',
    `--directory=${root}`,
  ]
  const child = spawn('tar', [...args, ...what], { stdio: ['pipe', 'pipe', 'pipe'], signal })
  const words: Buffer[] = []
  child.stderr?.on('data', (chunk: Buffer) => words.push(chunk))
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(list ?? undefined)
  const ended = new Promise<Ended>((resolve) => {
    child.once('error', (error) => resolve({ problem: String(error), notes: [] }))
    child.once('close', (code) => {
      const said = Buffer.concat(words).toString()
      const notes = said.split('\n').filter((line) => line.endsWith(': Permission denied'))
      resolve(code === 0 || code === 1 ? { problem: null, notes } : { problem: `tar: ${said}`, notes: [] })
    })
  })
  if (child.stdout === null) throw new TypeError('tar without stdout')
  // When a child exits, Node drains whatever of its output nobody reads yet: the cell may not be there by then.
  return { stream: child.stdout.pipe(new PassThrough()), ended }
}

type Ended = { readonly problem: string | null; readonly notes: readonly string[] }
