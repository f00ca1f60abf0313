// How many pages of a long list somebody fetched, kept with the entry of the history: who comes back, also after a reload, finds the
// list as long as it was. Told apart by the words that the list was asked for with: another list begins with its first page.
import { pagesBackMax } from '../limits.ts'

type Page<T> = { readonly items: readonly T[]; readonly next_cursor: string | null }

export const createListDepth = (window: Window) => ({
  pagesOf: (words: string): number => {
    const kept = window.history.state?.list
    return kept?.words === words ? Math.min(Number(kept.pages) || 1, pagesBackMax) : 1
  },
  /** To be called before the pages are there: by then the entry may be another one. */
  keep: (words: string, pages: number): void =>
    window.history.replaceState({ ...window.history.state, list: { words, pages } }, ''),
})

/** So many pages as one, or as many as there are. */
export const fetchPages = async <T>(
  pages: number,
  fetchOne: (after?: string) => Promise<Page<T>>,
): Promise<Page<T>> => {
  let all = await fetchOne()
  for (let n = 1; n < pages && all.next_cursor !== null; n++) {
    const page = await fetchOne(all.next_cursor)
    all = { items: [...all.items, ...page.items], next_cursor: page.next_cursor }
  }
  return all
}
