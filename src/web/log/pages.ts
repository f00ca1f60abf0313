// Lines of a log near what is on screen, in pages: those that were shown last stay, the others are asked for again.
import { keptPages, pageLines } from '../limits.ts'
import type { BookLine } from './decode.ts'

type Lines = readonly (BookLine | null)[]
/** `isLast`: with the end of its step, so another one once the step has grown. */
type Page = { readonly lines: Lines; readonly isLast: boolean; readonly isStale: boolean }

export const createLogPages = (ask: (step: number, page: number) => void) => {
  let counts: ReadonlyMap<number, number> = new Map()
  const pages = new Map<string, Page>()
  const asked = new Set<string>()
  const countOf = (step: number): number => counts.get(step) ?? 0
  return {
    get counts() {
      return counts
    },
    grow: (next: ReadonlyMap<number, number>): void => {
      counts = next
      for (const [name, page] of pages) if (page.isLast) pages.set(name, { ...page, isStale: true })
    },
    /** null: it could not be fetched; whoever wants it asks again. */
    take: (step: number, page: number, lines: Lines | null): void => {
      const name = `${step} ${page}`
      asked.delete(name)
      if (lines === null) return
      const isStale = lines.length < Math.min(pageLines, countOf(step) - page * pageLines)
      const isLast = (page + 1) * pageLines >= countOf(step)
      pages.delete(name)
      pages.set(name, { lines, isLast, isStale })
      const oldest = pages.keys().next().value
      if (pages.size > keptPages && oldest !== undefined) pages.delete(oldest)
    },
    /** Brings these lines. */
    want: (step: number, from: number, to: number): void => {
      const last = Math.floor((Math.min(to, countOf(step)) - 1) / pageLines)
      for (let page = Math.floor((Math.max(1, from) - 1) / pageLines); page <= last; page++) {
        const name = `${step} ${page}`
        if (pages.get(name)?.isStale === false || asked.has(name)) continue
        asked.add(name)
        ask(step, page)
      }
    },
    /** null: never stored; undefined: not here. */
    line: (step: number, number: number): BookLine | null | undefined =>
      pages.get(`${step} ${Math.floor((number - 1) / pageLines)}`)?.lines[(number - 1) % pageLines],
    clear: (): void => {
      pages.clear()
      asked.clear()
    },
  }
}
