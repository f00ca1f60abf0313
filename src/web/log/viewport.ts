// Which rows of a log are on screen. A log is a column of blocks, one per step: a heading and, when open, its lines.
// Pure arithmetic over heights, so that a million lines cost what sixty do.
import { pageLines } from '../limits.ts'

/** `rowsBefore(n)`: rows that lines 1 … n take (a wrapped line takes several); monotone, `rowsBefore(0)` is 0. */
export type Block = {
  readonly step: number
  readonly lines: number
  readonly rowsBefore: (line: number) => number
}

export type Metrics = { readonly headingPx: number; readonly rowPx: number }

export type Slice = {
  readonly step: number
  /** Lines `from` … `to` of the step, both included; none when `to` is below `from`. */
  readonly from: number
  readonly to: number
  readonly headingTop: number
  /** Where line `from` starts. */
  readonly linesTop: number
}

export const totalHeight = (blocks: readonly Block[], metrics: Metrics): number =>
  blocks.reduce((sum, block) => sum + blockHeight(block, metrics), 0)

/** The blocks that touch `[top, bottom)` with the lines that do. */
export const visibleSlices = (
  blocks: readonly Block[],
  metrics: Metrics,
  range: { readonly top: number; readonly bottom: number },
): readonly Slice[] => {
  const slices: Slice[] = []
  let headingTop = 0
  for (const block of blocks) {
    const end = headingTop + blockHeight(block, metrics)
    if (end > range.top && headingTop < range.bottom) {
      const start = headingTop + metrics.headingPx
      const from = lineAtRow(block, (range.top - start) / metrics.rowPx)
      const to = lineAtRow(block, (range.bottom - start) / metrics.rowPx)
      slices.push({
        step: block.step,
        from,
        to: range.bottom <= start ? from - 1 : to,
        headingTop,
        linesTop: start + block.rowsBefore(from - 1) * metrics.rowPx,
      })
    }
    headingTop = end
  }
  return slices
}

/** Where a line starts; line 0 is the heading. null when the step has no block. */
export const lineTop = (
  blocks: readonly Block[],
  metrics: Metrics,
  target: { readonly step: number; readonly line: number },
): number | null => {
  let top = 0
  for (const block of blocks) {
    if (block.step === target.step)
      return target.line < 1
        ? top
        : top + metrics.headingPx + block.rowsBefore(Math.min(target.line, block.lines) - 1) * metrics.rowPx
    top += blockHeight(block, metrics)
  }
  return null
}

/** Where on the scroll bar these lines are, from 0 to 1: a place that several share once. */
export const placesOnBar = (
  blocks: readonly Block[],
  metrics: Metrics,
  lines: readonly { readonly step: number; readonly line: number }[],
): readonly number[] => {
  const scale = scrollScale(totalHeight(blocks, metrics))
  const tops = new Map<number, number>()
  let end = 0
  for (const block of blocks) {
    tops.set(block.step, end)
    end += blockHeight(block, metrics)
  }
  const byStep = new Map(blocks.map((block) => [block.step, block]))
  const topOf = ({ step, line }: { readonly step: number; readonly line: number }): number => {
    const rows = byStep.get(step)?.rowsBefore(Math.min(line, byStep.get(step)?.lines ?? 0) - 1) ?? 0
    return (tops.get(step) ?? 0) + (rows > 0 ? metrics.headingPx + rows * metrics.rowPx : 0)
  }
  const places = lines.map((line) =>
    Math.floor((toPhysical(scale, topOf(line)) / scale.physical) * barPlaces),
  )
  return [...new Set(places)].map((place) => place / barPlaces)
}

/** Finer than a screen shows them. */
const barPlaces = 500

/**
 * Rows before each line when lines wrap. Only lines that somebody saw are known; any other counts as one row, so what lies
 * above the screen may turn out to be taller: whoever looks keeps the line at the top where it is.
 */
export const createWrapRows = () => {
  /** Per page: the first line, how many rows more than lines it has, and the rows of each line. */
  const pages = new Map<number, { readonly extra: number; readonly rows: readonly number[] }>()
  let starts: readonly { readonly page: number; readonly extraBefore: number }[] = []
  return {
    /** Whether anything changed. Page `n` begins after `n * pageLines` lines. */
    set: (page: number, rows: readonly number[]): boolean => {
      const extra = rows.reduce((sum, one) => sum + one - 1, 0)
      const known = pages.get(page)
      if (known === undefined ? extra === 0 : known.rows.join() === rows.join()) return false
      pages.set(page, { extra, rows })
      let extraBefore = 0
      starts = [...pages.entries()]
        .sort(([a], [b]) => a - b)
        .map(([number, one]) => {
          const start = { page: number, extraBefore }
          extraBefore += one.extra
          return start
        })
      return true
    },
    before: (line: number): number => {
      if (line < 1) return 0
      const page = Math.floor(line / pageLines)
      let low = 0
      let high = starts.length
      while (low < high) {
        const middle = (low + high) >> 1
        if ((starts[middle]?.page ?? 0) > page) high = middle
        else low = middle + 1
      }
      const start = starts[low - 1]
      if (start === undefined) return line
      const { extra, rows } = pages.get(start.page) ?? { extra: 0, rows: [] }
      const inside = start.page === page ? rows.slice(0, line - page * pageLines) : null
      return line + start.extraBefore + (inside?.reduce((sum, one) => sum + one - 1, 0) ?? extra)
    },
  }
}
export type WrapRows = ReturnType<typeof createWrapRows>

/**
 * Engines end an element at some 17 million pixels, so the scrolled one is shorter than a very long log. Near both ends a
 * pixel is a pixel; between them one stands for several.
 */
export type ScrollScale = { readonly virtual: number; readonly physical: number }
export const scrollScale = (virtual: number): ScrollScale => ({
  virtual,
  physical: Math.min(virtual, physicalMaxPx),
})
export const toPhysical = (scale: ScrollScale, top: number): number =>
  bend(top, scale.virtual, scale.physical)
export const toVirtual = (scale: ScrollScale, top: number): number => bend(top, scale.physical, scale.virtual)

const physicalMaxPx = 8_000_000
const exactPx = 1_000_000

const bend = (at: number, from: number, to: number): number => {
  if (from === to || at <= exactPx) return at
  if (at >= from - exactPx) return to - (from - at)
  return exactPx + ((at - exactPx) * (to - 2 * exactPx)) / (from - 2 * exactPx)
}

const blockHeight = (block: Block, metrics: Metrics): number =>
  metrics.headingPx + block.rowsBefore(block.lines) * metrics.rowPx

/** The line that covers a row, clamped to the block; by halving, since rowsBefore grows. */
const lineAtRow = (block: Block, row: number): number => {
  let low = 1
  let high = Math.max(1, block.lines)
  while (low < high) {
    const middle = (low + high) >> 1
    if (block.rowsBefore(middle) > row) high = middle
    else low = middle + 1
  }
  return block.lines === 0 ? 1 : low
}
