// What changed between two looks at a source host. Pure.
import { isFullRef } from '../runs/git-names.ts'

export type RefChange = { readonly ref: string; readonly old: string | null; readonly new: string }
type Refs = readonly { readonly ref: string; readonly commit: string }[]

/** What no list names any more is told as deleted (zeros), unless the list was cut. In the order of the names. */
export const refChanges = (
  known: ReadonlyMap<string, string>,
  seen: Refs,
  { isCut }: { readonly isCut: boolean },
): readonly RefChange[] => {
  const valid = seen.filter(({ ref }) => isFullRef(ref))
  const names = new Set(valid.map(({ ref }) => ref))
  const moved = valid
    .filter(({ ref, commit }) => known.get(ref) !== commit)
    .map(({ ref, commit }) => ({ ref, old: known.get(ref) ?? null, new: commit }))
  const deleted = isCut
    ? []
    : [...known]
        .filter(([ref]) => !names.has(ref))
        .map(([ref, old]) => ({ ref, old, new: '0'.repeat(old.length) }))
  return [...moved, ...deleted].sort((a, b) => (a.ref < b.ref ? -1 : 1))
}
