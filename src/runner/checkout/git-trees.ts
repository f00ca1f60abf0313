// The runner's tree source: a kept pack or a fresh fetch, unpacked in a cell of the job's sandbox that has neither
// network nor key. And what a plan needs of the same commit, which is less.
import { Readable } from 'node:stream'
import type { RunEvent } from '../../protocol/plan.ts'
import type { Source } from '../../protocol/runner-wire.ts'
import type { StepSpec } from '../../sandbox/index.ts'
import { unpackMs } from '../limits.ts'
import { outputTo, tailStream } from '../sink.ts'
import { sourceAddress } from '../source-address.ts'
import type { TreeSource } from '../tree-source.ts'
import type { SourceFailure } from './explain.ts'
import type { Fetched, Fetchers, FetchWant } from './fetch.ts'
import type { FetchedCommit, ReadCommit } from './fetched.ts'
import { unpackScript } from './git-scripts.ts'
import type { PackStore } from './pack-store.ts'
import type { Print, SourceKey } from './source-cell.ts'
import type { SourceReaders } from './source-readers.ts'

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
    const depth = step.method === 'full' ? 0 : (step.depth ?? 1)
    const found = await findCommit(deps, of, depth, print, signal)
    if (!found.ok) return found
    const { fetched } = found
    const words = tailStream(print, 2_000)
    const unpacking = sandbox.exec(
      unpackStep({ id, at, fetched, of }),
      { stdin: Readable.from([fetched.pack]), stdout: outputTo(print), stderr: words.stream },
      signal,
    )
    const [result] = await Promise.all([unpacking, found.end()])
    signal.throwIfAborted()
    if (result.kind === 'exit' && result.code === 0) return { ok: true }
    const last = words.text().trim().split('\n').at(-1)
    return { ok: false, message: last || `checkout ended with ${result.kind}` }
  },
})

export type ReadDeps = GitTreesDeps & { readonly readers: SourceReaders }
export type Read =
  | { readonly ok: true; readonly read: ReadCommit; readonly end: () => Promise<unknown> }
  | SourceFailure

/** The configuration at the commit: of a local repository without its tree, which only a checkout fetches. */
export const readCommit = async (
  deps: ReadDeps,
  of: GitTreesOf,
  print: Print,
  signal: AbortSignal,
): Promise<Read> => {
  const { source, event } = of
  const answered = source.kind === 'local' ? await deps.readers.read(source, event, signal) : null
  if (answered !== null) return { ok: true, ...answered }
  const found = await findCommit(deps, of, 1, print, signal)
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

const unpackStep = (what: {
  readonly id: string
  readonly at: `/${string}`
  readonly fetched: FetchedCommit
  readonly of: GitTreesOf
}): StepSpec => ({
  id: what.id,
  kind: 'checkout',
  cell: 'shared',
  script: { interpreter: ['/bin/sh'], text: unpackScript },
  env: new Map([
    ['MF_AT', what.at],
    ['MF_URL', sourceAddress(what.of.source)],
    ['MF_COMMIT', what.fetched.commit],
    ['MF_SHALLOW', what.fetched.shallow.join(' ')],
    ['MF_BRANCH', what.of.event.branch ?? ''],
    ['MF_TAG', what.of.event.tag ?? ''],
  ]),
  workdir: '/',
  take: [],
  socket: null,
  egress: null,
  tty: null,
  deadline: unpackMs,
})
