// The tree source of `mayfly run`: a checkout step gets a copy of the work tree as it is now, tracked files and
// untracked ones that are not ignored. Nothing is mounted, nothing of `.git` goes in.
import { PassThrough, type Readable } from 'node:stream'
import type { TreeSource } from '../../runner/index.ts'
import { spawn } from '../../sys/index.ts'
import { listFiles, type WorkTree } from '../git/work-tree.ts'
import type { Surroundings } from '../surroundings.ts'

export const createWorkTreeSource = (
  around: Surroundings,
  tree: WorkTree | null,
  root: string,
): TreeSource => ({
  place: async ({ at, sandbox, print }, signal) => {
    const list = tree === null ? null : await listFiles(around, root)
    await print(Buffer.from(`copying the work tree ${root} (without .git and ignored files)\n`))
    const tar = openTar(root, list, signal)
    await sandbox.copyIn(tar.stream, at, signal)
    const problem = await tar.problem
    return problem === null ? { ok: true } : { ok: false, message: problem }
  },
})

/** `list` null: everything. A file that vanishes while tar reads is no failure. */
const openTar = (
  root: string,
  list: Uint8Array | null,
  signal: AbortSignal,
): { readonly stream: Readable; readonly problem: Promise<string | null> } => {
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
  const problem = new Promise<string | null>((resolve) => {
    child.once('error', (error) => resolve(String(error)))
    child.once('close', (code) =>
      resolve(code === 0 || code === 1 ? null : `tar: ${Buffer.concat(words).toString()}`),
    )
  })
  if (child.stdout === null) throw new TypeError('tar without stdout')
  // When a child exits, Node drains whatever of its output nobody reads yet: the cell may not be there by then.
  return { stream: child.stdout.pipe(new PassThrough()), problem }
}
