// Which paths differ between the commit of a run and a base, for path filtering: asked of the source in a cell of its own,
// because nobody knows what history a checkout has brought.
import { changedPathsMax } from '../../protocol/compile.ts'
import type { RunEvent } from '../../protocol/plan.ts'
import type { Source } from '../../protocol/runner-wire.ts'
import { changedPathsBytesMax } from '../limits.ts'
import { changesScript } from './git-scripts.ts'
import { openSourceCell, type Print, refuseSource, type SourceDeps, type SourceKey } from './source-cell.ts'

export type ChangesWant = {
  readonly attempt: string
  readonly source: Source
  readonly key: SourceKey | null
  readonly event: Pick<RunEvent, 'ref' | 'commit'>
  /** A branch, a tag or a commit; empty: the commit before. */
  readonly base: string
  readonly onBase: 'parent' | 'nothing'
}

export type Changes =
  | { readonly ok: true; readonly from: string; readonly paths: readonly string[] }
  | { readonly ok: false; readonly message: string }

export const findChanges = async (
  deps: SourceDeps,
  want: ChangesWant,
  print: Print,
  signal: AbortSignal,
): Promise<Changes> => {
  const { attempt, source, key, event, base, onBase } = want
  if (/\s/.test(`${event.ref}${event.commit}${base}`)) return noSuchBase(base)
  const refused = refuseSource(deps, source)
  if (refused !== null) return refused
  const lines = [`ref ${event.ref}`, `commit ${event.commit}`, `base ${base}`, `on-base ${onBase}`]
  const cell = await openSourceCell(
    deps,
    { attempt, source, script: changesScript, bytesMax: changedPathsBytesMax },
    signal,
  )
  const answer = await cell.ask({ key, lines, print }, signal)
  if (!answer.ok) return answer
  await answer.end()
  return answer.isWhole ? parseChanges(answer.bytes, base) : tooMany(base)
}

const commitForm = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

/** Hostile bytes. Of more paths than are looked at nobody can say what they choose. */
export const parseChanges = (bytes: Uint8Array, base: string): Changes => {
  const text = Buffer.from(bytes).toString('utf8')
  if (text === 'missing\n') return noSuchBase(base)
  const [from = '', ...paths] = text.split('\0')
  if (!commitForm.test(from))
    return { ok: false, message: 'the source host gave an answer that makes no sense' }
  return paths.pop() === '' && paths.length <= changedPathsMax ? { ok: true, from, paths } : tooMany(base)
}

const tooMany = (base: string): Changes => ({
  ok: false,
  message: `more paths differ from "${base}" than the ${changedPathsMax} that are looked at`,
})

const noSuchBase = (base: string): Changes => ({
  ok: false,
  message: `the source has no branch, tag or commit "${base.slice(0, 200)}" to compare with`,
})
