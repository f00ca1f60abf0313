// Rows that wrapped lines take, as far as they were seen: a line's height is known once it is here. Made anew for another width.
import { pageLines } from '../limits.ts'
import type { LogFeed } from './feed.svelte.ts'
import type { Row } from './folds.ts'
import { createWrapRows, type WrapRows } from './viewport.ts'

export const createLogWraps = (feed: LogFeed) => {
  let bySteps = new Map<number, WrapRows>()
  let round = $state(0)
  const rowsOf = (step: number): WrapRows => {
    const known = bySteps.get(step) ?? createWrapRows()
    bySteps.set(step, known)
    return known
  }
  return {
    /** Changes with what is known. */
    get round() {
      return round
    },
    rowsOf,
    /** Looks at the pages that are drawn; answers whether one is taller than was thought. */
    measure: (drawnRows: ReadonlyMap<number, readonly Row[]>, columns: number): boolean => {
      let isChanged = false
      for (const [step, drawn] of drawnRows)
        for (const page of new Set(drawn.map(({ number }) => Math.floor((number - 1) / pageLines)))) {
          const length = Math.min(pageLines, (feed.drawn.counts.get(step) ?? 0) - page * pageLines)
          const rows = Array.from({ length }, (_, i) =>
            Math.max(1, Math.ceil((feed.line(step, page * pageLines + i + 1)?.width ?? 1) / columns)),
          )
          isChanged = rowsOf(step).set(page, rows) || isChanged
        }
      if (isChanged) round++
      return isChanged
    },
    reset: (): void => {
      bySteps = new Map()
      round++
    },
  }
}
