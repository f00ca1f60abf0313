// The history of a work tree, as a checkout in a sandbox gets it: the commit it stands on with what leads to it, branches of
// `origin` and tags, as one pack. Nothing of the repository's configuration or hooks goes along.
import { PassThrough, type Readable } from 'node:stream'
import { parseRef, type RefLine } from '../../runner/index.ts'
import { spawn } from '../../sys/index.ts'
import type { Surroundings } from '../surroundings.ts'
import { gitBytes, gitCommand, type WorkTree } from './work-tree.ts'

export type LocalHistory = {
  readonly commit: string
  readonly refs: readonly RefLine[]
  readonly shallow: readonly string[]
  /** Ends early where objects are missing. */
  readonly pack: Readable
}

/** A larger one costs more at each checkout than most jobs ask of it. */
const wholeKibMax = 64 * 1024
const refsMax = 10_000

/** `refs` null: the commit alone. Git ends with `signal`. */
export const openHistory = (
  around: Surroundings,
  { root, commit }: Pick<WorkTree, 'root' | 'commit'>,
  refs: readonly RefLine[] | null,
  signal: AbortSignal,
): LocalHistory => {
  const shallow = refs === null ? [commit] : []
  const asked = [...shallow.map((id) => `--shallow ${id}`), commit, ...(refs ?? []).map(({ id }) => id)]
  const { args, options } = gitCommand(around, root, ['pack-objects', '--revs', '--stdout', '--quiet'])
  const child = spawn('git', args, { ...options, stdio: ['pipe', 'pipe', 'ignore'], signal })
  child.on('error', () => undefined)
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(`${asked.join('\n')}\n`)
  if (child.stdout === null) throw new TypeError('git without stdout')
  return { commit, refs: refs ?? [], shallow, pack: child.stdout.pipe(new PassThrough()) }
}

/** Branches of `origin` and tags where the whole history can go along, else null. */
export const wholeHistory = async (
  around: Surroundings,
  { root }: Pick<WorkTree, 'root'>,
): Promise<readonly RefLine[] | null> => ((await isWhole(around, root)) ? readRefs(around, root) : null)

/** Whether all of it is here and not too much; Git would ask the source for what a partial clone lacks. */
const isWhole = async (around: Surroundings, root: string): Promise<boolean> => {
  const [shallow, promisor, count] = await Promise.all([
    gitBytes(around, root, ['rev-parse', '--is-shallow-repository']),
    gitBytes(around, root, ['config', '--get-regexp', '^remote\\..*\\.promisor$']),
    gitBytes(around, root, ['count-objects', '-v']),
  ])
  const kib = (name: string) =>
    Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(count.stdout.toString())?.[1])
  return (
    shallow.stdout.toString().trim() === 'false' &&
    promisor.stdout.length === 0 &&
    kib('size') + kib('size-pack') <= wholeKibMax
  )
}

const readRefs = async (around: Surroundings, root: string): Promise<readonly RefLine[]> => {
  const format = '--format=%(if)%(symref)%(then)%(else)%(objectname) %(refname)%(end)'
  const args = ['for-each-ref', `--count=${refsMax}`, format, 'refs/remotes/origin', 'refs/tags']
  const listed = await gitBytes(around, root, args)
  return listed.stdout
    .toString('utf8')
    .split('\n')
    .flatMap((line) => parseRef(line) ?? [])
}
