// The runner's tree source: a kept pack or a fresh fetch, unpacked in a cell of the job's sandbox that has neither
// network nor key. And what a plan needs of the same commit, which is less.

import { Readable } from 'node:stream'
import type { RunEvent } from '../../protocol/plan.ts'
import type { Source } from '../../protocol/runner-wire.ts'
import type { GuestPath, StepSpec } from '../../sandbox/index.ts'
import { unpackMs } from '../limits.ts'
import { ownStep } from '../own-step.ts'
import { outputTo, tailStream } from '../sink.ts'
import { sourceAddress } from '../source-address.ts'
import type { TreeSource } from '../tree-source.ts'
import type { SourceFailure } from './explain.ts'
import type { Fetched, Fetchers, FetchWant } from './fetch.ts'
import type { FetchedCommit, ReadCommit } from './fetched.ts'
import { unpackScript } from './git-scripts.ts'
import type { PackStore } from './pack-store.ts'
import type { Print, SourceKey } from './source-cell.ts'
import type { Answered, SourceReaders } from './source-readers.ts'

export type GitTreesDeps = { readonly fetchers: Fetchers; readonly packs: PackStore }

export type GitTreesOf = {
  readonly attempt: string
  readonly project: string
  readonly source: Source
  readonly key: SourceKey | null
  readonly event: RunEvent
}

export const createGitTrees = (deps: GitTreesDeps, of: GitTreesOf): TreeSource => ({
  place: async ({ step, id, at, sandbox, print }, signal) => {
    // What a blobless clone leaves out it fetches later, which a job without a key could not.
    const depth = step.method === 'shallow' ? (step.depth ?? 1) : 0
    const found = await findHistory(deps, of, depth, print, signal)
    if (!found.ok) return found
    const { branch, tag } = of.event
    const history = {
      ...found.fetched,
      pack: [found.fetched.pack],
      url: sourceAddress(of.source),
      branch,
      tag,
    }
    const unpacking = placeHistory({ id, at, sandbox, print }, { ...history, keepsTree: false }, signal)
    const [placed] = await Promise.all([unpacking, found.end()])
    return placed
  },
})

/** Most steps ask for no more than the commit: a history that is too large is no reason to stop the job. */
const findHistory = async (
  deps: GitTreesDeps,
  of: GitTreesOf,
  depth: number,
  print: Print,
  signal: AbortSignal,
): Promise<Fetched> => {
  const found = await findCommit(deps, of, depth, print, signal)
  if (found.ok || depth !== 0 || found.code !== 'E_DISK_FULL') return found
  await print(Buffer.from('the whole history is too large for a checkout: only the commit is fetched\n'))
  return findCommit(deps, of, 1, print, signal)
}

/** A commit with what leads to it, for a repository inside a sandbox. */
export type History = Pick<FetchedCommit, 'commit' | 'shallow' | 'refs'> &
  Pick<RunEvent, 'branch' | 'tag'> & {
    /** Of its `origin`. */
    readonly url: string
    readonly pack: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
    /** The tree that is there stays as it is. */
    readonly keepsTree: boolean
  }

export const placeHistory = async (
  { id, at, sandbox, print }: Omit<Parameters<TreeSource['place']>[0], 'step'>,
  history: History,
  signal: AbortSignal,
): ReturnType<TreeSource['place']> => {
  const words = tailStream(print, 2_000)
  const stdin = Readable.from(unpackInput(history), { objectMode: false })
  const io = { stdin, stdout: outputTo(print), stderr: words.stream }
  const result = await sandbox.exec(unpackStep(id, at, history), io, signal)
  stdin.destroy()
  signal.throwIfAborted()
  if (result.kind === 'exit' && result.code === 0) return { ok: true }
  const last = words.text().trim().split('\n').at(-1)
  return { ok: false, message: last || `checkout ended with ${result.kind}` }
}

/** The branch or tag of the run is where its commit is, wherever the source has it by now. */
const unpackInput = async function* ({
  commit,
  shallow,
  refs,
  branch,
  tag,
  pack,
}: History): AsyncGenerator<Uint8Array> {
  const at = new Map(refs.filter(({ name }) => !isInTheWay(name, branch)).map(({ name, id }) => [name, id]))
  if (branch !== null)
    for (const place of ['remotes/origin', 'heads']) at.set(`refs/${place}/${branch}`, commit)
  else if (tag !== null && !at.has(`refs/tags/${tag}`)) at.set(`refs/tags/${tag}`, commit)
  // Here, as no variable holds so many: a few rounds back from many merges there are thousands.
  const lines = [...[...at].map(([name, id]) => `${name} ${id}`), ...shallow.map((id) => `shallow ${id}`)]
  yield Buffer.from(`${lines.map((line) => `${line}\n`).join('')}\n`)
  yield* pack
}

export type ReadDeps = GitTreesDeps & { readonly readers: SourceReaders }
export type Read =
  | {
      readonly ok: true
      readonly read: ReadCommit
      /** Of a local repository alone: of another one only the commit was fetched. */
      readonly changed?: Answered['changed']
      readonly end: () => Promise<unknown>
    }
  | SourceFailure

/** The configuration at the commit: of a local repository without its tree, which only a checkout fetches. */
export const readCommit = async (
  deps: ReadDeps,
  of: GitTreesOf,
  print: Print,
  signal: AbortSignal,
  /** More than the commit itself is fetched where a checkout wants it anyway. */
  depth = 1,
): Promise<Read> => {
  const { source, event } = of
  const answered = source.kind === 'local' ? await deps.readers.read(source, event, signal) : null
  if (answered !== null) return { ok: true, ...answered }
  const found = await findHistory(deps, of, depth, print, signal)
  return found.ok ? { ok: true, read: found.fetched, end: found.end } : found
}

/** The commit from memory, else from the source; what was fetched is kept for the other jobs of the run. */
const findCommit = async (
  deps: GitTreesDeps,
  of: GitTreesOf,
  depth: number,
  print: Print,
  signal: AbortSignal,
): Promise<Fetched> => {
  const { event } = of
  const name = { project: of.project, commit: event.commit, depth }
  const kept = deps.packs.find(name) ?? (await deps.packs.coming(name, signal))
  if (kept !== null) return { ok: true, fetched: kept, end: async () => undefined }
  const want: FetchWant = { ...of, ref: event.ref, commit: event.commit, depth }
  const fetching = deps.fetchers.fetch(want, print, signal)
  deps.packs.expect(
    name,
    fetching.then((answer) => (answer.ok ? answer.fetched : null)),
  )
  return fetching
}

/** `a/b` and `a` cannot both be there; the source may have made the one since it lost the other. */
const isInTheWay = (name: string, branch: string | null): boolean => {
  const own = `refs/remotes/origin/${branch ?? ''}/`
  return branch !== null && (name.startsWith(own) || own.startsWith(`${name}/`))
}

const unpackStep = (id: string, at: GuestPath, of: History): StepSpec => ({
  id,
  kind: 'checkout',
  cell: 'shared',
  script: { interpreter: ['/bin/sh'], text: unpackScript },
  env: new Map([
    ['MF_AT', at],
    ['MF_URL', of.url],
    ['MF_COMMIT', of.commit],
    ['MF_BRANCH', of.branch ?? ''],
    ['MF_KEEP', of.keepsTree ? 'yes' : ''],
  ]),
  ...ownStep,
  deadline: unpackMs,
})
