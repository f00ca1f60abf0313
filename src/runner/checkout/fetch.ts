// Fetches one commit of a source. Of a remote one a cell stays behind for the next fetch, with everything but key and
// connection (docs/decisions/0011): building it takes longer than everything around the connection.
import { openCommit, type Source } from '../../protocol/runner-wire.ts'
import { openMs, packBytesMax } from '../limits.ts'
import type { SourceFailure } from './explain.ts'
import { type FetchedCommit, parseFetched } from './fetched.ts'
import { fetchScript } from './git-scripts.ts'
import { openSourceCell, type Print, refuseSource, type SourceDeps, type SourceKey } from './source-cell.ts'
import { createSourceStandby } from './source-standby.ts'

export type FetchWant = {
  readonly attempt: string
  readonly source: Source
  readonly key: SourceKey | null
  readonly ref: string
  readonly commit: string
  /** 0: the whole history of the ref. */
  readonly depth: number
}

/** `end`: as in source-cell.ts. */
export type Fetched =
  | { readonly ok: true; readonly fetched: FetchedCommit; readonly end: () => Promise<unknown> }
  | SourceFailure

export interface Fetchers {
  fetch(want: FetchWant, print: Print, signal: AbortSignal): Promise<Fetched>
  close(): Promise<void>
}

export const createFetchers = (deps: SourceDeps): Fetchers => {
  const cellOf = (source: Source, attempt: string, signal: AbortSignal) =>
    openSourceCell(deps, { attempt, source, script: fetchScript, bytesMax: packBytesMax }, signal)
  const waiting = createSourceStandby({
    ...{ what: 'fetch cell', log: deps.log },
    open: (source) => cellOf(source, 'fetch', AbortSignal.timeout(openMs)),
  })
  const takeOne = async (source: Source) => {
    const cell = source.kind === 'ssh' ? await waiting.take(source) : null
    if (cell === null || cell.isAlive()) return cell
    await cell.close()
    return null
  }
  return {
    fetch: async (want, print, signal) => {
      const { source } = want
      const refused = refuseSource(deps, source)
      if (refused !== null) return refused
      const lines = orderOf(want)
      if (lines === null) return nonsense
      const cell = (await takeOne(source)) ?? (await cellOf(source, want.attempt, signal))
      const answer = await cell.ask({ key: want.key, lines, print }, signal)
      if (!answer.ok) return answer
      const fetched = parseFetched(answer.bytes)
      const isWanted = want.commit === openCommit || fetched?.commit === want.commit
      if (fetched !== null && isWanted) return { ok: true, fetched, end: answer.end }
      await answer.end()
      return nonsense
    },
    close: waiting.close,
  }
}

/** null: a value that no line can hold. */
const orderOf = ({ ref, commit, depth }: FetchWant): readonly string[] | null =>
  /\s/.test(`${ref}${commit}`)
    ? null
    : [`ref ${ref}`, ...(commit === openCommit ? [] : [`commit ${commit}`]), `depth ${depth}`]

const nonsense: SourceFailure = {
  ok: false,
  code: 'E_SOURCE_UNREACHABLE',
  message: 'the source host gave an answer that makes no sense',
}
